"""What the command prints where, and how it exits."""

import json
import signal
import time

import pytest

from arcway.cli.main import main
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from tests.contract.command_line.conftest import Canned, Json, arcway, run_of

RUN = run_of()["id"]
CLUSTERS: Json = {"value": [{"id": f"/subscriptions/s/{name}", "name": name, "properties": {}} for name in ("a", "b")]}
CONNECT = ("connect", "-n", "shop", "-g", "g", "-l", "eastus", "--subscription", "s", "--kubeconfig-secret", "arcway-s")


def test_jsonl_is_an_item_a_line(canned: Canned, capsys: pytest.CaptureFixture[str]) -> None:
    canned.give("GET connectedClusters", CLUSTERS)
    assert main(["list", "--subscription", "s", "--server", canned.url, "-o", "jsonl"]) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


def test_a_followed_run_is_a_line_each_time_it_changes(canned: Canned, capsys: pytest.CaptureFixture[str]) -> None:
    canned.give(f"GET runs/{RUN}", run_of("Accepted"), run_of("Running"), run_of())
    assert main(["status", RUN, "--follow", "--server", canned.url, "-o", "jsonl"]) == 0
    output = capsys.readouterr()
    assert [json.loads(line)["state"] for line in output.out.splitlines()] == ["Accepted", "Running", "Succeeded"]
    assert output.err == ""


def test_verbose_shows_every_call_wherever_it_stands(canned: Canned) -> None:
    canned.give("GET connectedClusters", CLUSTERS)
    messages = arcway("list", "--subscription", "s", "--server", canned.url, "-o", "json", "--verbose")
    out, err = messages.communicate(timeout=240)
    assert [item["name"] for item in json.loads(out)] == ["a", "b"]
    assert "GET connectedClusters: 200 in" in err


def test_nothing_unexpected_becomes_a_traceback(canned: Canned, capsys: pytest.CaptureFixture[str]) -> None:
    canned.give("GET connectedClusters", {"nothing": "expected"})
    requests = ["list", "--subscription", "s", "--server", canned.url]
    assert main(requests) == 1
    output = capsys.readouterr().err
    assert ("arcway failed: KeyError" in output, "--debug" in output, "Traceback" in output) == (True, True, False)
    with pytest.raises(KeyError):
        main([*requests, "--debug"])


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (run_of(), 0),
        (run_of("Failed", error={"code": Code.IMAGE_PULL_FAILED, "message": "No image.", "remedy": "Mend it."}), 1),
        (
            run_of(
                leftovers=[
                    leftover("Lease", "arcway", namespace="kube-system", reason="CleanUpFailed", code="ARC-3001")
                ]
            ),
            3,
        ),
        (run_of("Running"), 4),
    ],
    ids=["succeeded", "failed", "left something", "still going"],
)
def test_the_exit_code_tells_how_the_run_ended(
    canned: Canned, capsys: pytest.CaptureFixture[str], run: dict[str, object], code: int
) -> None:
    canned.give("POST onboardings", run_of("Accepted"), status=202)
    canned.give(f"GET runs/{RUN}", run)
    assert main([*CONNECT, "--server", canned.url, "--timeout", "0.2", "--quiet"]) == code
    output = capsys.readouterr().err
    if code == 1:
        assert "ARC-5005: No image." in output
        assert "Mend it." in output
        assert f"arcway retry {RUN}" in output
    if code == 3:
        assert "Left in place: lease arcway in namespace kube-system (ARC-3001)" in output
    if code == 4:
        assert f"arcway status {RUN}" in output


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(canned: Canned) -> None:
    canned.give("POST onboardings", run_of("Accepted"), status=202)
    canned.give(f"GET runs/{RUN}", run_of("Running"))
    waiting = arcway(*CONNECT, "--server", canned.url)
    deadline = time.monotonic() + 240
    while canned.asked.count(f"GET runs/{RUN}") < 2:
        assert time.monotonic() < deadline, canned.asked
        time.sleep(0.01)
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=240)
    assert (waiting.returncode, out) == (130, "")
    assert f"arcway status {RUN} --follow" in err
    assert set(canned.asked) == {"POST onboardings", f"GET runs/{RUN}"}


def test_no_wait_tells_the_next_command(canned: Canned, capsys: pytest.CaptureFixture[str]) -> None:
    canned.give("POST onboardings", run_of("Accepted"), status=202)
    assert main([*CONNECT, "--server", canned.url, "--no-wait", "-o", "json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["id"] == RUN
    assert f"arcway status {RUN} --follow" in output.err


def test_without_a_terminal_there_are_no_colours(canned: Canned) -> None:
    canned.give(
        f"GET runs/{RUN}", run_of("Failed", error={"code": Code.IMAGE_PULL_FAILED, "message": "x", "remedy": "y"})
    )
    out, err = arcway("status", RUN, "--server", canned.url, FORCE_COLOR="", TERM="xterm-256color").communicate(
        timeout=240
    )
    assert "\x1b" not in out + err
    assert Code.IMAGE_PULL_FAILED in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    out, err = arcway(_ARCWAY_COMPLETE=f"source_{shell}").communicate(timeout=240)
    assert f"_ARCWAY_COMPLETE=complete_{shell}" in out, err
