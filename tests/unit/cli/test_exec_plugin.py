"""An exec plug-in runs only after it was shown and agreed to, and only a valid credential comes out of it."""

import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from arcway.cli.client import FAILED, USAGE, CommandError
from arcway.cli.credentials import exec_plugin
from arcway.cli.credentials.exec_plugin import Credential, run
from arcway.domain.codes import Code
from arcway.domain.json_values import Json

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
CLUSTER = {
    "server": "https://a",
    "certificate-authority-data": "Q0E=",
    "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}],
}
SECRET = "token-that-must-not-show"


def plugin(body: str, **changes: Any) -> Json:
    """A plug-in that runs this Python text."""
    spec = {"apiVersion": V1, "interactiveMode": "Never", "command": sys.executable, "args": ["-c", body]}
    return {**spec, **changes}


def printing(answer: Any, **changes: Any) -> Json:
    document = answer if isinstance(answer, str) else json.dumps(answer)
    return plugin("import os; print(os.environ['ANSWER'])", env=[{"name": "ANSWER", "value": document}], **changes)


def answer(version: str = V1, **status: Any) -> Json:
    return {"kind": "ExecCredential", "apiVersion": version, "status": status}


@pytest.mark.parametrize(
    ("version", "status", "expected"),
    [
        (V1, {"token": "t"}, Credential("t", None, None)),
        (V1BETA1, {"token": "t", "expirationTimestamp": "2999-01-01T00:00:00Z"}, Credential("t", None, None)),
        (V1, {"clientCertificateData": "c", "clientKeyData": "k"}, Credential(None, "c", "k")),
        (V1, {"token": "t", "clientCertificateData": "c", "clientKeyData": "k"}, Credential("t", "c", "k")),
    ],
)
def test_a_credential(version: str, status: Json, expected: Credential) -> None:
    assert run(printing(answer(version, **status), apiVersion=version), CLUSTER, "me", yes=True) == expected


@pytest.mark.parametrize(
    "printed",
    [
        SECRET,
        [SECRET],
        {"status": {"token": SECRET}},
        {**answer(token=SECRET), "kind": "Secret"},
        answer(V1BETA1, token=SECRET),
        {**answer(), "status": SECRET},
        answer(token=""),
        answer(token={"a": SECRET}),
        answer(token=f"{SECRET}\r\nX-Injected: 1"),
        answer(token=f"{SECRET}\x1b[2J"),
        answer(clientCertificateData=SECRET),
        answer(clientKeyData=SECRET),
        answer(token=SECRET, expirationTimestamp="2020-01-01T00:00:00Z"),
        answer(token=SECRET, expirationTimestamp="2020-01-01T00:00:00"),
        answer(token=SECRET, expirationTimestamp=SECRET),
    ],
)
def test_hostile_output_is_refused_and_not_shown(printed: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match=Code.EXEC_PLUGIN_FAILED) as caught:
        run(printing(printed), CLUSTER, "me", yes=True)
    assert caught.value.exit_code == FAILED
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(capfd.readouterr())


def test_it_receives_what_kubectl_would_pass_and_nothing_else(tmp_path: Path) -> None:
    body = f"""
import json, os, sys
seen = [os.environ[name] for name in ('KUBERNETES_EXEC_INFO', 'GIVEN', 'PATH')]
json.dump(seen, open({str(tmp_path / "seen")!r}, "w"))
print({json.dumps(answer(token="t"))!r})
assert sys.stdin.read() == ""
print("for the user", file=sys.stderr)
"""
    run(plugin(body, env=[{"name": "GIVEN", "value": "$(HOME)"}], provideClusterInfo=True), CLUSTER, "me", yes=True)
    info, environment, path = json.loads((tmp_path / "seen").read_text())
    cluster = {"server": "https://a", "certificate-authority-data": "Q0E=", "config": {"audience": "x"}}
    spec = {"interactive": False, "cluster": cluster}
    assert json.loads(info) == {"apiVersion": V1, "kind": "ExecCredential", "spec": spec}
    assert environment == "$(HOME)"
    assert path


def test_its_own_errors_reach_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="exited with code 3"):
        run(plugin("import sys; print('sign in first', file=sys.stderr); sys.exit(3)"), CLUSTER, "me", yes=True)
    assert "sign in first" in capfd.readouterr().err


def test_it_is_shown_without_what_would_steer_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    spec = plugin("pass", args=["-c", "pass", "\x1b[2J; rm -rf /"], env=[{"name": "KEY", "value": SECRET}])
    with pytest.raises(CommandError):
        run(spec, CLUSTER, "me\x1b[2J", yes=True)
    output = capfd.readouterr().err
    assert "\x1b" not in output
    assert r"'\x1b[2J; rm -rf /'" in output
    assert "KEY" in output
    assert SECRET not in output


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_runs_without_consent(terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: terminal))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    with pytest.raises(CommandError) as caught:
        run(plugin(f"open({str(tmp_path / 'ran')!r}, 'w')"), CLUSTER, "me", yes=False)
    assert caught.value.exit_code == USAGE
    assert ("--yes" in (caught.value.remedy or "")) != terminal
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1"),
        ({"apiVersion": None}, "version"),
        ({"command": ""}, "command"),
        ({"args": [1]}, "arguments"),
        ({"interactiveMode": None}, "interactiveMode"),
        ({"interactiveMode": "Sometimes"}, "interactiveMode"),
        ({"interactiveMode": "Always"}, "terminal"),
        ({"env": [{"name": "a"}]}, "env"),
        ({"env": "a=b"}, "env"),
    ],
)
def test_a_plugin_that_kubectl_would_not_run(changes: Json, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: False))
    with pytest.raises(CommandError, match=message) as caught:
        run(plugin("pass", **changes), CLUSTER, "me", yes=True)
    assert caught.value.exit_code == USAGE


def test_a_command_that_does_not_exist_shows_its_hint() -> None:
    with pytest.raises(CommandError, match="No such file") as caught:
        run(plugin("", command="/no/such/plugin", installHint="Install it from https://x."), CLUSTER, "me", yes=True)
    assert caught.value.remedy == "Install it from https://x."


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("import signal; signal.pause()", id="it never ends"),
        pytest.param("import os, signal\nif not os.fork(): signal.pause()", id="its child holds the pipe"),
        pytest.param("while True: print('x' * 65536)", id="it prints without an end"),
    ],
)
def test_it_has_a_time_and_a_size_limit(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_plugin, "LONGEST_SECONDS", 0.5)
    with pytest.raises(CommandError, match=Code.EXEC_PLUGIN_FAILED):
        run(plugin(body), CLUSTER, "me", yes=True)
