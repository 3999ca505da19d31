"""Result events: their form, what subscriptions filter by, and the size that the broker takes."""

import json
from typing import Any

import pytest

from arcway.domain.events import CONTENT_TYPE, SIZE_LIMIT, encode, properties_of, rejected_event, run_event

CLUSTER = {"resourceId": "/shop", "subscriptionId": "s-1", "resourceGroup": "clusters"}
RUN: dict[str, Any] = {"id": "cluster-1.abc", "state": "Running", "cluster": CLUSTER, "result": {"a": 1}}
PHASE = {"name": "deployAgents", "state": "Succeeded"}


def event_of(run: Any = RUN, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"source": "/arcway", "number": 2, "time": "t", "trace": None, **changes}
    return run_event(fields.pop("kind", "succeeded"), run, **fields)


def test_event_is_a_cloud_event_about_the_cluster() -> None:
    assert event_of() == {
        "specversion": "1.0",
        "type": "arcway.run.succeeded.v1",
        "id": "abc/publishResult/2",
        "source": "/arcway",
        "time": "t",
        "datacontenttype": "application/json",
        "data": {"run": RUN},
        "subject": "/shop",
    }
    assert CONTENT_TYPE == "application/cloudevents+json"


def test_event_of_a_phase_has_the_phase() -> None:
    event = event_of(kind="phaseChanged", phase=PHASE)
    assert (event["id"], event["type"]) == ("abc/deployAgents/2", "arcway.run.phaseChanged.v1")
    assert event["data"] == {"run": RUN, "phase": PHASE}


@pytest.mark.parametrize(
    ("kind", "event_id"),
    [("accepted", "abc/accepted/2"), ("failed", "abc/publishResult/2"), ("canceled", "abc/publishResult/2")],
)
def test_events_of_one_run_have_different_ids(kind: str, event_id: str) -> None:
    assert event_of(kind=kind)["id"] == event_id


def test_traceparent_of_the_caller_goes_along() -> None:
    assert event_of(trace="00-1-2-01") == {**event_of(), "traceparent": "00-1-2-01"}


@pytest.mark.parametrize(("subject", "expected"), [("/shop", {"subject": "/shop"}), (None, {}), ("", {})])
def test_rejected_message_has_its_id_and_the_error(subject: str | None, expected: dict[str, str]) -> None:
    event = rejected_event("m-1", {"code": "ARC-1001"}, key="k", source="/arcway", subject=subject, time="t")
    assert event == {
        "specversion": "1.0",
        "type": "arcway.run.rejected.v1",
        "id": "rejected/k/1",
        "source": "/arcway",
        "time": "t",
        "datacontenttype": "application/json",
        "data": {"messageId": "m-1", "error": {"code": "ARC-1001"}},
        **expected,
    }


def test_subscriptions_filter_by_type_state_and_place() -> None:
    assert properties_of(event_of()) == {
        "type": "arcway.run.succeeded.v1",
        "state": "Running",
        "subscriptionId": "s-1",
        "resourceGroup": "clusters",
    }
    rejected = rejected_event("m", {}, key="k", source="s", subject=None, time="t")
    assert properties_of(rejected) == {"type": "arcway.run.rejected.v1"}
    assert properties_of({"type": "x", "data": {"run": {"state": "Failed"}}}) == {"type": "x", "state": "Failed"}


def test_event_has_one_byte_form_whatever_the_order_of_its_keys() -> None:
    event = event_of()
    assert encode(dict(reversed(event.items()))) == encode(event)
    assert encode({"b": "ü", "data": {}, "a": [1, 2]}) == '{"a":[1,2],"b":"ü","data":{}}'.encode()
    assert encode({"data": "\ud800"}) == b'{"data":"?"}'


def encode_whole(event: dict[str, Any]) -> bytes:
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_event_of_192_kilobytes_is_sent_whole() -> None:
    assert SIZE_LIMIT == 196_608
    event = event_of({**RUN, "result": {"a": ""}})
    event["data"]["run"]["result"]["a"] = "x" * (SIZE_LIMIT - len(encode_whole(event)))
    assert len(encode(event)) == SIZE_LIMIT
    assert json.loads(encode(event)) == event


def test_event_that_is_larger_loses_its_result_first_and_nothing_else() -> None:
    event = event_of({**RUN, "result": {"a": "x" * SIZE_LIMIT}, "detail": "y" * 5000, "items": list(range(500))})
    cut = json.loads(encode(event))
    assert cut == {**event, "data": {"run": {**event["data"]["run"], "result": None}}}


def test_event_without_a_run_is_cut_too() -> None:
    problem = {"details": [{"message": "x" * 600_000}]}
    event = rejected_event("m", problem, key="k", source="s", subject=None, time="t")
    assert json.loads(encode(event))["data"]["error"]["details"] == [{"message": "x" * 1999 + "…"}]


@pytest.mark.parametrize(
    ("texts", "length", "texts_left", "length_left"),
    [
        (90, 200_000, 90, 2000),
        (90, 2001, 90, 2000),
        (90, 2000, 90, 2000),
        (100, 5, 100, 5),
        (101, 5, 100, 5),
        (300, 2000, 50, 500),
    ],
)
def test_event_that_is_still_too_large_has_fewer_and_shorter_texts(
    texts: int, length: int, texts_left: int, length_left: int
) -> None:
    event = event_of({**RUN, "findings": ["x" * length] * texts, "padding": {"a": "y" * SIZE_LIMIT}})
    findings = json.loads(encode(event))["data"]["run"]["findings"]
    assert (len(findings), {len(item) for item in findings}) == (texts_left, {length_left})
    assert {item[-1] for item in findings} == {"x" if length == length_left else "…"}


def test_event_with_the_largest_run_fits_after_the_last_cut() -> None:
    deep = {f"n{number}": [["ü" * 3000] * 200] for number in range(60)}
    event = event_of({**RUN, "number": 5, "nothing": None, "deep": deep})
    encoded = encode(event)
    run = json.loads(encoded)["data"]["run"]
    assert len(encoded) <= SIZE_LIMIT
    assert (run["number"], run["nothing"], run["result"]) == (5, None, None)
    assert run["deep"]["n0"] == [["ü" * 99 + "…"] * 10]
