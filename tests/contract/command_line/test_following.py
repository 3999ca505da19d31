"""Following a run through what a platform does: only the run's own end ends it."""

from pathlib import Path
from typing import Any

import pytest

from arcway.domain.json_values import Json
from tests.contract.command_line.conftest import RESET, Canned, arcway, run_of

RUN = run_of()["id"]
UNREACHABLE = {"code": "ARC-6007", "detail": "The workflow engine does not respond.", "title": "", "status": 503}
OUTAGES: list[Any] = [
    pytest.param(502, b"<html>Bad gateway</html>", id="502"),
    pytest.param(503, b"Function host is not running.", id="503"),
    pytest.param(504, b"", id="504"),
    pytest.param(503, UNREACHABLE, id="ARC-6007"),
    pytest.param(200, RESET, id="reset"),
]


def ended(*arguments: str) -> tuple[int, str, str]:
    """What a command ends with."""
    process = arcway(*arguments)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


@pytest.mark.parametrize(("status", "body"), OUTAGES)
def test_outage_does_not_end_following(canned: Canned, status: int, body: Any) -> None:
    """Before the first look, and between two."""
    running, over = (200, run_of("Running", updatedAt="2026-01-01T00:00:01Z")), (200, run_of())
    canned.answers[f"GET runs/{RUN}"] = [(status, body), running, (status, body), (status, body), over]
    code, _, errors = ended("status", RUN, "--follow", "--server", canned.url)
    assert (code, len(canned.asked)) == (0, 5), errors


@pytest.mark.parametrize(("status", "body"), OUTAGES)
def test_outage_does_not_end_a_start(canned: Canned, status: int, body: Any) -> None:
    canned.answers["POST updates"] = [(status, body), (202, run_of("Accepted", operation="update"))]
    canned.give(f"GET runs/{RUN}", run_of(operation="update"))
    place = ("--subscription", "aaaaaaaa-0000-4000-8000-000000000001", "-g", "edge", "-n", "shop")
    code, _, errors = ended("update", *place, "--tags", "a=b", "--server", canned.url)
    assert code == 0, errors
    assert canned.asked[:2] == ["POST updates", "POST updates"]
    keys = canned.headers["POST updates"]
    assert len(keys) == 2
    assert keys[0]["Idempotency-Key"] == keys[1]["Idempotency-Key"]


@pytest.mark.parametrize(("status", "body"), OUTAGES)
@pytest.mark.parametrize("command", [("apply", "--no-wait"), ("plan", "--depth", "azure")], ids=["apply", "plan"])
def test_outage_does_not_end_the_start_of_a_fleet(
    canned: Canned, tmp_path: Path, command: tuple[str, ...], status: int, body: Any
) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("fleet: shops\noperation: offboard\nmembers: [{name: a}]\n")
    # What it answers is not what this is about: any refusal ends the command.
    refusal: Json = {
        "code": "ARC-1001",
        "detail": "members.0.resourceGroup: Field required",
        "title": "",
        "status": 400,
    }
    canned.answers["POST fleets"] = [(status, body), (400, refusal)]
    code, _, errors = ended("fleet", command[0], "-f", str(file), *command[1:], "--server", canned.url)
    assert (code, "Field required" in errors) == (2, True), errors
    keys = [headers["Idempotency-Key"] for headers in canned.headers["POST fleets"]]
    assert len(keys) == 2
    assert len({*keys}) == 1


def test_failure_of_the_service_ends_following(canned: Canned) -> None:
    """A response that waiting does not change."""
    failure: Json = {"code": "ARC-6001", "detail": "There is no such run.", "title": "", "status": 404}
    canned.answers[f"GET runs/{RUN}"] = [(200, run_of("Running")), (404, failure)]
    code, _, errors = ended("status", RUN, "--follow", "--server", canned.url)
    assert (code, "There is no such run" in errors) == (5, True)


def test_outage_longer_than_the_timeout_is_a_timeout(canned: Canned) -> None:
    canned.answers[f"GET runs/{RUN}"] = [(200, run_of("Running")), (503, b"")]
    code, _, errors = ended("status", RUN, "--follow", "--timeout", "0.5", "--server", canned.url)
    assert (code, "it continues" in errors) == (4, True)


def test_outage_ends_a_command_that_does_not_follow(canned: Canned) -> None:
    canned.answers[f"GET runs/{RUN}"] = [(503, b"")]
    code, _, errors = ended("status", RUN, "--server", canned.url)
    assert (code, "does not respond: it returned 503" in errors) == (1, True)
