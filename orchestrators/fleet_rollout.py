"""What a fleet's stages need from outside: the check of what a gate lets through, the verification after a soak.

`arcway.domain.fleets.rollout` says what is wanted; this does it, and asks again while there is no answer.
"""

from collections.abc import Callable
from typing import Any

from arcway.domain.fleets.member_map import encode
from arcway.domain.fleets.state import FleetState
from arcway.domain.fleets.steps import LOOK_AT_AZURE, START_CHECK
from arcway.domain.json_values import Json
from durabletask.task import Task, TaskFailedError

from orchestrators.back_off import back_off

ASK_SECONDS = 300.0
LONGEST_PAUSE = 600.0


class RolloutSteps:
    """The steps of one generation; `call` begins an activity."""

    def __init__(self, state: FleetState, fleet: str, call: Callable[..., Task[Any]]) -> None:
        self._state = state
        self._fleet = fleet
        self._call = call
        self._checking: Task[Any] | None = None
        self._verifying: Task[Any] | None = None
        self._range = (0, 0)
        self._check_at = self._verify_at = 0.0
        self._check_of: tuple[int, int, int] | None = None
        self._refusals = 0

    @property
    def tasks(self) -> list[Task[Any]]:
        """What is in progress."""
        return [task for task in (self._checking, self._verifying) if task is not None]

    def begin(self, now: float) -> None:
        """Begin what is wanted and due."""
        rollout = self._state.rollout
        if self._checking is None and self._check_due() <= now and (wanted := rollout.checked_range()) and rollout.gate:
            begin, end = wanted
            self._check_of = (begin, end, rollout.gate.checks)
            self._checking = self._call(START_CHECK, first=begin, count=end - begin, attempt=rollout.gate.checks)
        if self._verifying is None and now >= self._verify_at and rollout.step == "verify" and not rollout.halted:
            self._range = (rollout.begin_of(rollout.current), rollout.stage.end)
            states = encode(bytes(rollout.states[slice(*self._range)]))
            own = {"first": self._range[0], "count": self._range[1] - self._range[0], "states": states}
            self._verifying = self._call(LOOK_AT_AZURE, **own)

    def _check_due(self) -> float:
        """When the check that is wanted is to be asked for: one that was not yet, at once."""
        rollout = self._state.rollout
        wanted = rollout.checked_range()
        is_new = wanted and rollout.gate and self._check_of != (*wanted, rollout.gate.checks)
        return 0.0 if is_new else self._check_at

    def next_due(self) -> list[float]:
        """When something is to be asked again."""
        rollout = self._state.rollout
        due = [self._check_due()] if rollout.checked_range() and self._checking is None else []
        is_wanted = rollout.step == "verify" and not rollout.halted and self._verifying is None
        return [*due, self._verify_at] if is_wanted else due

    def take_results(self, now: float) -> bool:
        """Feed back what has come; returns whether anything has."""
        changed = False
        if self._checking is not None and self._checking.is_complete:
            outcome, self._checking = _outcome_of(self._checking), None
            self._check_at = now + self._pause(outcome)
            changed = self.take_check((outcome.get("ok") or {}).get("result"), now)
        if self._verifying is not None and self._verifying.is_complete:
            outcome, self._verifying = _outcome_of(self._verifying), None
            changed = self._take_verification(outcome, now) or changed
        return changed

    def take_check(self, result: Any, now: float) -> bool:
        """What a check has shown, if it is the one that the gate waits for."""
        rollout = self._state.rollout
        checked = rollout.checked_range()
        if (
            not isinstance(result, dict)
            or result.get("fleet") != self._fleet
            or checked is None
            or rollout.gate is None
        ):
            return False
        expected = (checked[0], checked[1] - checked[0], rollout.gate.checks)
        if (result["first"], result["count"], result["attempt"]) != expected:
            return False
        rollout.take_check(result, now)
        return True

    def _take_verification(self, outcome: Json, now: float) -> bool:
        rollout = self._state.rollout
        if (rollout.begin_of(rollout.current), rollout.stage.end) != self._range or rollout.step != "verify":
            return False
        if "ok" in outcome:
            self._state.verify([(index, code) for index, code in outcome["ok"]], now)
        elif outcome["error"]["retryable"]:
            self._verify_at = now + self._pause(outcome)
            return False
        else:
            rollout.halt(outcome["error"]["code"], outcome["error"]["message"], now)
        return True

    def _pause(self, outcome: Json) -> float:
        if "ok" in outcome:
            self._refusals = 0
            return ASK_SECONDS
        self._refusals += 1
        return back_off(self._fleet, LOOK_AT_AZURE.name, self._refusals, outcome["error"], LONGEST_PAUSE)


def _outcome_of(task: Task[Any]) -> Json:
    try:
        outcome: Json = task.get_result()
    except TaskFailedError:
        # What is wrong is in the log; the step is done again.
        return {"error": {"retryable": True, "retryAfterSeconds": None}}
    return outcome
