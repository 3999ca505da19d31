"""What is open on loopback is for this machine: a page of another site in its browser gets nothing there."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.functions_host.hosting import Host, hosted, sample_app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    with hosted(sample_app(folder), folder / "stderr.log") as running:
        yield running


def ask(url: str, method: str, headers: dict[str, str], body: bytes = b"{}", ca_file: str | None = None) -> int:
    parts = urlsplit(url)
    place = (str(parts.hostname), parts.port)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(*place, timeout=240, context=context)
    else:
        connection = http.client.HTTPConnection(*place, timeout=240)
    try:
        connection.putrequest(method, parts.path, skip_host="Host" in headers)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:7071"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "169.254.169.254"},
    {"Host": "127.0.0.1@evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
]
RUNTIME = "/runtime/webhooks/durabletask"
PLACES = [
    ("GET", "/admin/host/status"),
    ("POST", "/admin/functions/note"),
    ("POST", "/%61dmin/functions/note"),
    ("GET", f"{RUNTIME}/instances"),
    ("GET", f"{RUNTIME}/instances/x"),
    ("POST", f"{RUNTIME}/orchestrators/chain"),
    ("POST", f"{RUNTIME}/instances/x/terminate"),
    ("DELETE", f"{RUNTIME}/instances/x"),
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(("method", "path"), PLACES)
def test_admin_and_runtime_refuse_other_sites(host: Host, method: str, path: str, headers: dict[str, str]) -> None:
    assert ask(host.url + path, method, headers) in (400, 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_programs_and_pages_of_this_machine_are_served(host: Host, name: str) -> None:
    where = f"{name}:{urlsplit(host.url).port}"
    for headers in ({}, {"Origin": f"http://{where}", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert ask(f"{host.url}/admin/host/status", "GET", {"Host": where, **headers}) == 200
        with_key = {"Host": where, "x-functions-key": host.key, **headers}
        assert ask(f"{host.url}{RUNTIME}/instances", "GET", with_key) == 200
        assert ask(f"{host.url}{RUNTIME}/instances/none/terminate", "POST", with_key) == 404


@pytest.mark.parametrize(("method", "path"), [place for place in PLACES if place[1].startswith(RUNTIME)])
def test_management_needs_the_key_that_it_hands_out(host: Host, method: str, path: str) -> None:
    assert ask(host.url + path, method, {}) == 401
    assert ask(host.url + path, method, {"x-functions-key": "guessed"}) == 401
    assert ask(host.url + path, method, {"x-functions-key": host.key}) not in (401, 403)


@contextmanager
def part(name: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """One of the simulated parts."""
    command = [sys.executable, "-m", f"arcway_local.{name}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        try:
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            yield ready
        finally:
            process.terminate()
            process.wait(timeout=240)


@pytest.fixture(scope="module", params=["azure", "cluster", "service_bus"])
def control(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A URL of a part's controls that changes something, and the CA by which it is trusted."""
    folder = str(tmp_path_factory.mktemp(request.param))
    arguments = {
        "azure": ["--dir", folder],
        "cluster": ["--dir", folder, "--count", "1"],
        "service_bus": ["--config", str(ROOT / "arcway_local" / "entities.json"), "--port", "0"],
    }[request.param]
    with part(request.param, *arguments) as ready:
        if request.param == "service_bus":
            yield f"POST {ready['control']}/connections/drop", None
        elif request.param == "azure":
            yield f"PUT {ready['endpoint']}/control/retry-after", ready["caFile"]
        else:
            yield f"POST {ready['endpoint']}/control/clusters", ready["caFile"]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_the_controls_of_simulated_parts_refuse_other_sites(control: tuple[str, Any], headers: dict[str, str]) -> None:
    method, _, url = control[0].partition(" ")
    assert ask(url, method, headers, b'{"seconds": 2}', control[1]) in (400, 403)


def test_the_controls_of_simulated_parts_serve_this_machine(control: tuple[str, Any]) -> None:
    method, _, url = control[0].partition(" ")
    assert ask(url, method, {}, b'{"seconds": null}', control[1]) in (200, 201)
