"""One clear sentence and exit code 2 for what cannot be hosted; a clean end for what was."""

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.functions_host.hosting import eventually, hosted, refused, sample_app

HOST_JSON = '{"version": "2.0"}'
HEAD = (
    "import azure.functions as func\nimport azure.durable_functions as df\nfrom typing import Any\napp = df.DFApp()\n"
)


def make_app(folder: Path, source: str = HEAD, host_json: str = HOST_JSON) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "function_app.py").write_text(source)
    (folder / "host.json").write_text(host_json)
    return folder


ACTIVITY = "@app.activity_trigger(input_name='x')\ndef act(x: {}): return x\n"
TIMER = "@app.timer_trigger(schedule='{}', arg_name='t')\ndef tick(t: func.TimerRequest) -> None: ...\n"
ROUTE = "@app.route(route='{}')\ndef get(req: func.HttpRequest) -> str: return ''\n"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (HEAD + ACTIVITY.format("dict[str, Any]"), "binding x has invalid non-type annotation dict[str, typing.Any]"),
        (HEAD + ACTIVITY.format("str | None"), "binding x has invalid non-type annotation str | None"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("app = (\n", "SyntaxError: '(' was never closed"),
        ("app = 1\n", "Could not find top level function app instances in function_app.py"),
        ("import sys\nsys.exit(3)\n", "ended the process with 3"),
        (HEAD + TIMER.format("1 2"), "The schedule '1 2' is not an NCRONTAB expression"),
        (HEAD + TIMER.format("%NOWHERE_SET%"), "The setting NOWHERE_SET is not defined"),
        (HEAD + ROUTE.format("a/{x:odd}"), "The route of function get has the constraint 'odd'"),
    ],
)
def test_an_app_that_azure_would_refuse_is_refused(tmp_path: Path, source: str, sentence: str) -> None:
    outcome = refused(make_app(tmp_path / "app", source))
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert sentence in outcome.stderr.splitlines()[-1]
    assert "Traceback" not in outcome.stderr
    assert "sys.path" not in outcome.stderr


@pytest.mark.parametrize(
    ("host_json", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"version": "1.0"}', 'version must be "2.0", not "1.0"'),
        ('{"version": "2.0", "extensions": {"durableTask": {"hubName": "%NO_HUB%"}}}', "The setting NO_HUB is not"),
        (
            '{"version": "2.0", "extensions": {"durableTask": {"maxConcurrentActivityFunctions": 0}}}',
            "maxConcurrentActivityFunctions must be a whole number above 0",
        ),
    ],
)
def test_a_wrong_host_json_is_refused(tmp_path: Path, host_json: str, sentence: str) -> None:
    outcome = refused(make_app(tmp_path / "app", host_json=host_json))
    assert outcome.returncode == 2
    assert len(outcome.stderr.splitlines()) == 1
    assert sentence in outcome.stderr


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(HOST_JSON)
    assert "it has no function_app.py" in refused(tmp_path).stderr
    assert "is not a folder" in refused(tmp_path / "missing").stderr


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = refused(make_app(tmp_path / "app"), "--port", str(port))
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1] == f"Cannot listen on 127.0.0.1:{port}: Address already in use."


def test_the_environment_goes_before_the_settings_file(tmp_path: Path) -> None:
    with hosted(sample_app(tmp_path), tmp_path / "log", SAMPLE_OVERRIDDEN="from the environment") as host:
        assert host.facts()["setting"] == "from the environment"


def test_an_empty_route_prefix_serves_at_the_root(tmp_path: Path) -> None:
    app = sample_app(tmp_path)
    document = json.loads((app / "host.json").read_text())
    document["extensions"]["http"] = {"routePrefix": ""}
    (app / "host.json").write_text(json.dumps(document))
    with hosted(app, tmp_path / "log") as host:
        assert host.http.get("/overlap/special").text == "a_general"
        assert host.http.get("/").text == "rest of None"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_host_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with hosted(sample_app(tmp_path), tmp_path / "log") as host:
        host.start("listens", "waiting")
        host.until("waiting", "Running")
        host.process.send_signal(number)
        assert host.process.wait(240) == 0
        assert "Traceback" not in host.log()


def test_clients_that_wait_do_not_keep_the_host(tmp_path: Path) -> None:
    with hosted(sample_app(tmp_path), tmp_path / "log") as host, ThreadPoolExecutor() as pool:
        host.start("listens", "waiting")
        waiting = pool.submit(host.http.get, "/api/wait/waiting")
        host.until("waiting", "Running")
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(240) == 0
        assert isinstance(waiting.exception(), httpx.TransportError)
        assert "Traceback" not in host.log()


def test_work_that_will_not_end_does_not_keep_the_host(tmp_path: Path) -> None:
    app = make_app(
        tmp_path / "app",
        HEAD
        + "import threading\n@app.activity_trigger(input_name='x')\n"
        + "def hang(x: int) -> None:\n    print('hanging', flush=True)\n    threading.Event().wait(60)\n",
    )
    with hosted(app, tmp_path / "log") as host:
        host.http.post("/admin/functions/hang", json={"input": "1"})
        eventually(lambda: "hanging" in host.log() or None)
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(240) == 0
        assert "the process ends without it" in host.log()
