"""The state of a fleet in progress, and its decisions: whom to start, whom to try again, when it is over.

How far it may go is decided by its stages (`rollout`).

It knows no engine: the orchestrator tells it what happened and when, and does what it decides. Times are seconds since
the epoch, in the orchestration's clock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.fleets.forecasts import Forecasts
from arcway.domain.fleets.member import NOTHING_CHANGED, Parked, Report, Running, is_parkable
from arcway.domain.fleets.member_map import DONE, MemberState, decode, encode
from arcway.domain.fleets.plan import Forecast
from arcway.domain.fleets.rollout import Rollout
from arcway.domain.fleets.stage import Stage
from arcway.domain.json_values import Json

VERSION = 2
BATCH = 16
"""How many members are started by one step."""
SLOW_START = 3
SHORT_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 15.0, 300.0, 3600.0
_ENDS_KEPT = 20


@dataclass(slots=True)
class FleetState:
    """All members of a fleet, and what was asked of it since."""

    window: int
    window_now: int
    park_for: float
    states: bytearray
    rollout: Rollout
    slow: bool = False
    """Whether the window grows with each success."""
    running: dict[int, Running] = field(default_factory=dict)
    parked: dict[int, Parked] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    """The number of the next attempt, of members that were started before."""
    failures: dict[str, list[int]] = field(default_factory=dict)
    """The failed and parked members, by the code of their error."""
    ends: list[float] = field(default_factory=list)
    """When the last members ended."""
    commands: list[str] = field(default_factory=list)
    """The ids of the last commands, so that one that comes twice has its effect once."""
    paused: Json | None = None
    """Who paused the fleet and when."""
    canceled: Json | None = None
    """Who canceled the fleet, when, and whether the members in progress were canceled, too."""
    given_up: Json | None = None
    """Why the fleet ends without a cancel: `code`, `message`, and its `outcome`."""
    forecasts: Forecasts = field(default_factory=Forecasts)
    """What the checks of members have shown."""

    @classmethod
    def new(
        cls,
        size: int,
        window: int,
        *,
        slow: bool,
        park_for: float,
        stages: Sequence[Stage] = (),
        counts_refused: bool = False,
    ) -> "FleetState":
        """The state of a fleet of which no member was started yet; without stages, it has one, and no budget."""
        states = bytearray(size)
        rollout = Rollout([*stages] or [Stage("all", size, window)], states, counts_refused=counts_refused)
        window = rollout.stage.window
        return cls(window, min(window, SLOW_START) if slow else window, park_for, states, rollout, slow)

    @classmethod
    def of(cls, payload: Json) -> "FleetState":
        """The state with which a generation begins that was started with this input."""
        if "state" in payload:
            return cls.read(payload["state"])
        state = cls.new(
            payload["size"],
            payload["window"],
            slow=payload["start"] == "slow",
            park_for=payload["parkFor"],
            # A fleet that was accepted before there were stages has none.
            stages=[Stage(**stage) for stage in payload.get("stages") or ()],
            counts_refused=payload.get("countsRefused", False),
        )
        if (span := payload.get("range")) is not None:
            # A check of some members of a fleet's list: the others keep their indices and are left out.
            for index in range(payload["size"]):
                if not span[0] <= index < span[0] + span[1]:
                    state.states[index] = MemberState.SKIPPED
        return state

    @classmethod
    def read(cls, document: Json) -> "FleetState":
        """The state that `as_json` wrote."""
        values: dict[str, Any] = {name: value for name, value in document.items() if name not in ("version", "size")}
        values["states"] = states = bytearray(decode(document["states"], document["size"]))
        if "rollout" in document:
            values["rollout"] = Rollout.read(document["rollout"], states)
        else:
            values["rollout"] = Rollout([Stage("all", document["size"], document["window"])], states)
        values["running"] = {int(index): Running(**item) for index, item in document["running"].items()}
        values["parked"] = {int(index): Parked(**item) for index, item in document["parked"].items()}
        values["attempts"] = {int(index): number for index, number in document["attempts"].items()}
        values["forecasts"] = Forecasts.read(document.get("forecasts"))
        return cls(**values)

    def as_json(self) -> Json:
        """The state as the next generation of the orchestration is given it."""
        values = {name: value for name, value in asdict(self).items() if name not in ("states", "rollout")}
        own = {"version": VERSION, "size": len(self.states), "states": encode(bytes(self.states))}
        return {**values, **own, "forecasts": self.forecasts.as_json(), "rollout": self.rollout.as_json()}

    # --- what is asked of it ---------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing is in progress and nothing will be started any more."""
        if self.running or self.parked or self.states.find(MemberState.WAITING) >= 0:
            return False
        return self.is_ending or self.rollout.step == "over"

    @property
    def is_ending(self) -> bool:
        """Whether nothing is started any more."""
        return self.canceled is not None or self.given_up is not None

    def count(self, state: MemberState) -> int:
        """How many members are in a state."""
        return self.states.count(state)

    def next_try(self) -> float | None:
        """When the next parked member is to be tried again; None when there is none, or none may be started."""
        if self.paused or self.is_ending or not self.parked or self._free_slots() <= 0:
            return None
        end = self.rollout.open_end
        return min((item.until for index, item in self.parked.items() if index < end), default=None)

    # --- what it decides -------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[tuple[int, int]]:
        """The members to start now, each with the number of its attempt; they hold a slot from here on."""
        if self.paused or self.is_ending:
            return []
        started: list[tuple[int, int]] = []
        candidates = self._candidates(now)
        while len(started) < BATCH and self._free_slots() > 0 and (index := next(candidates, None)) is not None:
            started.append((index, self._start(index, now)))
        return started

    def _candidates(self, now: float) -> Iterator[int]:
        """Whom to start, in this order; each is asked for after the one before it was started."""
        end, running = self.rollout.open_end, self.running
        due = sorted((item.until, index) for index, item in self.parked.items() if item.until <= now and index < end)
        yield from (index for _, index in due if self.rollout.may_start(index, running))
        position = -1
        while (position := self.states.find(MemberState.WAITING, position + 1, end)) >= 0:
            if self.rollout.may_start(position, running):
                yield position
            else:
                position = self.rollout.stages[self.rollout.number_of(position)].end - 1

    def advance(self, now: float) -> None:
        """Begin the next stages as far as they may; give up if no user has decided for too long."""
        if self.is_ending:
            return
        if overdue := self.rollout.overdue(now):
            code, message = overdue
            self.give_up(code, message, "Failed")
        elif self.rollout.advance(self.parked, now):
            self.window = self.rollout.stage.window
            self.window_now = min(self.window_now, self.window) if self.slow else self.window

    # --- what happened -------------------------------------------------------------------------------------------

    def confirm(self, index: int, attempt: int, run: str, *, adopted: bool = False) -> None:
        """The member's run was started, or found in progress; an adopted one is another caller's."""
        if member := self._current(index, attempt):
            member.run, member.adopted = run, adopted

    def end(self, index: int, attempt: int, report: Report, now: float) -> bool:
        """The member's run has ended; returns whether it was in progress: a report may come twice, or late."""
        if not self._current(index, attempt):
            return self._mend(index, attempt, report)
        if report.forecast:
            self.forecasts.put(index, Forecast.read(report.forecast))
        if report.outcome == "Superseded" or is_parkable(report):
            # What took a run's place says nothing of how that ended; an operation that is done again changes nothing.
            self.park(index, attempt, str(report.code or Code.RUN_SUPERSEDED), now)
            return True
        self.running.pop(index)
        self.ends = [*self.ends, now][-_ENDS_KEPT:]
        if report.outcome == "Succeeded":
            self.states[index] = MemberState.UNCHANGED if report.changed is False else MemberState.SUCCEEDED
            self.window_now = min(self.window, self.window_now + 1)
            if attempt:
                self.attempts[index] = attempt + 1
            self.rollout.note_end(index, "", now)
        else:
            canceled = report.outcome == "Canceled"
            self.states[index] = MemberState.CANCELED if canceled else MemberState.FAILED
            self.attempts[index] = attempt + 1
            if not canceled:
                code = str(report.code or Code.INTERNAL_ERROR)
                self.failures.setdefault(code, []).append(index)
                self.rollout.note_end(index, code, now, refused=report.phase in NOTHING_CHANGED)
        return True

    def verify(self, lost: Sequence[tuple[int, str]], now: float) -> None:
        """After the soak, clusters were read in Azure: those that were lost have failed, with the code why."""
        count = 0
        for index, code in lost:
            if self.states[index] in DONE:
                self.states[index] = MemberState.FAILED
                self.failures.setdefault(code, []).append(index)
                self.attempts[index] = self.attempts.get(index, 1)
                self.rollout.note_failure(index)
                count += 1
        self.rollout.verified(count, now)

    def park(self, index: int, attempt: int, code: str, now: float) -> None:
        """The member cannot be worked on now: it gives its slot back and is tried again until `park_for` has passed."""
        if member := self._current(index, attempt):
            tries, since = member.tries + 1, now if member.parked_since is None else member.parked_since
            self.attempts[index] = attempt + 1
            self._park(index, Parked(since, now + min(FIRST_PAUSE * tries, LONGEST_PAUSE), tries, code))

    def put_back(self, index: int, attempt: int, code: str, now: float) -> None:
        """The member could not be started through no fault of its own: it is tried again soon, as the same attempt."""
        if member := self._current(index, attempt):
            since = now if member.parked_since is None else member.parked_since
            self.attempts[index] = attempt
            self._park(index, Parked(since, now + SHORT_PAUSE, member.tries, code))

    def give_up(self, code: str, message: str, outcome: str) -> None:
        """End the fleet in a state that no cancel of a caller brought about."""
        self.given_up = {"code": code, "message": message, "outcome": outcome}
        self.end_others()

    def end_others(self) -> None:
        """Members that are not in progress are not started any more."""
        self.paused = None
        for index, state in enumerate(self.states):
            if state in (MemberState.WAITING, MemberState.PARKED):
                self.states[index] = MemberState.CANCELED
                self.forget_failure(index)
        self.parked.clear()

    # --- its own ---------------------------------------------------------------------------------------------------

    def _free_slots(self) -> int:
        """How many more may be in progress; less than none when the window was made smaller."""
        return min(self.window, self.window_now) - len(self.running)

    def _start(self, index: int, now: float) -> int:
        parked, attempt = self.parked.pop(index, None), self.attempts.get(index, 0)
        self.forget_failure(index)
        self.states[index] = MemberState.RUNNING
        self.running[index] = Running(attempt, now)
        if parked:
            self.running[index].parked_since, self.running[index].tries = parked.since, parked.tries
        return attempt

    def _park(self, index: int, parked: Parked) -> None:
        del self.running[index]
        if self.is_ending:
            self.states[index] = MemberState.CANCELED
            return
        self.states[index] = MemberState.PARKED
        self.failures.setdefault(parked.code, []).append(index)
        if parked.until - parked.since <= self.park_for:
            self.parked[index] = parked

    def _mend(self, index: int, attempt: int, report: Report) -> bool:
        """A run that a caller retried counts for its member, if the fleet has not tried again since."""
        mendable = (MemberState.FAILED, MemberState.PARKED, MemberState.CANCELED)
        is_last = self.attempts.get(index) == attempt + 1
        if report.outcome != "Succeeded" or not is_last or self.states[index] not in mendable:
            return False
        self.parked.pop(index, None)
        self.forget_failure(index)
        self.states[index] = MemberState.SUCCEEDED
        return True

    def forget_failure(self, index: int) -> None:
        """A member has not failed, and is not parked, any more."""
        if self.states[index] == MemberState.FAILED:
            self.rollout.forget_failure(index)
        for code, members in list(self.failures.items()):
            if index in members:
                members.remove(index)
                if not members:
                    del self.failures[code]

    def _current(self, index: int, attempt: int) -> Running | None:
        """The member, if this attempt of it is in progress."""
        member = self.running.get(index)
        return member if member and member.attempt == attempt else None
