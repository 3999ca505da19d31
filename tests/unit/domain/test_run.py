"""The run: what it begins as, what earlier versions stored, and that it stays under the limit of a custom status."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import AGENTS_FIRST
from arcway.domain.request import parse_request
from arcway.domain.run import FINDINGS_SHOWN, STATUS_LIMIT, is_retriable, new_run, read_run, truncate_for_status
from arcway.domain.secret_names import temporary_name
from tests.unit.domain.test_request import GOOD, OFFBOARD, UPGRADE


def run_with(message: str, findings: int, name: str = "Alice") -> dict[str, Any]:
    tags = {f"tag{number}": "x" * 200 for number in range(50)}
    request = parse_request({**GOOD, "tags": tags})
    somebody = {"name": name, "objectId": "0" * 36}
    fields = {"createdAt": "2026-01-01T00:00:00.000Z", "correlationId": "c", "startedBy": somebody}
    run = new_run("cluster-x.y", request, AGENTS_FIRST, fields).as_json() | {"canceledBy": somebody}
    run["phases"] = [{**phase, "detail": message} for phase in run["phases"]]
    run["findings"] = [
        {"code": Code.CLUSTER_PERMISSION_MISSING, "level": "error", "message": message, "remedy": message}
    ] * findings
    run["error"] = {
        "code": Code.HELM_FAILED,
        "message": message,
        "phase": "x",
        "retryable": False,
        "remedy": message[:600],
        "details": [],
    }
    run["result"] = {"large": "x" * 100_000}
    return run


@given(st.text(max_size=2000), st.integers(0, 60))
def test_any_run_fits(text: str, findings: int) -> None:
    rendered = truncate_for_status(run_with(text, findings))
    assert len(json.dumps(rendered)) <= 8192
    assert rendered["result"] is None
    assert len(rendered["findings"]) <= FINDINGS_SHOWN
    assert [phase["name"] for phase in rendered["phases"]] == list(AGENTS_FIRST)


def test_a_short_run_is_shown_whole() -> None:
    run = run_with("installing", 2)
    assert truncate_for_status(run) == {**run, "result": None}
    assert len(json.dumps(truncate_for_status(run))) < STATUS_LIMIT


@given(st.text(min_size=256, max_size=256))
def test_a_run_of_people_with_long_names_fits(name: str) -> None:
    assert len(json.dumps(truncate_for_status(run_with("x" * 2000, 60, name)))) <= 8192


STARTED = {"createdAt": "2026-01-01T00:00:00.000Z", "correlationId": "c-1"}
IDENTITY = {"name": "Rita", "objectId": "aaaa-1"}


def test_new_run_has_what_the_request_and_its_caller_say() -> None:
    run = new_run("cluster-x.y", parse_request(GOOD), ("checkCluster",), {**STARTED, "startedBy": IDENTITY}).as_json()
    place = {"subscriptionId": GOOD["subscriptionId"], "resourceGroup": "clusters", "name": "shop-1"}
    assert run["cluster"] == {**place, "location": "eastus", "resourceId": parse_request(GOOD).cluster.resource_id}
    assert (run["id"], run["operation"], run["state"], run["changed"]) == ("cluster-x.y", "onboard", "Accepted", False)
    assert (run["createdAt"], run["updatedAt"], run["correlationId"]) == (*[STARTED["createdAt"]] * 2, "c-1")
    assert (run["startedBy"], run["canceledBy"], run["retriable"]) == (IDENTITY, None, True)
    assert run["phases"] == [
        dict.fromkeys(("startedAt", "finishedAt", "nextAttemptAt", "detail", "error"))
        | {"name": "checkCluster", "state": "Pending", "attempts": 0}
    ]
    assert (run["findings"], run["findingsTotal"], run["leftovers"]) == ([], 0, [])
    assert [run[name] for name in ("phase", "error", "result", "finishedAt")] == [None] * 4


@pytest.mark.parametrize("body", [OFFBOARD, UPGRADE])
def test_only_a_run_that_connects_knows_the_location(body: dict[str, Any]) -> None:
    assert new_run("cluster-x.y", parse_request(body), (), STARTED).cluster.location is None


@pytest.mark.parametrize("started_by", [{}, {"startedBy": None}])
def test_run_of_an_earlier_version_has_no_caller(started_by: dict[str, None]) -> None:
    assert new_run("cluster-x.y", parse_request(GOOD), (), {**STARTED, **started_by}).started_by is None


def test_run_is_retriable_unless_one_of_its_secrets_goes_with_it() -> None:
    proof = "p" * 32
    name = temporary_name("shop", proof)
    own = {"secret": name, "temporary": True, "proof": proof}
    lasting = {"https": "http://p:1", "credentials": {"secret": "arcway-proxy-x"}}
    of_one_run = {"https": "http://p:1", "credentials": {"secret": f"{name}-proxy"}}
    for change, expected in (
        ({}, True),
        ({"proxy": {"https": "http://p:1"}}, True),
        ({"proxy": lasting}, True),
        ({"kubeconfig": own}, False),
        ({"kubeconfig": own, "proxy": lasting}, False),
        ({"kubeconfig": own, "proxy": of_one_run}, False),
    ):
        request = parse_request({**GOOD, **change})
        assert is_retriable(request) is expected
        assert new_run("cluster-x.y", request, (), STARTED).retriable is expected
    # Its credentials count alone, too, in a request that was accepted before there were rules about their names.
    request = parse_request({**GOOD, "kubeconfig": own, "proxy": of_one_run})
    assert not is_retriable(request.model_copy(update={"kubeconfig": parse_request(GOOD).kubeconfig}))
    without = parse_request({**OFFBOARD, "azureOnly": True, "kubeconfig": None})
    assert is_retriable(without)


def test_run_that_an_earlier_version_stored_is_read() -> None:
    stored = new_run("cluster-x.y", parse_request(GOOD), ("checkCluster",), STARTED).as_json()
    assert read_run(stored) == stored
    phase = {name: value for name, value in stored["phases"][0].items() if name != "error"}
    old = {name: value for name, value in stored.items() if name not in ("leftovers", "retriable")}
    read = read_run({**old, "left": ["lease arcway (ARC-3001)"], "phases": [phase]})
    assert read == {
        **stored,
        "leftovers": [dict.fromkeys(("kind", "namespace", "reason")) | {"name": "lease arcway", "code": "ARC-3001"}],
    }
    assert read_run({**old, "phases": [phase]}) == stored


def test_what_a_stored_run_says_is_kept() -> None:
    stored = new_run("cluster-x.y", parse_request(GOOD), ("checkCluster",), STARTED).as_json()
    said = {**stored, "retriable": False, "leftovers": [leftover("Lease", "arcway")]}
    said["phases"][0]["error"] = {"code": "ARC-4007", "message": "Slow down."}
    assert read_run(said) == said


def long_run(length: int, phases: int = 9) -> dict[str, Any]:
    """A run with a text of so many characters wherever a status may have one, and of nearly no others."""
    run = run_with("x" * length, 3, "n" * length)
    run["phases"] = [
        {**phase, "detail": "x" * length, "error": {"code": "ARC-4007", "message": "y" * length}}
        for phase in run["phases"][:phases]
    ]
    run["error"] = {**run["error"], "message": "m" * 2 * length, "remedy": "r" * 2 * length, "details": [{"a": "b"}]}
    return run


@pytest.mark.parametrize(
    ("length", "phases", "limit"),
    [(320, 2, 320), (321, 2, 321), (2000, 2, 320), (2000, 9, 160), (2000, 16, 80)],
)
def test_texts_of_a_status_are_cut_to_the_longest_that_fits(length: int, phases: int, limit: int) -> None:
    run = long_run(length)
    run["phases"] = (run["phases"] * 2)[:phases]
    status = truncate_for_status(run)
    texts = [
        *(phase["detail"] for phase in status["phases"]),
        *(phase["error"]["message"] for phase in status["phases"]),
        *(item[name] for item in status["findings"] for name in ("message", "remedy")),
        *(status[name]["name"] for name in ("startedBy", "canceledBy")),
    ]
    assert {len(text) for text in texts} == {limit}
    assert {text[-1] for text in texts} == ({"x", "y", "n"} if length <= limit else {"…"})
    assert {len(status["error"][name]) for name in ("message", "remedy")} == {2 * limit}
    assert (status["error"]["details"], status["error"]["phase"]) == ([], "x")
    assert STATUS_LIMIT * 0.3 < len(json.dumps(status)) <= STATUS_LIMIT
    assert run["phases"][0]["detail"] == "x" * length


def test_status_may_have_exactly_its_limit() -> None:
    run = long_run(320, 2)
    run["correlationId"] += "c" * (STATUS_LIMIT - len(json.dumps(truncate_for_status(run))))
    status = truncate_for_status(run)
    assert (len(json.dumps(status)), len(status["phases"][0]["detail"])) == (STATUS_LIMIT, 320)
    run["correlationId"] += "c"
    assert len(truncate_for_status(run)["phases"][0]["detail"]) == 160


def test_status_without_texts_stays_without() -> None:
    run = new_run("cluster-x.y", parse_request(GOOD), AGENTS_FIRST, STARTED).as_json()
    run["findings"] = [{"code": "ARC-2016", "level": "info", "message": "m", "remedy": None}]
    assert truncate_for_status(run) == run
    assert len(truncate_for_status(run_with("x", 11))["findings"]) == 10


def test_leftovers_of_a_status_are_few_and_short() -> None:
    run = run_with("x", 0)
    run["leftovers"] = [leftover("Namespace", "n" * 301)] * 21
    status = truncate_for_status(
        {**run, "leftovers": [leftover("Namespace", "n" * 301), *[leftover("Lease", "l")] * 20]}
    )
    assert [len(item["name"]) for item in status["leftovers"]] == [300, *[1] * 19, len("1 more")]
    assert status["leftovers"][20]["name"] == "1 more"


@pytest.mark.parametrize(
    ("characters", "texts", "names"),
    [(300, 40, [80] * 5 + [len("25 more")]), (2000, 12, [12] * 5 + [len("25 more")])],
)
def test_status_of_a_run_with_long_texts_has_no_findings_and_fewer_leftovers(
    characters: int, texts: int, names: list[int]
) -> None:
    run = long_run(characters)
    run["leftovers"] = [leftover("Namespace", "\u4e2d" * 300)] * 30
    if texts == 12:
        run["phases"] = [{**phase, "detail": "\u4e2d" * characters} for phase in run["phases"]]
    status = truncate_for_status(run)
    assert status["findings"] == []
    assert [len(item["name"]) for item in status["leftovers"]] == names
    assert {len(phase["detail"]) for phase in status["phases"]} == {texts}
    assert len(json.dumps(status)) <= STATUS_LIMIT


def test_status_fits_even_if_every_text_is_long_and_takes_the_most_room() -> None:
    run = long_run(0)
    odd = "\U0001f680" * 3000
    run["phases"] = [{**phase, "detail": odd, "error": {"code": "ARC-4007", "message": odd}} for phase in run["phases"]]
    run["leftovers"] = [dict.fromkeys(("kind", "name", "namespace", "reason", "code"), odd)] * 30
    run["error"] |= {"message": odd, "remedy": odd}
    for name in ("startedBy", "canceledBy"):
        run[name] = {**run[name], "name": odd}
    group = "\U0001f680" * 90
    run["cluster"] = {**run["cluster"], "resourceGroup": group, "resourceId": f"{run['cluster']['resourceId']}{group}"}
    status = truncate_for_status(run)
    assert len(json.dumps(status)) <= STATUS_LIMIT
    assert [item["name"] for item in status["leftovers"]] == ["30 more"]
    assert [phase["name"] for phase in status["phases"]] == list(AGENTS_FIRST)
