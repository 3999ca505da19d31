"""Who may: a whole stack that asks its callers to sign in, with tokens of a real key and people who come and go."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from azure.servicebus import ServiceBusClient

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import SimulatedCluster
from tests.e2e.signed import APPLICATION, APPLICATION_SECRET, USERS, Signed

ROOT = Path(__file__).parents[2]
OTHER_TENANT = "00000000-1111-2222-3333-444444444444"


def answer_to(
    signed: Signed, token: str | None, method: str = "GET", path: str = "/runs", **options: Any
) -> tuple[int, str]:
    """Status and code of what a caller with this token gets."""
    headers = {"Authorization": f"Bearer {token}".strip()} if token is not None else {}
    answer = httpx.request(method, f"{signed.stack.url}/api{path}", headers=headers, timeout=240, **options)
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)
    return answer.status_code, answer.json().get("code", "")


def test_who_has_no_good_token_gets_nothing(signed: Signed) -> None:
    now = int(time.time())
    foreign = {"tid": OTHER_TENANT, "iss": f"{signed.stack.azure['endpoint']}/{OTHER_TENANT}/v2.0"}
    assert answer_to(signed, signed.token("reader")) == (200, "")
    header, claims, signature = signed.token("reader").split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    wrong = [
        f"{unsigned}.{claims}.",
        None,
        "",
        "nonsense",
        f"{header}.{claims}.{signature[::-1]}",
        signed.token("reader", exp=now - 300),
        signed.token("reader", nbf=now + 300),
        signed.token("reader", aud=signed.stack.azure["endpoint"]),
        signed.token("reader", **foreign),
        signed.token("reader", azp=None, scp=None, nonce="of an id token"),
        _managed_identity_token(signed),
    ]
    assert [answer_to(signed, token) for token in wrong] == [(401, Code.NOT_SIGNED_IN)] * len(wrong)
    assert httpx.get(f"{signed.stack.url}/api/health").status_code == 200
    assert answer_to(signed, None, path="/nothing/there") == (404, Code.PATH_NOT_FOUND)


def _managed_identity_token(signed: Signed) -> str:
    """A good token of the same tenant, for something else."""
    azure = signed.stack.azure
    query = {"resource": azure["endpoint"], "api-version": "2019-08-01"}
    answer = signed.azure.http.get("/msi/token", params=query, headers={"X-IDENTITY-HEADER": azure["identityHeader"]})
    token_text: str = answer.raise_for_status().json()["access_token"]
    return token_text


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "/runs", {"reader", "onboarder", "offboarder", "approver"}),
        (
            "GET",
            "/runs/cluster-00000000000000000000000000.000000000000",
            {"reader", "onboarder", "offboarder", "approver"},
        ),
        ("GET", "/connectedClusters", {"reader", "onboarder", "offboarder", "approver"}),
        ("POST", "/onboardings", {"onboarder"}),
        ("POST", "/offboardings", {"offboarder"}),
        ("POST", "/runs/purge", {"offboarder"}),
        ("POST", "/runs/x/cancel", {"onboarder", "offboarder"}),
        ("POST", "/runs/x/retry", {"onboarder", "offboarder"}),
        ("POST", "/fleets/x/pause", {"onboarder", "offboarder"}),
        ("POST", "/fleets/x/approve", {"approver"}),
        ("POST", "/fleets/x/reject", {"approver"}),
    ],
)
def test_each_route_needs_its_role(signed: Signed, method: str, path: str, may: set[str]) -> None:
    for user in USERS:
        status, code = answer_to(signed, signed.token(user), method, path, content=b"{" if method == "POST" else None)
        if user in may:
            assert status in (200, 400, 404), user
        else:
            assert (status, code) == (403, Code.ROLE_MISSING), user


def test_each_operation_needs_the_roles_that_its_description_says(signed: Signed) -> None:
    document = httpx.get(f"{signed.stack.url}/api/openapi.json").json()
    values = dict.fromkeys(("id", "subscription", "group", "name", "extension", "configuration"), "x")
    tokens = {user: signed.token(user) for user in USERS}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            needed = {role for item in operation.get("security", ()) for names in item.values() for role in names}
            for user, holder in USERS.items():
                status, code = answer_to(signed, tokens[user], method, path.format(**values))
                may = not needed or bool(needed & set(holder["roles"]))
                assert (status == 403) == (not may), (method, path, user, code)
                assert str(status) in operation["responses"], (method, path, user, code)


def test_a_missing_role_is_named(signed: Signed) -> None:
    with signed.as_(signed.token("reader")) as http:
        problem = http.post("/onboardings", json={}).json()
    assert problem["detail"] == "Rita Reader does not hold the role Arcway.Onboard."


def test_a_run_says_who_started_canceled_and_retried_it(signed: Signed) -> None:
    olga, robot = signed.arcway(signed.token("onboarder")), signed.arcway(signed.application())
    cluster = SimulatedCluster(signed.clusters, signed.stack)
    busy = {"path": f"{olga.subscription}/.*/connectedClusters/", "method": "PUT", "times": 100, "status": 429}
    signed.azure.put("faults", [{**busy, "headers": {"Retry-After": "60"}}])
    started = olga.start(olga.request(cluster)).json()
    olga_is = {"name": "Olga Onboarder", "objectId": started["startedBy"]["objectId"]}
    assert started["startedBy"] == olga_is
    assert uuid.UUID(olga_is["objectId"])
    assert started["canceledBy"] is None
    olga.wait_until(started["id"], lambda run: any(phase["state"] == "Retrying" for phase in run["phases"]))
    path = f"/runs/{started['id']}"
    assert answer_to(signed, signed.token("offboarder"), "POST", f"{path}/cancel") == (403, Code.ROLE_MISSING)
    foreign = {"tid": OTHER_TENANT, "iss": f"{signed.stack.azure['endpoint']}/{OTHER_TENANT}/v2.0"}
    assert answer_to(signed, signed.token("onboarder", **foreign), path=path) == (401, Code.NOT_SIGNED_IN)
    assert robot.http.post(f"{path}/cancel").status_code == 202
    run = olga.finish(started["id"])
    robot_is = run["canceledBy"]
    assert (run["state"], run["startedBy"], robot_is["name"]) == ("Canceled", olga_is, APPLICATION)
    (event,) = _events(signed, run["id"], "Canceled")
    assert (event["startedBy"], event["canceledBy"]) == (olga_is, robot_is)

    signed.azure.put("faults", [])
    assert answer_to(signed, signed.token("offboarder"), "POST", f"{path}/retry") == (403, Code.ROLE_MISSING)
    second_run = robot.finish(robot.http.post(f"{path}/retry").json()["id"])
    assert (second_run["state"], second_run["startedBy"], second_run["canceledBy"]) == ("Succeeded", robot_is, None)

    otto = signed.arcway(signed.token("offboarder"))
    gone = otto.http.post("/offboardings", json={**robot.offboarding(cluster), "subscriptionId": olga.subscription})
    assert gone.json()["startedBy"]["name"] == "Otto Offboarder"
    assert otto.finish(gone.json()["id"])["state"] == "Succeeded"


def _events(signed: Signed, run_id: str, state: str) -> list[Json]:
    """The run in its events with this state."""
    connection = signed.stack.service_bus["connectionString"]
    collected: list[Json] = []
    deadline = time.monotonic() + 240
    with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_subscription_receiver("onboarding-events", "all") as receiver,
    ):
        while not collected and time.monotonic() < deadline:
            for message in receiver.receive_messages(50, max_wait_time=1):
                receiver.complete_message(message)
                run = json.loads(str(message))["data"].get("run") or {}
                if run.get("id") == run_id and run["state"] == state:
                    collected.append(run)
    return collected


def test_a_key_that_is_changed_while_running_is_found(signed: Signed) -> None:
    token_before = signed.token("reader")
    assert answer_to(signed, token_before) == (200, "")
    signed.azure.http.post("/control/rotate-key", json={"keep": True}).raise_for_status()
    deadline = time.monotonic() + 240
    while (observed := answer_to(signed, signed.token("reader"))) != (200, ""):
        assert observed == (401, Code.NOT_SIGNED_IN)
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer_to(signed, token_before) == (200, "")


class Browser:
    """Follows redirects by hand and keeps cookies as browsers do, which do not mind an empty Domain."""

    def __init__(self, signed: Signed) -> None:
        self.signed = signed
        self.url = signed.stack.url
        self.cookies: dict[str, str] = {}
        self._http = httpx.Client(timeout=240)

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, **query: str) -> httpx.Response:
        return self._send("GET", url, params=query or None)

    def post(self, url: str, **form: str) -> httpx.Response:
        return self._send("POST", url, data=form)

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": sent} if sent and urlsplit(url).path.startswith("/api/page") else {}
        answer = self._http.request(method, url, headers=headers, **options)
        for line in answer.headers.get_list("Set-Cookie"):
            (morsel,) = SimpleCookie(line).values()
            assert morsel["path"] == "/api/page"
            assert morsel["httponly"] is True
            assert morsel["samesite"].lower() == "lax"
            if morsel["max-age"] == "0":
                self.cookies.pop(morsel.key, None)
            else:
                self.cookies[morsel.key] = morsel.value
        return answer

    def begin(self, to: str = "/api/page/runs") -> str:
        """Begin a sign-in; the authority's address."""
        answer = self.get(f"{self.url}/api/page/sign-in", to=to)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def choose(self, address: str, user: str) -> str:
        """Say at the authority who it is; the address to come back to."""
        response = self.signed.azure.http.get(address)
        assert response.status_code == 200
        assert f'value="{user}"' in response.text
        fields = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', response.text.replace("&amp;", "&")))
        place = urlsplit(address)
        answer = self.signed.azure.http.get(place.path, params={**fields, "login_hint": user})
        assert answer.status_code == 302
        return answer.headers["Location"]


@pytest.fixture
def browser(signed: Signed) -> Iterator[Browser]:
    browser_under_test = Browser(signed)
    yield browser_under_test
    browser_under_test.close()


def changed(address: str, **parts: str) -> str:
    """An address with other query parameters."""
    split = urlsplit(address)
    return urlunsplit(split._replace(query=urlencode({**dict(parse_qsl(split.query)), **parts})))


def test_people_sign_in_to_the_page_and_out_again(browser: Browser, signed: Signed) -> None:
    address = browser.begin()
    request_body = dict(parse_qsl(urlsplit(address).query))
    assert (request_body["response_type"], request_body["code_challenge_method"]) == ("code", "S256")
    assert {"state", "nonce", "code_challenge"} <= request_body.keys()
    back = browser.get(browser.choose(address, "onboarder"))
    assert (back.status_code, back.headers["Location"]) == (303, "/api/page/runs"), back.text
    assert browser.cookies.keys() == {"arcway-session"}
    cookie_value = browser.cookies["arcway-session"]
    # What the cookie holds is for the page; the API takes tokens only.
    assert httpx.get(f"{browser.url}/api/runs", headers={"Cookie": f"arcway-session={cookie_value}"}).status_code == 401

    out = f"{browser.url}/api/page/sign-out"
    assert [browser.post(out).status_code, browser.post(out, csrf="guessed").status_code] == [403, 403]
    browser.cookies["arcway-session"] = cookie_value[:-8] + "A" * 8
    assert browser.post(out).status_code == 401
    browser.cookies["arcway-session"] = cookie_value
    signed_out = browser.post(out, csrf=_csrf_of(signed, cookie_value))
    assert signed_out.status_code == 303, signed_out.text
    assert browser.cookies == {}
    assert browser.post(out).status_code == 401
    goodbye = signed.azure.http.get(signed_out.headers["Location"])
    assert (goodbye.status_code, goodbye.headers["Location"]) == (302, f"{browser.url}/api/page")


def _csrf_of(signed: Signed, cookie: str) -> str:
    """What the page would put into its forms: read as another instance reads it, which has the same client secret."""
    environment = {
        "ARCWAY_TENANT_ID": signed.stack.azure["tenantId"],
        "ARCWAY_CLIENT_ID": signed.stack.azure["apiClientId"],
        "ARCWAY_CLIENT_SECRET_NAME": "arcway-page-client-secret",
        "ARCWAY_LOCAL": "1",
        "ARCWAY_SECRETS_DIR": signed.stack.secrets,
    }
    code = (
        "import asyncio, os, sys, azure.functions as func; from arcway.installation import Installation;"
        "from arcway.settings import read_settings; from triggers.services import Services;"
        "sessions = Services.of(Installation(read_settings(os.environ))).sessions;"
        "sent = func.HttpRequest('GET', 'http://127.0.0.1/', headers={'Cookie': sys.argv[1]}, body=b'');"
        "viewer = asyncio.run(sessions.viewer_of(sent));"
        "print(viewer.csrf if viewer.name == 'Olga Onboarder' else viewer)"
    )
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, f"arcway-session={cookie}"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return completed.stdout.strip()


def test_a_sign_in_that_another_browser_began_is_refused(browser: Browser, signed: Signed) -> None:
    browser_under_test = Browser(signed)
    theirs = browser_under_test.choose(browser_under_test.begin(), "offboarder")
    browser.begin()
    for address in (theirs, changed(theirs, state="guessed"), f"{browser.url}/api/page/callback"):
        answer = browser.get(address)
        assert (answer.status_code, answer.json()["code"]) == (400, Code.SIGN_IN_FAILED)
    browser_under_test.close()
    without_cookie = httpx.get(theirs)
    assert (without_cookie.status_code, without_cookie.json()["code"]) == (400, Code.SIGN_IN_FAILED)
    assert "arcway-session" not in browser.cookies


def test_a_changed_nonce_or_challenge_is_refused(browser: Browser) -> None:
    for part in ("nonce", "code_challenge"):
        answer = browser.get(browser.choose(changed(browser.begin(), **{part: "x" * 43}), "reader"))
        assert (answer.status_code, answer.json()["code"]) == (400, Code.SIGN_IN_FAILED), part
    assert "arcway-session" not in browser.cookies


def test_a_code_counts_once_and_a_refusal_is_reported(browser: Browser) -> None:
    back = browser.choose(browser.begin(), "reader")
    flow = dict(browser.cookies)
    assert browser.get(back).status_code == 303
    browser.cookies = flow
    second_response = browser.get(back)
    assert (second_response.status_code, second_response.json()["code"]) == (400, Code.SIGN_IN_FAILED)
    state = dict(parse_qsl(urlsplit(browser.begin()).query))["state"]
    query = {"state": state, "error": "access_denied", "error_description": "AADSTS65004: <b>User declined.</b>"}
    message = browser.get(f"{browser.url}/api/page/callback", **query)
    assert message.headers["Content-Type"].startswith("application/problem+json")
    assert "AADSTS65004" in message.json()["detail"]


def test_an_authority_that_is_away_is_reported_as_such(browser: Browser, signed: Signed) -> None:
    signed.azure.put("faults", [{"path": "/\\.well-known/openid-configuration$", "method": "GET", "status": 503}])
    answer = browser.get(f"{browser.url}/api/page/sign-in")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (
        503,
        Code.SIGN_IN_AUTHORITY_UNREACHABLE,
        True,
    )
    assert "Retry-After" in answer.headers


def command(signed: Signed, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line of a user who knows the server's address and nothing else of the stack."""
    home = str(Path(signed.stack.secrets).parent)
    variables = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": home, "ARCWAY_STATE": f"{home}/nothing-here"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "arcway.cli", *arguments],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_command_line_signs_in(signed: Signed) -> None:
    azure = signed.stack.azure
    server = {"ARCWAY_SERVER": signed.stack.url}
    scope = {"ARCWAY_SCOPE": f"api://{azure['apiClientId']}/.default"}
    identity = {
        "AZURE_TENANT_ID": azure["tenantId"],
        "AZURE_CLIENT_ID": APPLICATION,
        "AZURE_CLIENT_SECRET": APPLICATION_SECRET,
        "AZURE_AUTHORITY_HOST": azure["endpoint"],
        "ARCWAY_CA_FILE": azure["caFile"],
    }
    refused = command(signed, "status", **server)
    assert refused.returncode == 6
    assert Code.NOT_SIGNED_IN in refused.stderr
    assert "ARCWAY_SCOPE" in refused.stderr
    completed = command(signed, "status", "-o", "json", **server, **scope, **identity)
    assert completed.returncode == 0, completed.stderr
    assert "value" in json.loads(completed.stdout)
    plain = command(signed, "status", "--server", "http://arcway.example", **scope, **identity)
    assert plain.returncode == 2
    assert "https or loopback" in plain.stderr
    home = str(Path(signed.stack.secrets).parent)
    owner = command(signed, "status", "-o", "json", ARCWAY_STATE=home)
    assert owner.returncode == 0, owner.stderr
