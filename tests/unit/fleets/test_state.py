"""A fleet's decisions: whom to start, what a report counts for, what parks, what commands do."""

import json

import pytest

from arcway.domain.codes import Code
from arcway.domain.fleets.commands import obey, retryable
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.state import BATCH, FIRST_PAUSE, SHORT_PAUSE, FleetState
from arcway.domain.json_values import Json

OK, SAME = Report("Succeeded", changed=True), Report("Succeeded", changed=False)
BROKEN = Report("Failed", code=Code.HELM_FAILED, phase="deployAgents")
AWAY = Report("Failed", code=Code.API_SERVER_UNREACHABLE, phase="checkCluster")
BY: Json = {"by": {"name": "olga", "objectId": "1"}, "at": "2026-01-01T00:00:00.000Z"}


def new(size: int = 10, window: int = 4, *, slow: bool = False, park_for: float = 86_400) -> FleetState:
    state = FleetState.new(size, window, slow=slow, park_for=park_for)
    state.advance(0)
    return state


def command(name: str, number: int = 0, **fields: object) -> Json:
    return {"id": f"{name}-{number}", "name": name, **BY, **fields}


def labels(state: FleetState) -> list[str]:
    return [MemberState(value).label for value in state.states]


def test_the_window_is_filled_and_a_slot_is_free_again_after_an_end() -> None:
    state = new()
    assert state.start(0) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert state.start(0) == []
    assert state.end(1, 0, OK, 1)
    assert state.start(1) == [(4, 0)]


def test_a_slow_start_grows_with_successes_only() -> None:
    state = new(slow=True, window=5)
    assert len(state.start(0)) == 3
    state.end(0, 0, BROKEN, 1)
    assert len(state.start(1)) == 1
    state.end(1, 0, OK, 2)
    assert len(state.start(2)) == 2
    for index in (2, 3, 4):
        state.end(index, 0, SAME, 3)
    assert state.window_now == 5


def test_a_step_starts_no_more_than_a_batch() -> None:
    state = new(size=100, window=100)
    assert len(state.start(0)) == BATCH == len(state.start(0))


def test_reports_that_come_twice_or_late_count_once() -> None:
    state = new()
    state.start(0)
    assert state.end(0, 0, OK, 1)
    assert not state.end(0, 0, BROKEN, 2)
    assert not state.end(9, 0, OK, 2)
    assert not state.end(1, 5, OK, 2)
    assert labels(state)[:2] == ["succeeded", "running"]


@pytest.mark.parametrize(
    ("report", "label"),
    [
        (OK, "succeeded"),
        (Report("Succeeded", changed=None), "succeeded"),
        (SAME, "unchanged"),
        (BROKEN, "failed"),
        (Report("Failed"), "failed"),
        (Report("Canceled", code=Code.RUN_TERMINATED), "canceled"),
        (AWAY, "parked"),
        (Report("Failed", code=Code.RUN_IN_PROGRESS), "parked"),
        (Report("Failed", code=Code.SECRET_UNUSABLE, phase="checkCluster"), "parked"),
        (Report("Failed", code=Code.CLUSTER_LEASE_HELD, phase="deployAgents"), "parked"),
        (Report("Superseded"), "parked"),
        (Report("Failed", code=Code.API_SERVER_UNREACHABLE, phase="deployAgents"), "failed"),
    ],
)
def test_what_a_report_counts_for(report: Report, label: str) -> None:
    state = new()
    state.start(0)
    state.end(0, 0, report, 1)
    assert labels(state)[0] == label


def test_a_parked_member_holds_no_slot_and_is_tried_again_first_and_later_each_time() -> None:
    state = new(size=3, window=1)
    waited, now, attempt = [], 0.0, 0
    for _ in range(4):
        assert state.start(now)[0] == (0, attempt)
        state.end(0, attempt, AWAY, now)
        due = state.next_try()
        assert due is not None
        waited.append(due - now)
        now, attempt = due, attempt + 1
    assert waited == [FIRST_PAUSE, 2 * FIRST_PAUSE, 3 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert state.failures == {Code.API_SERVER_UNREACHABLE: [0]}


def test_a_member_is_parked_no_longer_than_the_fleet_says() -> None:
    state = new(size=1, park_for=FIRST_PAUSE)
    state.start(0)
    state.end(0, 0, AWAY, 0)
    assert state.start(FIRST_PAUSE - 1) == []
    assert state.start(FIRST_PAUSE) == [(0, 1)]
    state.end(0, 1, AWAY, FIRST_PAUSE)
    state.advance(FIRST_PAUSE)
    assert (labels(state), state.is_over, state.next_try()) == (["parked"], True, None)


def test_nothing_is_tried_again_without_a_free_slot() -> None:
    state = new(size=5, window=1)
    state.start(0)
    state.end(0, 0, AWAY, 0)
    state.start(0)
    assert (state.next_try(), state.start(FIRST_PAUSE)) == (None, [])


def test_a_start_that_did_not_reach_the_engine_is_the_same_attempt_soon() -> None:
    state = new(size=1)
    state.start(0)
    state.put_back(0, 0, Code.ENGINE_UNREACHABLE, 0)
    assert state.next_try() == SHORT_PAUSE
    assert state.start(SHORT_PAUSE) == [(0, 0)]


def test_a_pause_starts_nothing_and_counts_what_ends() -> None:
    state = new()
    state.start(0)
    obey(state, command("pause"), 0)
    state.end(0, 0, OK, 2)
    assert (state.start(2), state.next_try(), state.is_over) == ([], None, False)
    obey(state, command("resume"), 0)
    assert state.start(3) == [(4, 0)]


def test_a_cancel_ends_what_waits_and_is_parked() -> None:
    state = new(size=8, window=2)
    state.start(0)
    state.end(0, 0, AWAY, 1)
    obey(state, command("cancel", running="finish"), 0)
    assert (labels(state).count("canceled"), state.failures, state.is_over) == (7, {}, False)
    state.end(1, 0, AWAY, 2)
    assert (labels(state), state.is_over) == (["canceled"] * 8, True)


def test_a_command_that_comes_twice_has_its_effect_once() -> None:
    state = new(size=1)
    state.start(0)
    state.end(0, 0, BROKEN, 0)
    obey(state, command("retry", members=None, codes=None), 0)
    assert state.start(1) == [(0, 1)]
    state.end(0, 1, BROKEN, 2)
    obey(state, command("retry", members=None, codes=None), 0)
    assert state.start(3) == []


def test_a_retry_is_of_the_failed_and_parked_or_of_those_it_names() -> None:
    state = new(size=6, window=6)
    state.start(0)
    for index, report in enumerate((OK, BROKEN, AWAY, Report("Canceled"), Report("Failed", code=Code.HELM_TIMEOUT))):
        state.end(index, 0, report, 0)
    assert retryable(state, None, None) == [1, 2, 4]
    assert retryable(state, None, [Code.HELM_TIMEOUT]) == [4]
    assert retryable(state, [0, 1, 3, 5, 99], None) == [1, 3]
    assert retryable(state, [1, 4], [Code.HELM_FAILED]) == [1]
    obey(state, command("retry", members=None, codes=None), 0)
    assert state.start(1) == [(1, 1), (2, 1), (4, 1)]
    assert state.failures == {}


def test_members_that_wait_or_are_parked_can_be_skipped() -> None:
    state = new(size=4, window=2)
    state.start(0)
    state.end(0, 0, AWAY, 0)
    obey(state, command("skip", members=[0, 1, 2, 99]), 0)
    assert labels(state) == ["skipped", "running", "skipped", "waiting"]
    assert state.failures == {}


def test_the_window_can_be_changed() -> None:
    state = new(size=50, window=10)
    state.start(0)
    obey(state, command("set", window=3), 0)
    state.end(0, 0, OK, 2)
    assert state.start(2) == []
    obey(state, command("set", 1, window=12), 0)
    assert len(state.start(3)) == 3


def test_a_run_that_was_retried_alone_counts_for_its_member() -> None:
    state = new(size=2, window=2)
    state.start(0)
    state.end(0, 0, BROKEN, 0)
    assert not state.end(0, 0, BROKEN, 1)
    assert state.end(0, 0, OK, 2)
    assert (labels(state)[0], state.failures) == ("succeeded", {})


def test_an_older_run_does_not_count_for_a_later_attempt() -> None:
    state = new(size=1)
    state.start(0)
    state.end(0, 0, BROKEN, 0)
    obey(state, command("retry", members=None, codes=None), 0)
    state.start(1)
    assert not state.end(0, 0, OK, 2)
    state.end(0, 1, BROKEN, 3)
    assert not state.end(0, 0, OK, 4)
    assert labels(state) == ["failed"]


def test_a_state_is_read_as_it_was_written() -> None:
    state = new(size=9, window=4)
    state.start(0)
    state.confirm(1, 0, "cluster-1.2")
    for index, report in ((0, BROKEN), (2, AWAY)):
        state.end(index, 0, report, 1)
    obey(state, command("pause"), 0)
    again = FleetState.read(json.loads(json.dumps(state.as_json())))
    assert again == state


def test_ten_thousand_members_make_a_small_state() -> None:
    state = new(size=10_000, window=500)
    for _ in range(40):
        state.start(0)
    assert len(json.dumps(state.as_json())) < 60_000
