"""What a fleet never does, whatever is reported, lost, repeated or commanded: a state machine over the pure state."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from arcway.domain.codes import Code
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.stage import Stage
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json

REPORTS = st.sampled_from(
    [
        Report("Succeeded", changed=True),
        Report("Succeeded", changed=False),
        Report("Failed", code=Code.HELM_FAILED, phase="deployAgents"),
        Report("Failed", code=Code.API_SERVER_UNREACHABLE, phase="checkCluster"),
        Report("Failed", code=Code.RUN_IN_PROGRESS),
        Report("Canceled", code=Code.RUN_TERMINATED),
        Report("Superseded"),
    ]
)
SIZE = 12
BY = {"by": {"name": "olga", "objectId": None}, "at": "2026-01-01T00:00:00.000Z"}
MEMBERS = st.lists(st.integers(0, SIZE), max_size=4)


@st.composite
def stages(draw: st.DrawFn) -> list[Stage]:
    """Up to four stages of all kinds; the last one ends where the fleet does."""
    ends = [*sorted(draw(st.sets(st.integers(1, SIZE - 1), max_size=3))), SIZE]
    return [
        Stage(
            name=f"stage-{number}",
            end=end,
            window=draw(st.integers(1, 5)),
            max_failures=draw(st.none() | st.integers(0, 4)),
            strict=draw(st.booleans()),
            soak=draw(st.sampled_from([0.0, 600.0])),
            approve=draw(st.sampled_from([None, None, "before", "after"])),
        )
        for number, end in enumerate(ends)
    ]


class FleetMachine(RuleBasedStateMachine):
    """Runs that are started stay in `engine` until they end; their reports may come late, twice or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = FleetState.new(SIZE, 5, slow=True, park_for=7200)
        self.engine: dict[tuple[int, int], Report | None] = {}
        self.reports: list[tuple[int, int, Report]] = []
        self.approved: set[str] = set()
        self.commands = 0

    @initialize(planned=stages(), slow=st.booleans(), counts_refused=st.booleans())
    def plan(self, planned: list[Stage], slow: bool, counts_refused: bool) -> None:
        self.state = FleetState.new(SIZE, 5, slow=slow, park_for=7200, stages=planned, counts_refused=counts_refused)

    @rule()
    def start(self) -> None:
        self.state.advance(self.now)
        may_start = not self.state.paused and not self.state.is_ending and not self.state.rollout.halted
        started = self.state.start(self.now)
        assert may_start or not started
        for index, _ in started:
            self._may_be_started(index)
        for index, attempt in started:
            # An attempt that is started again is the same run: its key finds it.
            self.engine.setdefault((index, attempt), None)
            self.state.confirm(index, attempt, f"run-{index}-{attempt}")

    @precondition(lambda self: any(report is None for report in self.engine.values()))
    @rule(data=st.data(), report=REPORTS, lost=st.booleans())
    def run_ends(self, data: st.DataObject, report: Report, lost: bool) -> None:
        running = sorted(key for key, ended in self.engine.items() if ended is None)
        index, attempt = data.draw(st.sampled_from(running))
        self.engine[index, attempt] = report
        if not lost:
            self.reports.append((index, attempt, report))

    @precondition(lambda self: self.reports)
    @rule(data=st.data(), again=st.booleans())
    def report_arrives(self, data: st.DataObject, again: bool) -> None:
        report = data.draw(st.sampled_from(self.reports))
        if not again:
            self.reports.remove(report)
        self.state.end(*report, self.now)

    @rule(index=st.integers(-1, SIZE), attempt=st.integers(0, 3), report=REPORTS)
    def report_of_nothing(self, index: int, attempt: int, report: Report) -> None:
        if (index, attempt) not in self.engine:
            assert not self.state.end(index, attempt, report, self.now)

    @rule()
    def sweep(self) -> None:
        for index, member in list(self.state.running.items()):
            if report := self.engine.get((index, member.attempt)):
                self.state.end(index, member.attempt, report, self.now)

    def _may_be_started(self, index: int) -> None:
        """All gates before the member are approved, and a strict budget could not be passed if it failed."""
        rollout = self.state.rollout
        number = rollout.number_of(index)
        gates = [f"{stage.name}/after" for stage in rollout.stages[:number] if stage.approve == "after"]
        gates += [f"{stage.name}/before" for stage in rollout.stages[: number + 1] if stage.approve == "before"]
        skipped = {stage.name for stage in rollout.stages if stage.completed is not None and stage.started is None}
        assert {gate for gate in gates if gate.partition("/")[0] not in skipped} <= self.approved
        stage = rollout.stages[number]
        if stage.strict and stage.max_failures is not None:
            in_progress = sum(rollout.number_of(other) == number for other in self.state.running)
            assert in_progress + stage.failed <= stage.max_failures + 1

    @precondition(lambda self: self.state.rollout.gate)
    @rule(approved=st.sampled_from(["approve", "approve", "reject"]), late=st.booleans(), checked=st.booleans())
    def decide(self, approved: str, late: bool, checked: bool) -> None:
        """A decision may be for a gate that is not open (any more), or come before the check."""
        gate = "stage-9/before" if late else self.state.rollout.gate_name
        if checked:
            self._check()
        is_checked = self.state.rollout.checked_range() is None
        self._command({"name": approved, "gate": gate, "comment": None})
        if approved == "approve" and not late and is_checked:
            self.approved.add(str(gate))
        elif approved == "approve":
            assert self.state.rollout.gate_name or self.state.is_ending

    def _check(self) -> None:
        if self.state.rollout.checked_range():
            self.state.rollout.take_check({"classes": {"create": 1}, "codes": {}}, self.now)

    @precondition(lambda self: self.state.rollout.step == "verify")
    @rule(lost=MEMBERS)
    def verify(self, lost: list[int]) -> None:
        rollout = self.state.rollout
        begin = rollout.begin_of(rollout.current)
        self.state.verify([(index, "ARC-7013") for index in lost if begin <= index < rollout.stage.end], self.now)

    @rule(seconds=st.sampled_from([1.0, 300.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=st.sampled_from(["pause", "resume"]), repeated=st.booleans())
    def pause_or_resume(self, name: str, repeated: bool) -> None:
        self._command({"name": name}, repeated)

    @rule(members=st.none() | MEMBERS)
    def retry(self, members: list[int] | None) -> None:
        self._command({"name": "retry", "members": members, "codes": None})

    @rule(members=MEMBERS, stage=st.none() | st.sampled_from(["stage-0", "stage-2"]), soak=st.booleans())
    def skip(self, members: list[int], stage: str | None, soak: bool) -> None:
        self._command({"name": "skip", "members": members, "stage": stage, "soak": soak})

    @rule(max_failures=st.integers(0, 3) | st.just("50%"))
    def change_budget(self, max_failures: int | str) -> None:
        self._command({"name": "set", "maxFailures": max_failures})

    @rule(window=st.integers(1, SIZE))
    def change(self, window: int) -> None:
        running = len(self.state.running)
        self._command({"name": "set", "window": window})
        assert len(self.state.running) == running

    @precondition(lambda self: self.commands > 20)
    @rule(running=st.sampled_from(["finish", "cancel"]))
    def cancel(self, running: str) -> None:
        self._command({"name": "cancel", "running": running})

    @rule()
    def continue_as_new(self) -> None:
        again = FleetState.read(json.loads(json.dumps(self.state.as_json())))
        assert again == self.state
        self.state = again

    @invariant()
    def never_more_than_the_window_is_started(self) -> None:
        before = len(self.state.running)
        copy = FleetState.read(json.loads(json.dumps(self.state.as_json())))
        copy.advance(self.now)
        copy.start(self.now)
        assert len(copy.running) <= max(before, min(copy.window, copy.window_now))

    @invariant()
    def every_member_is_in_one_place(self) -> None:
        for index in range(SIZE):
            label = MemberState(self.state.states[index])
            assert (index in self.state.running) == (label is MemberState.RUNNING)
            assert index not in self.state.parked or label is MemberState.PARKED
            noted = sum(index in members for members in self.state.failures.values())
            assert noted == (label in (MemberState.FAILED, MemberState.PARKED))

    @invariant()
    def what_counts_as_a_failure_is_counted(self) -> None:
        rollout = self.state.rollout
        for number, stage in enumerate(rollout.stages):
            members = range(rollout.begin_of(number), stage.end)
            failed = {index for index in members if self.state.states[index] == MemberState.FAILED}
            assert stage.failed == len(failed - rollout.uncounted)
        assert all(self.state.states[index] == MemberState.FAILED for index in rollout.uncounted)

    def teardown(self) -> None:
        """Whatever happened, every member ends once runs end, time passes and the sweep looks."""
        self._command({"name": "resume"})
        for _ in range(200):
            if self.state.is_over:
                break
            self.start()
            if self.state.rollout.gate:
                self.decide("approve", late=False, checked=True)
            if self.state.rollout.step == "verify":
                self.verify([])
            if self.state.rollout.halted:
                self._command({"name": "resume"})
            for key, ended in self.engine.items():
                if ended is None:
                    self.engine[key] = Report("Succeeded", changed=True)
            self.sweep()
            self.now += 4000
        assert self.state.is_over
        assert self.state.count(MemberState.WAITING) == self.state.count(MemberState.RUNNING) == 0

    def _command(self, command: Json, repeated: bool = False) -> None:
        self.commands += 1
        document = {"id": f"command-{self.commands}", **BY, **command}
        obey(self.state, document, self.now)
        if repeated:
            before = self.state.as_json()
            obey(self.state, document, self.now)
            assert self.state.as_json() == before


TestFleet = FleetMachine.TestCase
TestFleet.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
