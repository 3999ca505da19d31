"""Who sends something is known before it is read."""

import base64
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from triggers import http
from triggers.access.callers import ONBOARD, Role
from triggers.access.session import Viewer
from triggers.access.tokens import Tokens
from triggers.page import responses


class Unread(func.HttpRequest):
    """A request whose body nobody may look at."""

    def get_body(self) -> bytes:
        raise AssertionError("the body was read")

    @property
    def form(self) -> Any:
        raise AssertionError("the form was read")

    @property
    def files(self) -> Any:
        raise AssertionError("the form was read")


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = SimpleNamespace(
        authority=SimpleNamespace(secret_name="x", url="https://login", tenant_id="t", client_id="c")
    )
    for module in ("triggers.page.responses", "triggers.access.session", "triggers.access.authentication"):
        monkeypatch.setattr(f"{module}.settings", lambda: configuration)


def posted(kind: type[func.HttpRequest] = Unread, body: bytes = b"csrf=x", **headers: str) -> func.HttpRequest:
    return kind("POST", "https://arcway.example/api/page/x", headers=headers, body=body)


async def handler(*_: object) -> func.HttpResponse:
    raise AssertionError("nobody may get here")


@pytest.mark.parametrize("cookie", ["", "arcway-session=x", "arcway-session=" + "A" * 4000, "a; b=; =c"])
async def test_the_form_of_nobody_is_not_read(authority: None, monkeypatch: Any, cookie: str) -> None:
    async def none(purpose: str, message: str) -> None:
        return None

    monkeypatch.setattr("triggers.access.session.unseal", none)
    response = await responses.dispatch_page(posted(Cookie=cookie), None, {"POST": (ONBOARD, handler)})  # type: ignore[arg-type]
    assert response.status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_the_form_of_another_site_is_not_read(authority: None, monkeypatch: Any, headers: Any) -> None:
    async def viewer(request: object) -> Viewer:
        return Viewer("Olga", "x", frozenset(Role), "x")

    monkeypatch.setattr(responses, "viewer_of", viewer)
    response = await responses.dispatch_page(posted(**headers), None, {"POST": (ONBOARD, handler)})  # type: ignore[arg-type]
    assert response.status_code == 403


async def test_the_body_of_nobody_is_not_read(authority: None) -> None:
    response = await http.dispatch(posted(), None, {"POST": (ONBOARD, handler)})  # type: ignore[arg-type]
    assert response.status_code == 401


async def test_a_form_with_fields_without_number_is_refused(authority: None, monkeypatch: Any) -> None:
    async def viewer(request: object) -> Viewer:
        return Viewer("Olga", "x", frozenset(Role), "x")

    monkeypatch.setattr(responses, "viewer_of", viewer)
    monkeypatch.setattr("triggers.access.session.viewer_of", viewer)
    request = posted(func.HttpRequest, b"csrf=x" + b"&a=" * 100_000)
    response = await responses.dispatch_page(request, None, {"POST": (ONBOARD, handler)})  # type: ignore[arg-type]
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
async def test_a_token_that_is_dear_to_read_is_no_token(header: str) -> None:
    part = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    authority: Any = SimpleNamespace(client_id="c", tenant_id="t", issuer="i")
    with pytest.raises(ArcError, match=Code.NOT_SIGNED_IN):
        await Tokens(authority, SimpleNamespace()).access_claims(f"{part}.e30.e30")  # type: ignore[arg-type]
