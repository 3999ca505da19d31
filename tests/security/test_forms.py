"""Who sends something is known before it is read."""

import base64
import uuid
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.installations import invocation, local_installation
from triggers import http
from triggers.access.callers import ONBOARD, Caller, Role
from triggers.access.page_secrets import PageSecrets
from triggers.access.session import Sessions
from triggers.access.tokens import Tokens
from triggers.page import responses
from triggers.services import Invocation


class Unread(func.HttpRequest):
    """A request whose body may not be read."""

    def get_body(self) -> bytes:
        raise AssertionError("the body was read")

    @property
    def form(self) -> Any:
        raise AssertionError("the form was read")

    @property
    def files(self) -> Any:
        raise AssertionError("the form was read")


@pytest.fixture
def signing_in() -> Invocation:
    """An invocation where people sign in, which knows the keys of its sessions."""
    ids = {"ARCWAY_TENANT_ID": str(uuid.uuid4()), "ARCWAY_CLIENT_ID": str(uuid.uuid4())}
    installation = local_installation(**ids, ARCWAY_CLIENT_SECRET_NAME="arcway-page-x")
    own = invocation(None, installation)
    page_secrets = PageSecrets(lambda name: "a session key of more than 32 characters")
    sessions = Sessions(installation.settings.authority, own.services.authentication, page_secrets)
    return invocation(None, installation, sessions=sessions)


async def cookie_of_olga(signing_in: Invocation) -> str:
    olga = Caller("Olga", "x", frozenset(Role))
    return (await signing_in.services.sessions.new_session(posted(), olga)).partition(";")[0]


def posted(kind: type[func.HttpRequest] = Unread, body: bytes = b"csrf=x", **headers: str) -> func.HttpRequest:
    return kind("POST", "https://arcway.example/api/page/x", headers=headers, body=body)


async def handler(*_: object) -> func.HttpResponse:
    raise AssertionError("nobody may get here")


@pytest.mark.parametrize("cookie", ["", "arcway-session=x", "arcway-session=" + "A" * 4000, "a; b=; =c"])
async def test_an_anonymous_form_is_not_read(signing_in: Invocation, cookie: str) -> None:
    response = await responses.dispatch_page(posted(Cookie=cookie), signing_in, {"POST": (ONBOARD, handler)})
    assert response.status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_the_form_of_another_site_is_not_read(signing_in: Invocation, headers: Any) -> None:
    request = posted(Cookie=await cookie_of_olga(signing_in), **headers)
    response = await responses.dispatch_page(request, signing_in, {"POST": (ONBOARD, handler)})
    assert response.status_code == 403


async def test_an_anonymous_body_is_not_read(signing_in: Invocation) -> None:
    response = await http.dispatch(posted(), signing_in, {"POST": (ONBOARD, handler)})
    assert response.status_code == 401


async def test_a_form_with_fields_without_number_is_refused(signing_in: Invocation) -> None:
    body, cookie = b"csrf=x" + b"&a=" * 100_000, await cookie_of_olga(signing_in)
    request = posted(func.HttpRequest, body, Cookie=cookie)
    response = await responses.dispatch_page(request, signing_in, {"POST": (ONBOARD, handler)})
    assert response.status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"[" * 500_000, b"[" + b"{}," * 200_000 + b"{}]", b"[" + b"1," * 300_000 + b"1]", b"9" * 500_000],
    ids=["nested", "objects", "numbers", "digits"],
)
def test_a_body_that_is_dear_to_read_is_refused(body: bytes) -> None:
    request = func.HttpRequest("POST", "https://x/api/x", headers={"Content-Type": "application/json"}, body=body)
    with pytest.raises(ArcError, match=r"ARC-100[23]"):
        http.json_body(request)


@pytest.mark.parametrize("header", ["[" * 11_900, '{"a":' * 2000, "9" * 8000, "NaN", '{"alg": {}, "kid": []}', "\x00"])
async def test_a_token_that_is_dear_to_read_is_not_a_token(header: str) -> None:
    part = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    authority: Any = SimpleNamespace(client_id="c", tenant_id="t", issuer="i")
    with pytest.raises(ArcError, match=Code.NOT_SIGNED_IN):
        await Tokens(authority, SimpleNamespace()).access_claims(f"{part}.e30.e30")  # type: ignore[arg-type]
