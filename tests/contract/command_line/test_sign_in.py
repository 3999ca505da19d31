"""The command line's token: where it comes from, where it goes, and where it never goes."""

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from arcway.cli import local_commands, sign_in
from arcway.cli.client import REFUSED, USAGE, ArcwayClient, CommandError
from arcway.cli.sign_in import SignIn, SignInError
from arcway_local.stack import Options, Stack

SCOPE = "api://cccccccc-4444-5555-6666-777777777777/.default"


class Hostile(ThreadingHTTPServer):
    """Answers as the test asks, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        self.sent: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.server.sent.append(self.headers.get("Authorization"))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: Any) -> None:
        """Write no log line for a request."""


class Credential:
    """Gives tokens that last so many seconds, or none."""

    def __init__(self, seconds: int = 3600, refusal: str = "") -> None:
        self.seconds = seconds
        self.refusal = refusal
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        if self.refusal:
            raise ClientAuthenticationError(self.refusal)
        return AccessToken(f"token-{len(self.asked)}", int(time.time()) + self.seconds)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    hostile_under_test = Hostile()
    thread = threading.Thread(target=hostile_under_test.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hostile_under_test
    hostile_under_test.shutdown()
    thread.join()
    hostile_under_test.server_close()


@contextmanager
def at(hostile: Hostile) -> Iterator[ArcwayClient]:
    """What a command speaks with."""
    server = ArcwayClient.find(hostile.url)
    try:
        yield server
    finally:
        server._http.close()


@pytest.fixture
def credential(monkeypatch: pytest.MonkeyPatch) -> Credential:
    credential_under_test = Credential()
    monkeypatch.setattr(sign_in, "credentials_in_order", lambda ca: [credential_under_test])
    monkeypatch.setenv("ARCWAY_SCOPE", SCOPE)
    monkeypatch.delenv("ARCWAY_CA_FILE", raising=False)
    return credential_under_test


def test_a_token_of_the_users_scope_is_sent_and_kept(hostile: Hostile, credential: Credential) -> None:
    with at(hostile) as server:
        assert [server.get("runs"), server.get("runs")] == [{}, {}]
    assert hostile.sent == ["Bearer token-1"] * 2
    assert credential.asked == [SCOPE]


def test_a_token_that_ends_soon_is_not_sent_again(hostile: Hostile, credential: Credential) -> None:
    credential.seconds = 60
    with at(hostile) as server:
        server.get("runs")
        server.get("runs")
    assert hostile.sent == ["Bearer token-1", "Bearer token-2"]


def test_a_server_cannot_name_a_scope(hostile: Hostile, credential: Credential) -> None:
    challenge = 'Bearer scope="https://management.azure.com/.default", resource="https://management.azure.com"'
    body = b'{"code": "ARC-1007", "detail": "No.", "remedy": "Sign in."}'
    hostile.answer = (401, {"WWW-Authenticate": challenge}, body)
    with at(hostile) as server, pytest.raises(CommandError, match=r"ARC-1007: No\.") as caught:
        server.get("runs")
    assert (caught.value.exit_code, caught.value.remedy) == (REFUSED, "Sign in.")
    assert credential.asked == [SCOPE]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_token_does_not_follow_a_redirect(hostile: Hostile, credential: Credential, status: int) -> None:
    hostile.answer = (status, {"Location": f"{hostile.url}/elsewhere"}, b"")
    with at(hostile) as server, pytest.raises(CommandError):
        server.get("runs")
    assert len(hostile.sent) == 1


@pytest.mark.parametrize(
    "url", ["http://arcway.example", "http://10.0.0.1:7071", "http://127.0.0.1.example", "ftp://x"]
)
def test_a_token_goes_to_https_or_loopback_only(credential: Credential, url: str) -> None:
    with pytest.raises(CommandError, match="https or loopback") as caught:
        ArcwayClient.find(url)
    assert caught.value.exit_code == USAGE
    assert credential.asked == []


def test_without_a_scope_no_token_is_sent(
    hostile: Hostile, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARCWAY_SCOPE")
    with at(hostile) as server:
        server.get("runs")
    assert (hostile.sent, credential.asked) == ([None], [])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_without_json_is_a_refusal(hostile: Hostile, credential: Credential, status: int) -> None:
    hostile.answer = (status, {}, b"<html>")
    with at(hostile) as server, pytest.raises(CommandError) as caught:
        server.get("runs")
    assert caught.value.exit_code == REFUSED


def test_each_way_to_sign_in_is_tried_and_all_refusals_are_reported() -> None:
    none = Credential(refusal="no identity here\nwith a long story")
    assert SignIn(SCOPE, [none, Credential()]).header() == {"Authorization": "Bearer token-1"}
    with pytest.raises(SignInError) as caught:
        SignIn(SCOPE, [none, Credential(refusal="nor here")]).header()
    assert str(caught.value) == f"No token for {SCOPE} is available: no identity here nor here"


def test_who_cannot_sign_in_is_refused(hostile: Hostile, credential: Credential) -> None:
    credential.refusal = "Please run 'az login'"
    with at(hostile) as server, pytest.raises(CommandError, match="az login") as caught:
        server.get("runs")
    assert caught.value.exit_code == REFUSED
    assert hostile.sent == []


def test_without_a_terminal_no_question_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    names = [type(item).__name__ for item in sign_in.credentials_in_order(None)]
    assert names == ["DefaultAzureCredential"]


@pytest.mark.parametrize("status", [200, 500])
def test_json_of_another_form_is_an_error(hostile: Hostile, credential: Credential, status: int) -> None:
    hostile.answer = (status, {}, json.dumps([1]).encode())
    with at(hostile) as server, pytest.raises(CommandError):
        server.get("runs")


def test_a_stack_tells_how_to_sign_in_only_when_it_asks_for_it() -> None:
    azure = {
        "endpoint": "https://127.0.0.1:1",
        "tenantId": "tenant",
        "apiClientId": "api",
        "commandLineClientId": "cli",
        "commandLineClientSecret": "secret",
        "caFile": "ca.crt",
    }
    stack = Stack("http://127.0.0.1:2", azure, {}, {}, "", "", Options(sign_in=True))
    described: Any = local_commands._described(stack)
    assert described["signIn"] == {
        "page": "http://127.0.0.1:2/api/page/sign-in",
        "tokenEndpoint": "https://127.0.0.1:1/tenant/oauth2/v2.0/token",
        "scope": "api://api/.default",
        "clientId": "cli",
        "clientSecret": "secret",
        "caFile": "ca.crt",
    }
    assert described["signIn"]["page"] in local_commands._HOW_TO_SIGN_IN.format(**described["signIn"])
    assert "signIn" not in local_commands._described(replace(stack, options=Options()))
    assert sign_in.of_stack(replace(stack, options=Options())) is None
