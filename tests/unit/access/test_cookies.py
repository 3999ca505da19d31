"""Cookies and redirects of the page, to the letter: browsers are particular about both."""

import time
from collections.abc import Mapping
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.installations import LOCAL
from tests.unit.access.test_session import KEYS, SIGNED_IN, request, sessions_of
from triggers.access import callers, session
from triggers.access.callers import Caller, Role, of_claims, other_roles_in
from triggers.access.page_secrets import PageSecrets
from triggers.access.session import Sessions
from triggers.access.sign_in import place_after


def asking(url: str) -> func.HttpRequest:
    return func.HttpRequest("GET", url, body=b"")


@pytest.mark.parametrize(
    ("url", "to"),
    [
        ("https://arcway.example/api/page/runs/x", "%2Fapi%2Fpage%2Fruns%2Fx"),
        ("https://arcway.example/api/page?state=Failed&q=a%20b", "%2Fapi%2Fpage%3Fstate%3DFailed%26q%3Da%2520b"),
    ],
)
def test_a_page_leads_to_the_sign_in_and_back(url: str, to: str) -> None:
    response = session.to_sign_in(asking(url))
    assert (response.status_code, response.headers["Location"]) == (302, f"/api/page/sign-in?to={to}")
    assert response.headers["Cache-Control"] == "no-store"


def test_a_redirect_is_303_with_all_its_cookies() -> None:
    response = session.redirect("/api/page", "a=1; Path=/", "b=2; Path=/")
    assert (response.status_code, response.headers["Location"]) == (303, "/api/page")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]


@pytest.mark.parametrize(
    ("header", "value"),
    [("a=1", "1"), ("b=2; a=1", "1"), (" a=1=2 ;b", "1=2"), ("a=", ""), ("a", ""), ("aa=1", None), (None, None)],
)
def test_the_value_of_a_cookie(header: str | None, value: str | None) -> None:
    headers: Mapping[str, str] = {} if header is None else {"Cookie": header}
    sent = func.HttpRequest("GET", "https://arcway.example/", headers=headers, body=b"")
    assert session.cookie_of(sent, "a") == value


@pytest.mark.parametrize(
    ("url", "scheme", "host"),
    [
        ("http://127.0.0.1:7071/api/page", "http", "127.0.0.1:7071"),
        ("https://127.0.0.1:7071/api/page", "https", "127.0.0.1:7071"),
        ("http://arcway.example/api/page", "https", "arcway.example"),
    ],
)
def test_how_browsers_reach_the_page(url: str, scheme: str, host: str) -> None:
    assert (session.scheme_of(asking(url)), session.host_of(asking(url))) == (scheme, host)


def test_a_cookie_is_for_the_page_and_its_seconds() -> None:
    cookie = session.set_cookie(asking("https://arcway.example/"), "a", "1", 60)
    assert cookie == "a=1; Max-Age=60; Path=/api/page; HttpOnly; SameSite=Lax; Secure"
    cookie = session.set_cookie(asking("http://127.0.0.1/"), "a", "1", 60)
    assert cookie == "a=1; Max-Age=60; Path=/api/page; HttpOnly; SameSite=Lax"


def test_a_place_after_the_sign_in_has_at_most_1000_characters() -> None:
    longest = "/api/page?q=" + "x" * 988
    assert place_after(longest) == longest
    assert place_after(longest + "x") == "/api/page"


async def test_what_is_sealed_is_read_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    sessions = sessions_of()
    sealed = await sessions.seal("flow", {"a": "é"}, 60)
    now += 59
    assert await sessions.unseal("flow", sealed) == {"a": "é", "exp": 1_800_000_060}
    assert await sessions.unseal("other", sealed) is None
    now += 1
    assert await sessions.unseal("flow", sealed) is None


async def test_a_session_lasts_eight_hours_and_keeps_other_roles() -> None:
    sessions, olga = sessions_of(), Caller("Olga", "1", frozenset(Role), other_roles=frozenset({"Shop", "Bank"}))
    header = await sessions.new_session(request(), olga)
    assert "; Max-Age=28800; " in header
    viewer = await sessions.viewer_of(request(Cookie=header.partition(";")[0]))
    assert viewer is not None
    assert (viewer.roles, viewer.other_roles) == (olga.roles, olga.other_roles)
    assert viewer.is_signed_in


async def test_the_viewer_of_this_machine_has_not_signed_in() -> None:
    viewer = await sessions_of(environment={"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1"}).viewer_of(
        request("http://127.0.0.1/api/page")
    )
    assert viewer is not None
    assert not viewer.is_signed_in
    assert viewer.object_id == callers.LOCAL.object_id
    assert len(viewer.csrf) >= 43


async def test_at_most_four_keys_count() -> None:
    names = [f"session key number {number} of more than 32 characters" for number in range(5)]
    for number, accepted in ((3, True), (4, False)):
        header = await sessions_of(names[number]).new_session(request(), Caller("Olga", "1", frozenset()))
        viewer = await sessions_of("\n".join(names)).viewer_of(request(Cookie=header.partition(";")[0]))
        assert (viewer is not None) == accepted


async def test_a_key_of_32_characters_is_long_enough_and_blank_lines_and_spaces_do_not_count() -> None:
    header = await sessions_of("k" * 32).new_session(request(), Caller("Olga", "1", frozenset()))
    cookie = header.partition(";")[0]
    assert await sessions_of(f"\n  {'k' * 32}  \n\n").viewer_of(request(Cookie=cookie)) is not None
    with pytest.raises(ArcError) as caught:
        await sessions_of("k" * 31).new_session(request(), Caller("Olga", "1", frozenset()))
    assert caught.value.code == Code.SIGN_IN_FAILED
    message = "Secret arcway-page-session must have one or more lines of at least 32 random characters."
    assert caught.value.message == message
    assert caught.value.remedy == "Store a line such as `openssl rand -base64 32` prints."


async def test_keys_are_read_again_only_for_a_cookie_that_no_key_opens() -> None:
    reads: list[str] = []

    def read(name: str) -> str:
        reads.append(name)
        return KEYS

    own = sessions_of()
    sessions = Sessions(own._authority, own._authentication, PageSecrets(read, pause=0))
    cookie = (await sessions.new_session(request(), Caller("Olga", "1", frozenset()))).partition(";")[0]
    assert await sessions.viewer_of(request(Cookie=cookie)) is not None
    assert reads == ["arcway-page-session"]
    foreign = await sessions_of("another session key of more than 32 characters").seal(session.COOKIE, {}, 60)
    assert await sessions.viewer_of(request(Cookie=f"{session.COOKIE}={foreign}")) is None
    assert reads == ["arcway-page-session"] * 2


async def test_who_is_not_signed_in_learns_what_to_do() -> None:
    with pytest.raises(ArcError) as caught:
        await sessions_of(environment=SIGNED_IN).check_csrf(request(method="POST"), "x")
    assert (caught.value.code, caught.value.message) == (Code.NOT_SIGNED_IN, "You are not signed in to the page.")
    assert caught.value.remedy == "Sign in to the page again."


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        (["Arcway.Read", "Shop", 7, "a b", "", "x" * 64, "x" * 65], {"Shop", "x" * 64}),
        ("Shop", set()),
        (None, set()),
        ([f"role-{number:02}" for number in range(30)], {f"role-{number:02}" for number in range(20)}),
    ],
)
def test_other_roles_of_a_token(claim: Any, roles: set[str]) -> None:
    assert other_roles_in(claim) == roles
    caller = of_claims("Olga", {"oid": "1", "roles": claim})
    assert (caller.name, caller.object_id, caller.other_roles) == ("Olga", "1", frozenset(roles))


async def test_what_earlier_hosts_sealed_is_read() -> None:
    """Another derivation of the keys would sign all users out at an update. Sealed until the year 2100."""
    sealed = "RZbxQrhDUOYVfHac3nZUgOyJ82KIRCwaojHPk_4HB7DRHYIrvpL2GxK121drgkO5ZdBfDUnD"
    value = await sessions_of().unseal("flow", sealed)
    assert value is not None
    assert value["a"] == "b"


async def test_without_a_tenant_nothing_is_sealed() -> None:
    with pytest.raises(ArcError) as caught:
        await sessions_of(environment=LOCAL).seal("flow", {}, 60)
    assert (caught.value.code, caught.value.message) == (Code.SIGN_IN_FAILED, "Sign-in is not configured.")
