"""The run contract stays under the limit of a custom status, whatever happens in it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.codes import Code
from arcway.domain.phases import AGENTS_FIRST
from arcway.domain.request import parse_request
from arcway.domain.run import FINDINGS_SHOWN, STATUS_LIMIT, new_run, truncate_for_status
from tests.unit.domain.test_request import GOOD


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
