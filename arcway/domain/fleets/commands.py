"""What a fleet does when a caller commands it. A command counts once, and has no effect where it makes no sense."""

from collections.abc import Sequence

from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.stages import MaxFailures, count_of
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json

_COMMANDS_KEPT = 50
_RETRYABLE = (MemberState.FAILED, MemberState.PARKED, MemberState.CANCELED, MemberState.SKIPPED)


def obey(fleet: FleetState, command: Json, now: float) -> None:
    """Do what a command says (`id`, `name`, `by`, `at`, and what belongs to it)."""
    if command["id"] in fleet.commands:
        return
    fleet.commands = [*fleet.commands, command["id"]][-_COMMANDS_KEPT:]
    by = {"by": command["by"], "at": command["at"]}
    match command["name"]:
        case "pause" if not fleet.is_ending:
            fleet.paused = by
        case "resume" if not fleet.is_ending:
            fleet.paused = None
            _change_budget(fleet, command.get("maxFailures"))
            fleet.rollout.lift(retried=False)
        case "cancel":
            sent = (fleet.canceled or {}).get("sent", [])
            fleet.canceled = {**by, "running": command["running"], "sent": sent}
            fleet.end_others()
        case "retry" if not fleet.is_ending:
            _retry(fleet, retryable(fleet, command.get("members"), command.get("codes")))
        case "skip":
            _skip(fleet, command)
        case "set":
            _set_window(fleet, command.get("window"))
            _change_budget(fleet, command.get("maxFailures"))
        case "approve" | "reject" if not fleet.is_ending:
            _decide(fleet, command, now)


def retryable(fleet: FleetState, members: list[int] | None, codes: list[str] | None) -> list[int]:
    """The members that a command to retry is about: the failed and parked ones, or those that it names."""
    named = {index for code in codes or fleet.failures for index in fleet.failures.get(code, ())}
    if members is None:
        return sorted(named)
    chosen = [index for index in members if 0 <= index < len(fleet.states) and fleet.states[index] in _RETRYABLE]
    return [index for index in chosen if not codes or index in named]


def _retry(fleet: FleetState, members: Sequence[int]) -> None:
    for index in members:
        fleet.forget_failure(index)
        fleet.parked.pop(index, None)
        fleet.states[index] = MemberState.WAITING
    if members:
        fleet.rollout.lift(retried=True)
        fleet.rollout.retried(members)


def _skip(fleet: FleetState, command: Json) -> None:
    """Leave members out, or those of a stage; or end the soak."""
    if command.get("soak"):
        fleet.rollout.skip_soak()
    members: Sequence[int] = command.get("members") or ()
    for number, stage in enumerate(fleet.rollout.stages):
        if stage.name == command.get("stage"):
            members = range(fleet.rollout.begin_of(number), stage.end)
    for index in members:
        if 0 <= index < len(fleet.states) and fleet.states[index] in (MemberState.WAITING, MemberState.PARKED):
            fleet.parked.pop(index, None)
            fleet.forget_failure(index)
            fleet.states[index] = MemberState.SKIPPED


def _set_window(fleet: FleetState, window: int | None) -> None:
    if window is None:
        return
    # A window that was opened stays as wide as it was allowed to grow.
    is_open = fleet.window_now >= fleet.window
    fleet.window = window
    fleet.window_now = window if is_open else min(fleet.window_now, window)
    for stage in fleet.rollout.stages[fleet.rollout.current :]:
        stage.window = window


def _change_budget(fleet: FleetState, max_failures: MaxFailures | None) -> None:
    if max_failures is not None:
        fleet.rollout.change_budget(lambda size: count_of(max_failures, size))


def _decide(fleet: FleetState, command: Json, now: float) -> None:
    """A decision about a gate. What is approved must have been checked, and not too long ago."""
    rollout, approved = fleet.rollout, command["name"] == "approve"
    if approved and rollout.is_stale(now):
        rollout.check_again()
    if approved and rollout.checked_range():
        return
    if rollout.decide({**command, "approved": approved}) and not approved:
        fleet.give_up(Code.GATE_REJECTED, f"Gate {command['gate']} was rejected.", "Canceled")
