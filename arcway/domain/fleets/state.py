"""The state of a fleet in progress, and its decisions: whom to start, whom to try again, when it is over.

It knows no engine: the orchestrator tells it what happened and when, and does what it decides. Times are seconds since
the epoch, in the orchestration's clock.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from arcway.domain.codes import Code
from arcway.domain.fleets.forecasts import Forecasts
from arcway.domain.fleets.member_map import MemberState, decode, encode
from arcway.domain.fleets.plan import Forecast
from arcway.domain.json_values import Json

VERSION = 1
BATCH = 16
"""How many members are started by one step."""
SLOW_START = 3
SHORT_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 15.0, 300.0, 3600.0
_ENDS_KEPT = 20
_COMMANDS_KEPT = 50

# Nothing was changed yet, and the cluster may be there later: the member waits without a slot and has not failed.
PARKABLE = frozenset({Code.API_SERVER_UNREACHABLE, Code.API_SERVER_TIMEOUT, Code.SECRET_UNUSABLE, Code.RUN_IN_PROGRESS})
PARKABLE |= {Code.MEMBER_NOT_AS_PLANNED}
NOTHING_CHANGED = ("checkCluster", None)
"""The phases before which nothing was changed; None is the start itself."""

type Outcome = Literal["Succeeded", "Failed", "Canceled", "Superseded"]


@dataclass(frozen=True, slots=True)
class Report:
    """How a member's run ended."""

    outcome: Outcome
    changed: bool | None = None
    code: str | None = None
    phase: str | None = None
    """The phase in which it failed."""
    forecast: Json | None = None
    """What a check of the member tells of it (`arcway.domain.fleets.plan`)."""


@dataclass(slots=True)
class Running:
    """A member in progress. `run` is None until its start is confirmed; `since` is when it was started."""

    attempt: int
    since: float
    run: str | None = None
    adopted: bool = False
    """Whether the run is another caller's, with an equal request: it reports nothing, and is not canceled."""
    parked_since: float | None = None
    """When it was first parked, if it was."""
    tries: int = 0
    """How often it was parked."""


@dataclass(slots=True)
class Parked:
    """A member that is tried again at `until`; `since` is when it was first parked, `code` why it was last."""

    since: float
    until: float
    tries: int
    code: str


@dataclass(slots=True)
class FleetState:
    """All members of a fleet, and what was asked of it since."""

    window: int
    window_now: int
    park_for: float
    states: bytearray
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
    forecasts: Forecasts = field(default_factory=Forecasts)
    """What the checks of members have shown."""

    @classmethod
    def new(cls, size: int, window: int, *, slow: bool, park_for: float) -> "FleetState":
        """The state of a fleet of which no member was started yet."""
        return cls(window, min(window, SLOW_START) if slow else window, park_for, bytearray(size))

    @classmethod
    def of(cls, payload: Json) -> "FleetState":
        """The state with which a generation begins that was started with this input."""
        if "state" in payload:
            return cls.read(payload["state"])
        is_slow = payload["start"] == "slow"
        state = cls.new(payload["size"], payload["window"], slow=is_slow, park_for=payload["parkFor"])
        if (span := payload.get("range")) is not None:
            # A check of some members of a fleet's list: the others keep their indices and are left out.
            state._skip([index for index in range(payload["size"]) if not span[0] <= index < span[0] + span[1]])
        return state

    @classmethod
    def read(cls, document: Json) -> "FleetState":
        """The state that `as_json` wrote."""
        values: dict[str, Any] = {name: value for name, value in document.items() if name not in ("version", "size")}
        values["states"] = bytearray(decode(document["states"], document["size"]))
        values["running"] = {int(index): Running(**item) for index, item in document["running"].items()}
        values["parked"] = {int(index): Parked(**item) for index, item in document["parked"].items()}
        values["attempts"] = {int(index): number for index, number in document["attempts"].items()}
        values["forecasts"] = Forecasts.read(document.get("forecasts"))
        return cls(**values)

    def as_json(self) -> Json:
        """The state as the next generation of the orchestration is given it."""
        values = {name: value for name, value in asdict(self).items() if name != "states"}
        values["forecasts"] = self.forecasts.as_json()
        return {**values, "version": VERSION, "size": len(self.states), "states": encode(bytes(self.states))}

    # --- what is asked of it ---------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing is in progress and nothing will be started any more."""
        return not self.running and not self.parked and self.states.find(MemberState.WAITING) < 0

    def count(self, state: MemberState) -> int:
        """How many members are in a state."""
        return self.states.count(state)

    def next_try(self) -> float | None:
        """When the next parked member is to be tried again; None when there is none, or none may be started."""
        if self.paused or self.canceled or not self.parked or self._free_slots() <= 0:
            return None
        return min(item.until for item in self.parked.values())

    # --- what it decides -------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[tuple[int, int]]:
        """The members to start now, each with the number of its attempt; they hold a slot from here on."""
        if self.paused or self.canceled:
            return []
        free = min(self._free_slots(), BATCH)
        due = sorted((item.until, index) for index, item in self.parked.items() if item.until <= now)
        chosen = [index for _, index in due[: max(free, 0)]]
        position = -1
        while len(chosen) < free and (position := self.states.find(MemberState.WAITING, position + 1)) >= 0:
            chosen.append(position)
        return [(index, self._start(index, now)) for index in chosen[:free]]

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
        if report.outcome == "Superseded" or _is_parkable(report):
            # What took a run's place says nothing of how that ended; an operation that is done again changes nothing.
            self.park(index, attempt, str(report.code or Code.RUN_SUPERSEDED), now)
            return True
        self.running.pop(index)
        self.ends = [*self.ends, now][-_ENDS_KEPT:]
        if report.outcome == "Succeeded":
            self.states[index] = MemberState.UNCHANGED if report.changed is False else MemberState.SUCCEEDED
            self.window_now = min(self.window, self.window_now + 1)
            self.attempts.pop(index, None)
        else:
            canceled = report.outcome == "Canceled"
            self.states[index] = MemberState.CANCELED if canceled else MemberState.FAILED
            self.attempts[index] = attempt + 1
            if not canceled:
                self.failures.setdefault(str(report.code or Code.INTERNAL_ERROR), []).append(index)
        return True

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

    # --- commands --------------------------------------------------------------------------------------------------

    def command(self, command: Json) -> None:
        """Obey a command; one that came before, or makes no sense any more, has no effect."""
        if command["id"] in self.commands:
            return
        self.commands = [*self.commands, command["id"]][-_COMMANDS_KEPT:]
        by = {"by": command["by"], "at": command["at"]}
        match command["name"]:
            case "pause" if not self.canceled:
                self.paused = by
            case "resume":
                self.paused = None
            case "cancel":
                self._cancel({**by, "running": command["running"]})
            case "retry" if not self.canceled:
                self._retry(command.get("members"), command.get("codes"))
            case "skip":
                self._skip(command["members"])
            case "set":
                # A window that was opened stays as wide as it was allowed to grow.
                is_open = self.window_now >= self.window
                self.window = command["window"]
                self.window_now = self.window if is_open else min(self.window_now, self.window)

    def _cancel(self, canceled: Json) -> None:
        self.canceled, self.paused = canceled, None
        for index, state in enumerate(self.states):
            if state in (MemberState.WAITING, MemberState.PARKED):
                self.states[index] = MemberState.CANCELED
                self._forget_failure(index)
        self.parked.clear()

    def retryable(self, members: list[int] | None, codes: list[str] | None) -> list[int]:
        """The members that a command to retry is about: the failed and parked ones, or those that it names."""
        named = {index for code in codes or self.failures for index in self.failures.get(code, ())}
        if members is None:
            return sorted(named)
        again = (MemberState.FAILED, MemberState.PARKED, MemberState.CANCELED, MemberState.SKIPPED)
        chosen = [index for index in members if 0 <= index < len(self.states) and self.states[index] in again]
        return [index for index in chosen if not codes or index in named]

    def _retry(self, members: list[int] | None, codes: list[str] | None) -> None:
        for index in self.retryable(members, codes):
            self._forget_failure(index)
            self.parked.pop(index, None)
            self.states[index] = MemberState.WAITING

    def _skip(self, members: list[int]) -> None:
        for index in members:
            if 0 <= index < len(self.states) and self.states[index] in (MemberState.WAITING, MemberState.PARKED):
                self.parked.pop(index, None)
                self._forget_failure(index)
                self.states[index] = MemberState.SKIPPED

    # --- its own ---------------------------------------------------------------------------------------------------

    def _free_slots(self) -> int:
        """How many more may be in progress; less than none when the window was made smaller."""
        return min(self.window, self.window_now) - len(self.running)

    def _start(self, index: int, now: float) -> int:
        parked, attempt = self.parked.pop(index, None), self.attempts.get(index, 0)
        self._forget_failure(index)
        self.states[index] = MemberState.RUNNING
        self.running[index] = Running(attempt, now)
        if parked:
            self.running[index].parked_since, self.running[index].tries = parked.since, parked.tries
        return attempt

    def _park(self, index: int, parked: Parked) -> None:
        del self.running[index]
        if self.canceled:
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
        self._forget_failure(index)
        self.states[index] = MemberState.SUCCEEDED
        return True

    def _forget_failure(self, index: int) -> None:
        for code, members in list(self.failures.items()):
            if index in members:
                members.remove(index)
                if not members:
                    del self.failures[code]

    def _current(self, index: int, attempt: int) -> Running | None:
        """The member, if this attempt of it is in progress."""
        member = self.running.get(index)
        return member if member and member.attempt == attempt else None


def _is_parkable(report: Report) -> bool:
    """Whether a run failed because its cluster cannot be worked on now; what another installation holds may be free
    later in any phase.
    """
    if report.outcome != "Failed" or report.code is None:
        return False
    return report.code == Code.CLUSTER_LEASE_HELD or (report.code in PARKABLE and report.phase in NOTHING_CHANGED)
