"""What a fleet does differently that checks its members for a plan, or that is held to one."""

from datetime import UTC, timedelta

from arcway.domain.fleets.check_report import check_report, summary_without_digest
from arcway.domain.fleets.document import outcome
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.state import FleetState
from arcway.domain.fleets.steps import SUMMARIZE_CHECK, CheckSummary
from arcway.domain.json_values import Json
from arcway.domain.timestamps import timestamp
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrators.run_context import Work

CHECKED = "checked"
"""The event to the fleet that a check was started for."""
SUMMARY_SECONDS = 600.0
_LONGEST_PAUSE = 60.0


def held_to_plan(payload: Json, state: FleetState, batch: list[tuple[int, int]]) -> Json:
    """The members of a batch that must be as the fleet's plan says.

    These are the members that were only parked so far: who has a failed member retried wants it done all the same.
    """
    if not payload.get("planned"):
        return {}
    return {"held": [index for index, attempt in batch if attempt == state.running[index].tries]}


def outcome_of(payload: Json, state: FleetState) -> str:
    """The state in which a fleet ends. A check of some members has succeeded when these are checked."""
    checked = state.count(MemberState.SUCCEEDED) + state.count(MemberState.UNCHANGED)
    if "range" in payload and not state.canceled and checked == payload["range"][1]:
        return "Succeeded"
    return outcome(state)


def pages_of(payload: Json) -> int:
    """How many pages of a list the fleet lets go at its end: none of another fleet's list."""
    return 0 if "range" in payload else payload["pages"]


def report_check(context: OrchestrationContext, payload: Json, state: FleetState) -> Work[None]:
    """Tell the fleet that this check was started for what it has shown.

    `classes` and `codes` have the members that were checked. `digest` is None when the plan could not be put together:
    a member was not checked, or its entry in the list could not be read for ten minutes.
    """
    if payload.get("parent") is None:
        return
    summary = yield from _summary(context, payload, state)
    now = timestamp(context.current_utc_datetime.replace(tzinfo=UTC))
    context.send_event(payload["parent"].partition(".")[0], CHECKED, data=check_report(payload, summary, now))


def _summary(context: OrchestrationContext, payload: Json, state: FleetState) -> Work[CheckSummary]:
    """What `summarize_check` returns, which knows the clusters and what is in progress on them; else what is known."""
    own = {name: value for name, value in payload.items() if name != "state"}
    until, pause = context.current_utc_datetime + timedelta(seconds=SUMMARY_SECONDS), 1.0
    while True:
        try:
            outcome: Json = yield context.call_activity(
                SUMMARIZE_CHECK.name, input={**own, "forecasts": forecasts_of(state)}
            )
        except TaskFailedError:
            outcome = {}  # what is wrong is in the log
        if "ok" in outcome:
            summary: CheckSummary = outcome["ok"]
            return summary
        if context.current_utc_datetime >= until:
            return summary_without_digest(item for _, item in state.forecasts.items())
        yield context.create_timer(timedelta(seconds=pause))
        pause = min(2 * pause, _LONGEST_PAUSE)


def forecasts_of(state: FleetState) -> Json:
    """The forecasts and the states of all members, as `arcway.runs.fleet_checks` reads them."""
    return {name: state.as_json()[name] for name in ("forecasts", "states", "size")}
