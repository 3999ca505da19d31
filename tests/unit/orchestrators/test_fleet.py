"""A fleet's orchestration: window, generations, lost reports, parked members, commands, a list that does not come."""

import json
from itertools import pairwise
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.document import document_of
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json
from orchestrators.fleet import GENERATION, LIST_SECONDS, PUBLISH_SECONDS, SWEEP_SECONDS
from orchestrators.fleet_publishing import LONGEST_PAUSE
from tests.unit.orchestrators.fleet_in_memory import SUCCEEDED, FleetInMemory, payload
from tests.unit.orchestrators.in_memory import failed

BROKEN: Json = {"outcome": "Failed", "changed": False, "code": Code.HELM_FAILED, "phase": "deployAgents"}
AWAY: Json = {"outcome": "Failed", "changed": False, "code": Code.API_SERVER_UNREACHABLE, "phase": "checkCluster"}


def counts(final: Json) -> dict[str, int]:
    return {name: count for name, count in final["fleet"]["counts"].items() if count}


def test_every_member_is_started_once_and_never_more_than_the_window_at_once() -> None:
    world = FleetInMemory()
    final = world.run(payload(23))
    assert (final["fleet"]["state"], counts(final)) == ("Succeeded", {"succeeded": 23})
    assert (sorted(world.runs), world.most_at_once) == ([(index, 0) for index in range(23)], 5)
    assert world.sent == [("page-0123456789ab-0", "over", None)]


def test_a_slow_start_has_three_at_first() -> None:
    world = FleetInMemory(report=lambda index, attempt: None)
    world.say("cancel", seconds=100, running="cancel")
    world.run(payload(20, start="slow"))
    assert world.most_at_once == 3


def test_many_members_take_several_generations_and_none_is_lost_in_between() -> None:
    world = FleetInMemory(seconds=7)
    final = world.run(payload(310, window=40))
    assert counts(final) == {"succeeded": 310}
    assert world.generations >= 310 // (GENERATION + 40)
    assert len(world.runs) == 310


def test_the_sweep_finds_reports_that_were_lost() -> None:
    world = FleetInMemory(lost=lambda index: index % 3 == 0)
    final = world.run(payload(12))
    assert counts(final) == {"succeeded": 12}
    assert world.elapsed >= SWEEP_SECONDS
    assert len(world.runs) == 12


def test_the_sweep_comes_though_generations_are_short() -> None:
    world = FleetInMemory(seconds=20, lost=lambda index: index == 0)
    final = world.run(payload(1500, window=30))
    assert counts(final) == {"succeeded": 1500}
    steps = [call for call in world.calls if call.step == "look_at_members"]
    assert SWEEP_SECONDS <= steps[0].seconds < 2 * SWEEP_SECONDS + 60


def test_a_cluster_that_is_away_is_tried_again_and_holds_no_other_up() -> None:
    world = FleetInMemory(report=lambda index, attempt: AWAY if index == 1 and attempt < 2 else SUCCEEDED, seconds=10)
    final = world.run(payload(4, window=1))
    assert (final["fleet"]["state"], counts(final)) == ("Succeeded", {"succeeded": 4})
    assert [call.input["members"] for call in world.calls if call.step == "start_members"][:4] == [
        [[0, 0]],
        [[1, 0]],
        [[2, 0]],
        [[3, 0]],
    ]
    assert (1, 2) in world.runs


def test_failures_are_counted_by_their_cause_and_make_the_fleet_incomplete() -> None:
    world = FleetInMemory(report=lambda index, attempt: BROKEN if index < 2 else SUCCEEDED)
    final = world.run(payload(5))
    assert (final["fleet"]["state"], counts(final)) == ("Incomplete", {"succeeded": 3, "failed": 2})
    (group,) = final["fleet"]["failures"]
    assert (group["code"], group["count"], group["example"]) == (Code.HELM_FAILED, 2, 0)
    assert group["remedy"]


def test_a_fleet_of_which_nothing_succeeded_has_failed() -> None:
    final = FleetInMemory(report=lambda index, attempt: BROKEN).run(payload(3))
    assert final["fleet"]["state"] == "Failed"


def test_a_pause_lets_runs_finish_and_starts_nothing() -> None:
    world = FleetInMemory()
    world.say("pause", seconds=30)
    world.say("resume", seconds=1000)
    final = world.run(payload(10))
    assert counts(final) == {"succeeded": 10}
    starts = [call.seconds for call in world.calls if call.step == "start_members"]
    assert not [moment for moment in starts if 30 < moment < 1000]
    assert any(status["state"] == "Paused" for status in world.statuses)


def test_a_cancel_that_lets_runs_finish() -> None:
    world = FleetInMemory()
    world.say("cancel", seconds=30, running="finish")
    final = world.run(payload(10))
    assert (final["fleet"]["state"], counts(final)) == ("Canceled", {"succeeded": 5, "canceled": 5})
    assert [name for _, name, _ in world.sent] == ["over"]


def test_a_cancel_of_the_runs_too_names_each_run_once() -> None:
    world = FleetInMemory()
    for number in range(2):
        world.say("cancel", seconds=30 + number, number=number, running="cancel")
    final = world.run(payload(10))
    assert (final["fleet"]["state"], counts(final)) == ("Canceled", {"canceled": 10})
    canceled = [data["run"] for _, name, data in world.sent if name == "cancel"]
    assert sorted(canceled) == [f"cluster-{index}.0" for index in range(5)]


def test_a_run_that_is_another_callers_is_not_canceled() -> None:
    world = FleetInMemory()
    world.outcomes["start_members"] = lambda fields: {
        "ok": [{**world.start(*item), "adopted": item[0] == 1} for item in fields["members"]]
    }
    world.say("cancel", seconds=30, running="cancel")
    final = world.run(payload(3))
    assert counts(final) == {"canceled": 2, "succeeded": 1}


def test_a_command_for_an_earlier_fleet_of_the_name_is_ignored() -> None:
    world = FleetInMemory()
    world.say("cancel", seconds=30, running="finish")
    name, (moment, event, command) = "fleet-0123456789abcdef0123456789.ffffffffffff", world._coming.pop()
    world._coming.append((moment, event, {**command, "fleet": name}))
    world._coming.append((moment, event, "nonsense"))
    assert counts(world.run(payload(6))) == {"succeeded": 6}


def test_a_step_that_fails_is_done_again_as_the_same_attempts() -> None:
    world = FleetInMemory()
    world.outcomes["start_members"] = [
        RuntimeError("the process died"),
        failed("ARC-6007"),
        lambda fields: {"ok": [world.start(*item) for item in fields["members"]]},
    ]
    final = world.run(payload(4))
    assert (counts(final), sorted(world.runs)) == ({"succeeded": 4}, [(index, 0) for index in range(4)])


def test_a_start_that_ends_at_once_counts_at_once() -> None:
    world = FleetInMemory()
    busy = {"outcome": "Failed", "changed": None, "code": Code.RUN_IN_PROGRESS, "phase": None}
    world.outcomes["start_members"] = lambda fields: {
        "ok": [{"report": busy if attempt == 0 else SUCCEEDED} for _, attempt in fields["members"]]
    }
    final = world.run(payload(2))
    assert counts(final) == {"succeeded": 2}


def test_a_fleet_waits_for_its_list_and_gives_up_without_it() -> None:
    world = FleetInMemory()
    world.outcomes["check_fleet_list"] = [{"ok": {"missing": 1}}, RuntimeError("away"), {"ok": {"missing": 0}}]
    assert counts(world.run(payload(2))) == {"succeeded": 2}
    never = FleetInMemory(outcomes={"check_fleet_list": {"ok": {"missing": 1}}})
    final = never.run(payload(2))
    assert (final["fleet"]["state"], final["fleet"]["error"]["code"]) == ("Failed", Code.FLEET_LIST_INCOMPLETE)
    assert LIST_SECONDS <= never.elapsed < LIST_SECONDS + 30
    assert never.runs == {}


def test_a_fleet_that_is_started_again_does_what_is_left() -> None:
    first = FleetInMemory(report=lambda index, attempt: BROKEN if index == 2 else SUCCEEDED)
    earlier = first.run(payload(4))
    state = FleetState.read(earlier["state"])
    obey(state, {"id": "r", "name": "retry", "by": {}, "at": "", "members": None, "codes": None}, 0)
    again = FleetInMemory()
    final = again.run(payload(4, state=state.as_json()))
    assert (counts(final), list(again.runs)) == ({"succeeded": 4}, [(2, 1)])


def test_the_status_is_shown_at_most_once_a_second_and_its_last_form_always() -> None:
    world = FleetInMemory(seconds=0.1)
    final = world.run(payload(200, window=20))
    assert len(world.statuses) <= world.elapsed + 3 + world.generations
    assert document_of(payload(200, window=20), world.statuses[-1]) == final["fleet"]


def test_the_status_of_ten_thousand_members_fits_whatever_commands_say() -> None:
    codes = [code.value for code in Code]
    world = FleetInMemory(
        seconds=1, report=lambda index, attempt: {**BROKEN, "code": codes[index % len(codes)]} if index % 2 else AWAY
    )
    long_name = {"name": "\N{GRINNING FACE}" * 256, "objectId": "0" * 36}
    world.say("pause", seconds=30, by=long_name)
    world.say("cancel", seconds=40, running="finish", by=long_name)
    final = world.run(payload(10_000, window=500, startedBy=long_name))
    assert max(len(json.dumps(status)) for status in world.statuses) <= 8000
    name = final["fleet"]["canceled"]["by"]["name"]
    assert (final["fleet"]["size"], len(name) > 5, long_name["name"].startswith(name)) == (10_000, True, True)
    assert all(group["remedy"] for group in final["fleet"]["failures"])


def events(world: FleetInMemory) -> list[tuple[str, str]]:
    sent = [event for call in world.calls if call.step == "publish_events" for event in call.input["events"]]
    return [(event["type"].removeprefix("arcway.fleet."), event["id"]) for event in sent]


def test_events_tell_of_the_fleet_from_its_begin_to_its_end() -> None:
    world = FleetInMemory(seconds=20)
    world.say("pause", seconds=30)
    world.say("resume", seconds=50)
    world.run(payload(20, source="urn:arcway:test"))
    kinds = events(world)
    assert kinds[0] == ("accepted.v1", "0123456789ab/accepted/1")
    assert kinds[-1] == ("succeeded.v1", "0123456789ab/ended/1")
    assert [kind for kind, _ in kinds].count("paused.v1") == [kind for kind, _ in kinds].count("resumed.v1") == 1
    assert {place for kind, place in kinds if kind == "progressed.v1"} <= {
        f"0123456789ab/progressed/{tenth}" for tenth in range(1, 10)
    }
    assert len(set(kinds)) == len(kinds)


def test_progress_is_reported_once_for_each_tenth_over_all_generations() -> None:
    world = FleetInMemory(seconds=5)
    world.run(payload(400, window=7, source="urn:arcway:test"))
    progress = [place for kind, place in events(world) if kind == "progressed.v1"]
    assert progress == [f"0123456789ab/progressed/{tenth}" for tenth in range(1, 10)]
    assert world.generations > 3


def test_events_wait_for_a_broker_that_is_away_and_hold_no_member_up() -> None:
    away = failed(Code.EVENT_BROKER_UNREACHABLE)
    world = FleetInMemory(seconds=10)
    world.outcomes["publish_events"] = [away] * 8 + [{"ok": {}}]
    final = world.run(payload(10, source="urn:arcway:test"))
    assert counts(final) == {"succeeded": 10}
    last = [call.input["events"] for call in world.calls if call.step == "publish_events"][-1]
    assert last[0]["type"] == "arcway.fleet.accepted.v1"
    assert last[-1]["type"] == "arcway.fleet.succeeded.v1"


def test_an_event_that_can_never_be_sent_is_dropped() -> None:
    world = FleetInMemory(seconds=10)
    world.outcomes["publish_events"] = [failed(Code.EVENT_REJECTED, retryable=False), {"ok": {}}]
    world.run(payload(3, source="urn:arcway:test"))
    assert [kind for kind, _ in events(world)].count("accepted.v1") == 1


def test_without_a_broker_nothing_is_sent() -> None:
    world = FleetInMemory()
    world.run(payload(3))
    assert "publish_events" not in world.steps


def test_the_broker_is_asked_again_later_each_time_and_soon_after_it_answered() -> None:
    away = failed(Code.EVENT_BROKER_UNREACHABLE)
    world = FleetInMemory(seconds=3000)
    world.outcomes["publish_events"] = [RuntimeError("the process died"), *[away] * 6, {"ok": {}}, away, {"ok": {}}]
    world.run(payload(1, source="urn:arcway:test"))
    moments = [call.seconds for call in world.calls if call.step == "publish_events"]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    for number, gap in enumerate(gaps[:7]):
        assert 0.75 * 2**number <= gap <= 1.26 * 2**number
    # The last event was refused once: the pause begins again.
    assert 0.75 <= gaps[-1] <= 1.26


def test_a_broker_that_asks_to_wait_is_waited_for() -> None:
    world = FleetInMemory()
    world.outcomes["publish_events"] = [failed(Code.EVENT_BROKER_UNREACHABLE, retry_after=77), {"ok": {}}]
    world.run(payload(3, source="urn:arcway:test"))
    first, second, *_ = [call.seconds for call in world.calls if call.step == "publish_events"]
    assert second - first >= 77


def test_the_last_events_are_given_up_after_a_day() -> None:
    world = FleetInMemory()
    world.outcomes["publish_events"] = failed(Code.EVENT_BROKER_UNREACHABLE)
    final = world.run(payload(1, source="urn:arcway:test"))
    assert final["fleet"]["state"] == "Succeeded"
    assert PUBLISH_SECONDS <= world.elapsed <= PUBLISH_SECONDS + 2000
    moments = [call.seconds for call in world.calls if call.step == "publish_events"]
    assert max(later - earlier for earlier, later in pairwise(moments)) <= 1.26 * LONGEST_PAUSE


def test_the_sweep_reads_only_runs_that_have_not_reported_for_long() -> None:
    never = FleetInMemory(report=lambda index, attempt: None if index == 0 else SUCCEEDED, seconds=290)
    never.say("cancel", seconds=1300, running="cancel")
    final = never.run(payload(3, window=1))
    assert counts(final) == {"canceled": 3}
    runs = [call.input["runs"] for call in never.calls if call.step == "look_at_members"]
    assert runs == [["cluster-0.0"]] * 4
    busy = FleetInMemory(seconds=299)
    busy.run(payload(6, window=2))
    assert "look_at_members" not in busy.steps


def test_a_sweep_that_fails_is_done_again_at_the_next_time() -> None:
    world = FleetInMemory(lost=lambda index: True)
    world.outcomes["look_at_members"] = [
        RuntimeError("the process died"),
        lambda fields: {"ok": [world.runs[0, 0] for _ in fields["runs"]]},
    ]
    final = world.run(payload(1))
    assert counts(final) == {"succeeded": 1}
    assert [round(call.seconds) for call in world.calls if call.step == "look_at_members"] == [300, 600]


def test_a_report_says_what_changed_and_where_it_failed() -> None:
    reports = {
        0: {**SUCCEEDED, "changed": False},
        1: {**AWAY, "phase": "deployAgents"},
        2: {**AWAY, "code": Code.CLUSTER_LEASE_HELD, "phase": "deployAgents"},
    }
    world = FleetInMemory(report=lambda index, attempt: reports[index])
    final = world.run(payload(3, parkFor=0))
    assert counts(final) == {"unchanged": 1, "failed": 1, "parked": 1}


def test_events_that_are_not_reports_of_this_fleet_are_ignored() -> None:
    world = FleetInMemory()
    others: list[Any] = ["nonsense", None, [], {"fleet": "fleet-x.y", "member": 0, "attempt": 0, **SUCCEEDED}]
    for data in others:
        world.tell("ended", data, seconds=30)
    final = world.run(payload(2))
    assert (counts(final), world.elapsed >= 60) == ({"succeeded": 2}, True)


def test_who_canceled_the_fleet_cancels_its_runs() -> None:
    world = FleetInMemory()
    world.say("cancel", seconds=30, running="cancel")
    world.run(payload(1))
    instance, name, data = world.sent[0]
    assert (instance, name) == ("cluster-0", "cancel")
    assert data == {"run": "cluster-0.0", "by": {"name": "olga", "objectId": None}}


def test_a_paused_fleet_that_is_canceled_does_not_say_that_it_was_resumed() -> None:
    world = FleetInMemory()
    world.say("pause", seconds=10)
    world.say("cancel", seconds=20, running="finish")
    world.run(payload(10, source="urn:arcway:test"))
    kinds = [kind for kind, _ in events(world)]
    assert (kinds.count("paused.v1"), kinds.count("resumed.v1")) == (1, 0)


def test_a_list_is_asked_for_at_growing_intervals_and_the_fleet_is_accepted_meanwhile() -> None:
    world = FleetInMemory()
    world.outcomes["check_fleet_list"] = [*[{"ok": {"missing": 1}}] * 6, failed("ARC-6007"), {"ok": {"missing": 0}}]
    world.run(payload(1, source="urn:arcway:test", traceparent="00-trace"))
    asked = [round(call.seconds) for call in world.calls if call.step == "check_fleet_list"]
    assert asked == [0, 1, 3, 7, 15, 30, 45, 60]
    assert world.statuses[0]["state"] == "Accepted"
    (first, *_) = [event for call in world.calls if call.step == "publish_events" for event in call.input["events"]]
    assert (first["traceparent"], first["data"]["fleet"]["state"]) == ("00-trace", "Accepted")
