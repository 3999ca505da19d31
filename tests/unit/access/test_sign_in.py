"""Signing in to the page and out of it, with an authority that answers as a test says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import msal
import pytest
import requests

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.installation import Installation
from arcway.settings import read_settings
from tests.installations import invocation, local_installation
from tests.unit.access.conftest import CLIENT, TENANT, Tenant
from triggers import http
from triggers.access import routes
from triggers.access.authentication import Authentication
from triggers.access.callers import Role
from triggers.access.page_secrets import PageSecrets
from triggers.access.session import Sessions
from triggers.access.sign_in import SignIn
from triggers.services import Invocation

HERE = "http://arcway.example:8080/api/page"
OID = "11111111-0000-0000-0000-000000000001"
SETTINGS = {
    "ARCWAY_TENANT_ID": TENANT,
    "ARCWAY_CLIENT_ID": CLIENT,
    "ARCWAY_CLIENT_SECRET_NAME": "arcway-page",
    "ARCWAY_AUTHORITY": "https://login.example",
}
SECRETS = {"arcway-page": "the client secret\n", "arcway-page-session": "one session key of more than 32 characters"}


@dataclass
class Msal:
    """Stands in for msal's client: what it was made with, asked, and answers."""

    made: list[tuple[tuple[Any, ...], Json]] = field(default_factory=list)
    sessions: list[requests.Session] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)
    redeemed: list[tuple[Json, Json]] = field(default_factory=list)
    result: Any = None
    failure: Exception | None = None

    def __call__(self, *positional: Any, **named: Any) -> "Msal":
        self.sessions.append(named.pop("http_client"))
        self.made.append((positional, named))
        if self.failure:
            raise self.failure
        return self

    def initiate_auth_code_flow(self, scopes: list[str], *, redirect_uri: str) -> Json:
        assert scopes == []
        self.redirect_uris.append(redirect_uri)
        kept = {"state": "s", "nonce": "n", "code_verifier": "v", "redirect_uri": redirect_uri, "scope": []}
        return {**kept, "auth_uri": "https://login.example/authorize?x=y", "claims_challenge": None}

    def acquire_token_by_auth_code_flow(self, flow: Json, answer: Json) -> Json:
        self.redeemed.append((flow, answer))
        if isinstance(self.result, Exception):
            raise self.result
        result: Json = self.result
        return result


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Msal:
    stand_in = Msal()
    monkeypatch.setattr(msal, "ConfidentialClientApplication", stand_in)
    return stand_in


def signing_in(tenant: Tenant, ca_file: str | None = None) -> Invocation:
    installation = Installation(read_settings(SETTINGS))
    configured = installation.settings.authority
    assert configured is not None
    authentication = Authentication(tenant.tokens)
    sessions = Sessions(configured, authentication, PageSecrets(SECRETS.__getitem__))
    sign_in = SignIn(configured, sessions, tenant.tokens, ca_file)
    return invocation(None, installation, authentication=authentication, sessions=sessions, sign_in=sign_in)


@pytest.fixture
def page(tenant: Tenant) -> Invocation:
    return signing_in(tenant)


async def send(
    page: Invocation, route: str, *, query: Json | None = None, body: bytes = b"", url: str = HERE, **headers: str
) -> func.HttpResponse:
    method, _, path = route.partition(" ")
    request = func.HttpRequest(method, f"{url}/x", headers=headers, params=query or {}, body=body)
    return await http.dispatch(request, page, routes.ROUTES[f"page/{path}"])


def cookies(response: func.HttpResponse) -> Mapping[str, str]:
    """The Set-Cookie headers by the cookies' names."""
    headers = response.headers.get_all("Set-Cookie")
    return {header.partition("=")[0]: header for header in headers}


async def begun(page: Invocation, to: str = "/api/page/runs") -> str:
    """The cookie of a browser that began to sign in."""
    response = await send(page, "GET sign-in", query={"to": to})
    return cookies(response)["arcway-sign-in"].partition(";")[0]


async def test_a_sign_in_leads_to_the_authority(page: Invocation, authority: Msal) -> None:
    response = await send(page, "GET sign-in", query={"to": "/api/page/runs"})
    assert (response.status_code, response.headers["Location"]) == (303, "https://login.example/authorize?x=y")
    assert response.headers["Cache-Control"] == "no-store"
    assert authority.redirect_uris == ["https://arcway.example:8080/api/page/callback"]
    settings = {"authority": f"https://login.example/{TENANT}", "instance_discovery": False}
    settings |= {"exclude_scopes": ["offline_access"]}
    assert authority.made == [((CLIENT, "the client secret"), settings)]
    (cookie,) = cookies(response).values()
    assert cookie.endswith("; Max-Age=600; Path=/api/page; HttpOnly; SameSite=Lax; Secure")
    assert "code_verifier" not in cookie


@pytest.mark.parametrize("ca_file", [None, "/etc/ca.pem"])
async def test_the_authority_is_trusted_by_the_configured_file_alone(
    tenant: Tenant, authority: Msal, ca_file: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(signing_in(tenant, ca_file))
    (session,) = authority.sessions
    assert (session.verify, session.trust_env) == (ca_file or True, ca_file is None)
    sent: list[Json] = []
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda *_, **options: sent.append(options))
    with pytest.raises(AttributeError):
        session.get("https://login.example/")
    assert sent[0]["timeout"] == 10


async def test_who_comes_back_is_signed_in_and_led_to_the_page_that_was_requested(
    page: Invocation, authority: Msal, tenant: Tenant
) -> None:
    cookie = await begun(page)
    authority.result = {"id_token": tenant.token(azp=None, scp=None, roles=["Arcway.Read", "Shop"])}
    answer = {"state": "s", "code": "c", "error": "e", "error_description": "d"}
    response = await send(page, "GET callback", query={**answer, "session_state": "x"}, Cookie=cookie)
    assert (response.status_code, response.headers["Location"]) == (303, "/api/page/runs")
    ((flow, redeemed),) = authority.redeemed
    assert redeemed == answer
    assert {flow[name] for name in ("state", "nonce", "code_verifier")} == {"s", "n", "v"}
    assert (flow["redirect_uri"], flow["scope"]) == ("https://arcway.example:8080/api/page/callback", [])
    assert "auth_uri" not in flow
    assert authority.made[0] == authority.made[1]
    assert cookies(response)["arcway-sign-in"].startswith("arcway-sign-in=; Max-Age=0; ")
    session = cookies(response)["arcway-session"]
    assert "; Max-Age=28800; " in session
    request = func.HttpRequest("GET", HERE, headers={"Cookie": session.partition(";")[0]}, body=b"")
    viewer = await page.services.sessions.viewer_of(request)
    assert viewer is not None
    assert (viewer.name, viewer.object_id, viewer.is_signed_in) == ("Alice Example", OID, True)
    assert (viewer.roles, viewer.other_roles) == (frozenset({Role.READ}), frozenset({"Shop"}))


@pytest.mark.parametrize(
    ("claims", "name"), [({"preferred_username": "alice@example"}, "alice@example"), ({}, OID), ({"name": 7}, OID)]
)
async def test_the_name_of_who_signed_in(
    page: Invocation, authority: Msal, tenant: Tenant, claims: Json, name: str
) -> None:
    cookie = await begun(page)
    authority.result = {"id_token": tenant.token(**{"name": None, **claims})}
    response = await send(page, "GET callback", Cookie=cookie)
    headers = {"Cookie": cookies(response)["arcway-session"].partition(";")[0]}
    viewer = await page.services.sessions.viewer_of(func.HttpRequest("GET", HERE, headers=headers, body=b""))
    assert viewer is not None
    assert viewer.name == name


async def refusal(page: Invocation, route: str = "GET callback", **options: Any) -> tuple[int, Json]:
    response = await send(page, route, **options)
    assert "Set-Cookie" not in response.headers
    document: Json = json.loads(response.get_body())
    return response.status_code, document


@pytest.mark.parametrize("cookie", ["", "arcway-sign-in=", "arcway-sign-in=x", "arcway-session=x"])
async def test_a_browser_that_began_nothing_is_not_signed_in(page: Invocation, authority: Msal, cookie: str) -> None:
    _, document = await refusal(page, Cookie=cookie)
    assert document["code"] == Code.SIGN_IN_FAILED
    assert document["detail"] == "No sign-in is in progress in this browser, or it expired."
    assert authority.made == []


async def test_a_session_is_not_a_sign_in_in_progress(page: Invocation, authority: Msal) -> None:
    sealed = await page.services.sessions.seal("arcway-session", {"to": "/api/page"}, 60)
    assert (await refusal(page, Cookie=f"arcway-sign-in={sealed}"))[1]["code"] == Code.SIGN_IN_FAILED


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"error": "access_denied", "error_description": "Not you."}, "Not you."),
        ({"error": "access_denied"}, "access_denied"),
    ],
)
async def test_what_the_authority_refuses_is_reported(
    page: Invocation, authority: Msal, result: Json, text: str
) -> None:
    cookie = await begun(page)
    authority.result = result
    _, document = await refusal(page, Cookie=cookie)
    assert document["code"] == Code.SIGN_IN_FAILED
    assert document["detail"] == f"The authority rejected the sign-in: {text}"


async def test_a_refusal_is_cut(page: Invocation, authority: Msal) -> None:
    cookie = await begun(page)
    authority.result = {"error": "x y " * 200}
    _, document = await refusal(page, Cookie=cookie)
    assert 300 <= len(document["detail"]) < 350


@pytest.mark.parametrize("error", [ValueError("state mismatch"), RuntimeError("nonce")])
async def test_a_response_to_another_browser_is_refused(page: Invocation, authority: Msal, error: Exception) -> None:
    cookie = await begun(page)
    authority.result = error
    _, document = await refusal(page, Cookie=cookie)
    assert document["code"] == Code.SIGN_IN_FAILED
    assert document["detail"] == "The authority's response does not belong to this browser's sign-in."


async def test_an_invalid_id_token_is_refused(page: Invocation, authority: Msal, tenant: Tenant) -> None:
    cookie = await begun(page)
    authority.result = {"id_token": tenant.token(aud="00000003-0000-0000-c000-000000000000")}
    status, document = await refusal(page, Cookie=cookie)
    assert (status, document["code"]) == (401, Code.NOT_SIGNED_IN)


@pytest.mark.parametrize("error", [requests.ConnectionError("no route"), ValueError("no"), RuntimeError("no")])
async def test_an_authority_that_does_not_answer_is_named(page: Invocation, authority: Msal, error: Exception) -> None:
    cookie = await begun(page)
    authority.failure = error
    for route in ("GET sign-in", "GET callback"):
        status, document = await refusal(page, route, Cookie=cookie)
        assert (status, document["code"]) == (503, Code.SIGN_IN_AUTHORITY_UNREACHABLE)
        assert document["detail"] == f"The authority does not respond: {error}."


async def test_a_sign_in_leads_to_no_other_site(page: Invocation, authority: Msal, tenant: Tenant) -> None:
    cookie = await begun(page, to="https://evil.example/")
    authority.result = {"id_token": tenant.token()}
    assert (await send(page, "GET callback", Cookie=cookie)).headers["Location"] == "/api/page"


async def test_a_sign_out_ends_the_session_here_and_at_the_authority(
    page: Invocation, authority: Msal, tenant: Tenant
) -> None:
    cookie = await begun(page)
    authority.result = {"id_token": tenant.token()}
    session = cookies(await send(page, "GET callback", Cookie=cookie))["arcway-session"].partition(";")[0]
    viewer = await page.services.sessions.viewer_of(
        func.HttpRequest("GET", HERE, headers={"Cookie": session}, body=b"")
    )
    assert viewer is not None
    for body in (b"", b"csrf=x", b"csrf=\xff", b"x=" + b"y" * 9000 + f"&csrf={viewer.csrf}".encode()):
        status, document = await refusal(page, "POST sign-out", body=body, Cookie=session)
        assert (status, document["code"]) == (403, Code.CROSS_SITE_REQUEST)
    response = await send(page, "POST sign-out", body=f"csrf={viewer.csrf}&csrf=x".encode(), Cookie=session)
    address = urlsplit(response.headers["Location"])
    assert (response.status_code, address.netloc) == (303, "login.example")
    assert address.path == f"/{TENANT}/oauth2/v2.0/logout"
    assert parse_qs(address.query) == {"post_logout_redirect_uri": ["https://arcway.example:8080/api/page"]}
    (removed,) = cookies(response).values()
    assert removed == "arcway-session=; Max-Age=0; Path=/api/page; HttpOnly; SameSite=Lax; Secure"


async def test_without_an_authority_there_is_nothing_to_sign_in_to() -> None:
    local = invocation(None, local_installation())
    here = "http://127.0.0.1:7071/api/page"
    response = await send(local, "GET sign-in", url=here, query={"to": "/api/page/runs"})
    assert (response.status_code, response.headers["Location"]) == (303, "/api/page/runs")
    assert "Set-Cookie" not in response.headers
    status, document = await refusal(local, url=here)
    assert (status, document["code"], document["detail"]) == (400, Code.SIGN_IN_FAILED, "Sign-in is not configured.")
    viewer = await local.services.sessions.viewer_of(func.HttpRequest("GET", here, body=b""))
    assert viewer is not None
    response = await send(local, "POST sign-out", url=here, body=f"csrf={viewer.csrf}".encode())
    assert (response.status_code, response.headers["Location"]) == (303, "/api/page")
    assert "Set-Cookie" not in response.headers


async def test_a_page_without_a_client_secret_says_what_to_set() -> None:
    without = {name: value for name, value in SETTINGS.items() if name != "ARCWAY_CLIENT_SECRET_NAME"}
    local = invocation(None, Installation(read_settings(without)))
    status, document = await refusal(local, "GET sign-in")
    assert (status, document["code"]) == (400, Code.SIGN_IN_FAILED)
    assert document["detail"] == "The page's sign-in is not configured: ARCWAY_CLIENT_SECRET_NAME is not set."
    assert document["remedy"] == "Set it, or use the API with a bearer token."


# --- secrets of the page -------------------------------------------------------------------------------------------


async def test_a_secret_is_read_again_when_it_is_old_and_sooner_for_a_cookie_that_no_key_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, reads = 1000.0, list[str]()
    monkeypatch.setattr("time.monotonic", lambda: now)

    def read(name: str) -> str:
        reads.append(name)
        return f"{name} {len(reads)}"

    secrets = PageSecrets(read)
    assert [await secrets.read("a"), await secrets.read("a"), await secrets.read("b")] == ["a 1", "a 1", "b 2"]
    now += 4.9
    assert await secrets.read("a", refresh=True) == "a 1"
    now += 0.1
    assert await secrets.read("a", refresh=True) == "a 3"
    now += 299.9
    assert await secrets.read("a") == "a 3"
    now += 0.1
    assert await secrets.read("a") == "a 4"


async def test_a_secret_that_cannot_be_read_is_asked_for_again() -> None:
    answers: list[Any] = [ArcError(Code.SECRET_UNUSABLE), "value"]

    def read(_: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, ArcError):
            raise answer
        return str(answer)

    secrets = PageSecrets(read)
    with pytest.raises(ArcError, match=Code.SECRET_UNUSABLE):
        await secrets.read("a")
    assert await secrets.read("a") == "value"
