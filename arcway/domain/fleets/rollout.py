"""How far a fleet is in its stages, and whether it may continue: its failures, the soak, and the gates.

`arcway.domain.fleets.state` keeps the members' states. Times are the orchestration's, in seconds since the epoch.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import DONE, MemberState
from arcway.domain.fleets.stage import Gate, Stage
from arcway.domain.json_values import Json
from arcway.domain.text import counted

type Step = Literal["before", "members", "soak", "verify", "after", "over"]
"""Where the current stage is: at the gate before it, at work, waiting, being verified, at the gate after it."""

HALT_SECONDS = 7 * 86_400.0
GATE_SECONDS = 30 * 86_400.0
CHECK_SECONDS = 86_400.0
"""How long it counts what the check of a gate has shown."""
_FIRST = 10
"""So many members of a stage show whether one cause makes (nearly) all of them fail."""
_ONE_CAUSE = 8


@dataclass(slots=True)
class Rollout:
    """The stages of a fleet, and where it is in them."""

    stages: list[Stage]
    states: bytearray
    current: int = 0
    step: Step = "before"
    soak_until: float | None = None
    gate: Gate | None = None
    halted: Json | None = None
    """Why nothing is started any more: `code`, `message`, and when (`at`)."""
    approvals: list[Json] = field(default_factory=list)
    """What was decided at gates, by whom and when."""
    checks: int = 0
    """How many checks were begun for gates."""
    counts_refused: bool = False
    """Whether failures count in which nothing was changed."""
    uncounted: set[int] = field(default_factory=set)
    """The failed members that do not count: nothing was changed, or a user resumed the fleet in spite of them."""

    @classmethod
    def read(cls, document: Json, states: bytearray) -> "Rollout":
        """The rollout that `as_json` wrote."""
        values: dict[str, Any] = {**document, "states": states, "uncounted": set(document["uncounted"])}
        values["stages"] = [Stage(**stage) for stage in document["stages"]]
        values["gate"] = Gate(**document["gate"]) if document["gate"] else None
        return cls(**values)

    def as_json(self) -> Json:
        """The rollout without the states, which the fleet keeps."""
        values = {name: value for name, value in asdict(self).items() if name != "states"}
        return {**values, "uncounted": sorted(self.uncounted)}

    # --- what is asked of it ---------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The current stage; the last one when all are over."""
        return self.stages[min(self.current, len(self.stages) - 1)]

    @property
    def open_end(self) -> int:
        """The index behind the last member that may be started."""
        if self.halted:
            return 0
        return self.begin_of(self.current) if self.step == "before" else self.stage.end

    def begin_of(self, number: int) -> int:
        """The index of a stage's first member."""
        return self.stages[number - 1].end if number else 0

    def number_of(self, index: int) -> int:
        """The stage that a member is in."""
        return bisect_right([stage.end for stage in self.stages], index)

    def may_start(self, index: int, running: Iterable[int]) -> bool:
        """Whether one more member may be in progress, by the budget of its stage, if that is strict."""
        number = self.number_of(index)
        stage, begin = self.stages[number], self.begin_of(number)
        return sum(begin <= other < stage.end for other in running) + stage.failed < stage.most_at_once

    def checked_range(self) -> tuple[int, int] | None:
        """The members behind the gate whose check is wanted: the first index, and the one behind the last."""
        gate = self.gate
        if gate is None or gate.check is not None:
            return None
        number = gate.stage + (gate.when == "after")
        return (self.begin_of(number), self.stages[number].end) if number < len(self.stages) else None

    def next_due(self) -> float | None:
        """When something is to be done though nothing happens."""
        due = [self.soak_until] if self.step == "soak" else []
        due += [self.halted["at"] + HALT_SECONDS] if self.halted else []
        due += [self.gate.asked + GATE_SECONDS] if self.gate else []
        return min((moment for moment in due if moment is not None), default=None)

    def overdue(self, now: float) -> tuple[Code, str] | None:
        """Why the fleet is given up: no user decided for too long."""
        if self.halted and now >= self.halted["at"] + HALT_SECONDS:
            return Code.FLEET_GIVEN_UP, f"The fleet was not resumed for a week. {self.halted['message']}"
        if self.gate and now >= self.gate.asked + GATE_SECONDS:
            return Code.GATE_NOT_APPROVED, f"Gate {self.gate_name} was not approved for 30 days."
        return None

    def is_stale(self, now: float) -> bool:
        """Whether what the check of the gate has shown is too old to be approved."""
        gate = self.gate
        return gate is not None and gate.checked is not None and now >= gate.checked + CHECK_SECONDS

    # --- what it decides -------------------------------------------------------------------------------------------

    def advance(self, parked: Collection[int], now: float) -> bool:
        """Continue as far as possible; returns whether another stage has begun to work on its members."""
        begun = False
        # A budget may be made smaller than what it has to bear, and failed members be found when none is left to start.
        for stage in self.stages[: self.current + 1]:
            if self.step != "over" and not self.halted and stage.is_over_budget and (parked or self._anything_left()):
                self._halt_by_budget(stage, now)
        while self.step != "over" and (moved := self._advance(parked, now)):
            begun = begun or moved == "members"
        return begun

    def _advance(self, parked: Collection[int], now: float) -> Step | None:
        if self.step == "soak" and (self.soak_until is None or now >= self.soak_until):
            return self._go("verify" if self.stage.soak and self._done() else "after")
        if self.halted:
            return None
        if self.step == "before":
            return self._begin(now)
        if self.step == "members":
            return self._end_members(parked, now)
        return self._complete(now) if self.step == "after" and self._may_pass("after", now) else None

    def _begin(self, now: float) -> Step | None:
        members = self._members()
        if not any(members.count(state) for state in (MemberState.WAITING, MemberState.RUNNING, MemberState.PARKED)):
            return self._complete(now)
        if not self._may_pass("before", now):
            return None
        self.stage.started = now
        return self._go("members")

    def _end_members(self, parked: Collection[int], now: float) -> Step | None:
        members = self._members()
        if members.count(MemberState.WAITING) or members.count(MemberState.RUNNING):
            return None
        if not self._done() and not self.stage.resumed:
            if any(index in parked for index in range(self.begin_of(self.current), self.stage.end)):
                return None  # it shows nothing yet that the members behind it could rely on
            tried = members.count(MemberState.FAILED) + members.count(MemberState.PARKED)
            if tried and self._anything_left():
                self.halt(Code.STAGE_WITHOUT_SUCCESS, f"No member of stage {self.stage.name} succeeded.", now)
                return None
        moved = self._go("soak")
        self.soak_until = now + self.stage.soak if self._done() else None
        return moved

    def _complete(self, now: float) -> Step:
        self.stage.completed = now
        self.current += 1
        return self._go("over" if self.current == len(self.stages) else "before")

    def _go(self, step: Step) -> Step:
        self.step, self.soak_until, self.gate = step, None, None
        return step

    def _may_pass(self, when: Literal["before", "after"], now: float) -> bool:
        if self.stage.approve != when or any(
            (item["stage"], item["when"], item["approved"]) == (self.current, when, True) for item in self.approvals
        ):
            return True
        if self.gate is None:
            self.checks += 1
            self.gate = Gate(self.current, when, now, self.checks)
        return False

    # --- what happened ---------------------------------------------------------------------------------------------

    def note_end(self, index: int, code: str, now: float, *, refused: bool = False) -> None:
        """A member has succeeded (no code) or failed; too many failures, or one cause of nearly all, halt the fleet."""
        stage = self.stages[self.number_of(index)]
        if len(stage.first) < _FIRST:
            stage.first.append(code)
        if code:
            self.note_failure(index, counts=self.counts_refused or not refused)
            self._halt_if_needed(stage, now)

    def note_failure(self, index: int, *, counts: bool = True) -> None:
        """A member has failed."""
        if counts:
            self.stages[self.number_of(index)].failed += 1
        else:
            self.uncounted.add(index)

    def forget_failure(self, index: int) -> None:
        """A failed member is to be done again, or has succeeded after all."""
        if index in self.uncounted:
            self.uncounted.discard(index)
        else:
            self.stages[self.number_of(index)].failed -= 1

    def _halt_if_needed(self, stage: Stage, now: float) -> None:
        if self.halted or stage.max_failures is None or not self._anything_left():
            return
        if stage.is_over_budget:
            self._halt_by_budget(stage, now)
            return
        codes = Counter(code for code in stage.first if code).most_common(1)
        if codes and codes[0][1] >= _ONE_CAUSE and not stage.resumed:
            code, count = codes[0]
            members = counted(len(stage.first), "member")
            message = f"{count} of the first {members} of stage {stage.name} failed with {code}."
            self.halt(Code.FAILURES_OF_ONE_CAUSE, message, now)

    def _halt_by_budget(self, stage: Stage, now: float) -> None:
        failed = f"{counted(stage.failed, 'member')} {'has' if stage.failed == 1 else 'have'}"
        message = f"{failed} failed in stage {stage.name}; the budget is {stage.max_failures}."
        self.halt(Code.FAILURE_BUDGET_USED, message, now)

    def halt(self, code: str, message: str, now: float) -> None:
        """Start nothing any more until a user resumes or retries, or for a week."""
        self.halted = {"code": code, "message": message, "at": now}

    def verified(self, lost: int, now: float) -> None:
        """The clusters of the stage were read in Azure, and those that were lost are failed members now."""
        if self.step == "verify":
            self._go("after")
            if lost:
                self._halt_if_needed(self.stage, now)

    def take_check(self, result: Json, now: float) -> None:
        """What the check of the members behind the gate has shown."""
        if self.gate:
            self.gate.check, self.gate.checked = result, now

    # --- commands --------------------------------------------------------------------------------------------------

    def check_again(self) -> None:
        """What the check of the gate has shown is too old."""
        if self.gate and self.gate.check is not None:
            self.checks += 1
            self.gate.checks = self.checks
            self.gate.check = self.gate.checked = None

    def decide(self, decision: Json) -> bool:
        """Approve or reject the gate that the decision is for; returns whether it is the one that is open."""
        gate = self.gate
        if gate is None or self.gate_name != decision["gate"]:
            return False
        own = {name: decision[name] for name in ("by", "at", "comment", "approved")}
        self.approvals.append({"stage": gate.stage, "when": gate.when, **own})
        self.gate = None
        return True

    @property
    def gate_name(self) -> str | None:
        """What a decision names, so that it counts for one gate only."""
        return f"{self.stages[self.gate.stage].name}/{self.gate.when}" if self.gate else None

    def lift(self, *, retried: bool) -> None:
        """Continue after a halt: the failures so far do not count.

        A fleet whose budget is used is not halted when it has no member left to start, so it is lifted then, too.
        After a retry, the next ends of a stage may show one cause again.
        """
        if self.halted is None and not any(stage.is_over_budget for stage in self.stages[: self.current + 1]):
            return
        self.halted = None
        for number, stage in enumerate(self.stages[: self.current + 1]):
            stage.failed = 0
            for index in range(self.begin_of(number), stage.end):
                if self.states[index] == MemberState.FAILED:
                    self.uncounted.add(index)
            if retried:
                stage.first.clear()
            else:
                stage.resumed = True

    def reopen(self) -> None:
        """The fleet continues after its end: a gate is checked and asked for again, and a halt is over."""
        self.gate = None
        self.lift(retried=True)

    def retried(self, indices: Iterable[int]) -> None:
        """Members are to be done again: their stage is not over before them."""
        again = any(self.begin_of(self.current) <= index < self.stage.end for index in indices)
        if again and self.step in ("soak", "verify", "after"):
            self._go("members")

    def change_budget(self, count: Callable[[int], int]) -> None:
        """Another budget for this stage and those behind it; `count` makes the number of failures of a stage's size."""
        for number, stage in [*enumerate(self.stages)][self.current :]:
            stage.max_failures = count(stage.end - self.begin_of(number))

    def skip_soak(self) -> None:
        """Verify the clusters of the stage now."""
        if self.step == "soak":
            self.soak_until = None

    def _members(self) -> bytearray:
        return self.states[self.begin_of(self.current) : self.stage.end]

    def _done(self) -> int:
        members = self._members()
        return sum(members.count(state) for state in DONE)

    def _anything_left(self) -> bool:
        return self.states.find(MemberState.WAITING) >= 0
