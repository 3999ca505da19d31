"""What a fleet never does, whatever is reported, lost, repeated or commanded: a state machine over the pure state."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.state import FleetState, Report

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


class FleetMachine(RuleBasedStateMachine):
    """Runs that are started stay in `engine` until they end; their reports may come late, twice or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = FleetState.new(SIZE, 5, slow=True, park_for=7200)
        self.engine: dict[tuple[int, int], Report | None] = {}
        self.reports: list[tuple[int, int, Report]] = []
        self.commands = 0

    @rule()
    def start(self) -> None:
        may_start = not self.state.paused and not self.state.canceled
        started = self.state.start(self.now)
        assert may_start or not started
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

    @rule(seconds=st.sampled_from([1.0, 300.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=st.sampled_from(["pause", "resume"]), repeated=st.booleans())
    def pause_or_resume(self, name: str, repeated: bool) -> None:
        self._command({"name": name}, repeated)

    @rule(members=st.none() | MEMBERS)
    def retry(self, members: list[int] | None) -> None:
        self._command({"name": "retry", "members": members, "codes": None})

    @rule(members=MEMBERS)
    def skip(self, members: list[int]) -> None:
        self._command({"name": "skip", "members": members})

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

    def teardown(self) -> None:
        """Whatever happened, every member ends once runs end, time passes and the sweep looks."""
        self._command({"name": "resume"})
        for _ in range(200):
            if self.state.is_over:
                break
            self.start()
            for key, ended in self.engine.items():
                if ended is None:
                    self.engine[key] = Report("Succeeded", changed=True)
            self.sweep()
            self.now += 4000
        assert self.state.is_over
        assert self.state.count(MemberState.WAITING) == self.state.count(MemberState.RUNNING) == 0

    def _command(self, command: dict[str, object], repeated: bool = False) -> None:
        self.commands += 1
        document = {"id": f"command-{self.commands}", **BY, **command}
        self.state.command(document)
        if repeated:
            before = self.state.as_json()
            self.state.command(document)
            assert self.state.as_json() == before


TestFleet = FleetMachine.TestCase
TestFleet.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
