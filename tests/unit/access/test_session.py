"""The page's cookie, its forms, and where a sign-in leads to."""

import base64
import time
from http.cookies import SimpleCookie

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.settings import read_settings
from tests.installations import LOCAL
from tests.unit.access.conftest import CLIENT, TENANT
from triggers.access import session
from triggers.access.authentication import Authentication
from triggers.access.callers import Caller, Role, readable
from triggers.access.page_secrets import PageSecrets
from triggers.access.session import COOKIE, Sessions
from triggers.access.sign_in import FLOW_COOKIE, place_after
from triggers.access.tokens import Tokens

SIGNED_IN = {"ARCWAY_TENANT_ID": TENANT, "ARCWAY_CLIENT_ID": CLIENT, "ARCWAY_CLIENT_SECRET_NAME": "arcway-page"}
HERE, ON_LOOPBACK = "https://arcway.example/api/page", "http://127.0.0.1:7071/api/page"
ALICE = Caller("Alice Example", "11111111-0000-0000-0000-000000000001", frozenset({Role.READ}))


KEYS = "one session key of more than 32 characters"


def authentication_of(environment: dict[str, str]) -> Authentication:
    authority = read_settings(environment).authority
    return Authentication(Tokens.of(authority, None) if authority else None)


def sessions_of(keys: str = KEYS, environment: dict[str, str] = SIGNED_IN) -> Sessions:
    """Those of another process, which knows only its environment."""
    secrets_by_name = {"arcway-page": "a client secret", "arcway-page-session": keys}
    page_secrets = PageSecrets(secrets_by_name.__getitem__)
    return Sessions(read_settings(environment).authority, authentication_of(environment), page_secrets)


@pytest.fixture
def sessions() -> Sessions:
    return sessions_of()


def request(url: str = HERE, method: str = "GET", **headers: str) -> func.HttpRequest:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, url, headers=sent, body=b"")


def form(url: str = HERE, **headers: str) -> func.HttpRequest:
    return request(url, "POST", **headers)


async def cookie(sessions: Sessions, caller: Caller = ALICE, url: str = HERE) -> str:
    """A cookie as the browser sends it back."""
    return (await sessions.new_session(request(url), caller)).partition(";")[0]


async def test_a_session_tells_who_signed_in_to_every_instance(sessions: Sessions) -> None:
    cookie_value = await cookie(sessions)
    viewer = await sessions_of().viewer_of(request(Cookie=f"theme=dark; {cookie_value}; other=1"))
    assert viewer is not None
    assert (viewer.name, viewer.object_id, viewer.roles) == (ALICE.name, ALICE.object_id, ALICE.roles)
    assert len(viewer.csrf) >= 32


async def test_every_session_has_a_csrf_secret_of_its_own(sessions: Sessions) -> None:
    first, second = [await sessions.viewer_of(request(Cookie=await cookie(sessions))) for _ in range(2)]
    assert first is not None
    assert second is not None
    assert first.csrf != second.csrf


async def test_a_changed_cookie_is_not_a_session(sessions: Sessions) -> None:
    name, _, value = (await cookie(sessions)).partition("=")
    data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    for place in (0, 12, len(data) // 2, len(data) - 1):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        document = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        assert await sessions.viewer_of(request(Cookie=f"{name}={document}")) is None


@pytest.mark.parametrize("value", ["", "x", "é", "AAAA", "A" * 4000, "a.b.c"])
async def test_a_foreign_cookie_is_not_a_session(sessions: Sessions, value: str) -> None:
    assert await sessions.viewer_of(request(Cookie=f"{COOKIE}={value}")) is None


async def test_a_cookie_of_the_sign_in_is_not_a_session(sessions: Sessions) -> None:
    flow_cookie = await sessions.seal(FLOW_COOKIE, {"name": "x", "oid": "x", "roles": [*Role], "csrf": "x"}, 60)
    assert await sessions.viewer_of(request(Cookie=f"{COOKIE}={flow_cookie}")) is None


async def test_a_session_ends(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie_value = await cookie(sessions)
    later = time.time() + session.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert await sessions.viewer_of(request(Cookie=cookie_value)) is None


async def test_another_session_key_ends_every_session(sessions: Sessions) -> None:
    cookie_value = await cookie(sessions)
    other = sessions_of("another session key of more than 32 characters")
    assert await other.viewer_of(request(Cookie=cookie_value)) is None


async def test_session_keys_are_rotated_side_by_side(sessions: Sessions) -> None:
    cookie_value = await cookie(sessions)
    both = sessions_of(f"a new session key of more than 32 characters\n{KEYS}\n")
    assert await both.viewer_of(request(Cookie=cookie_value)) is not None
    fresh = await cookie(both)
    new = sessions_of("a new session key of more than 32 characters")
    assert await new.viewer_of(request(Cookie=fresh)) is not None
    assert await new.viewer_of(request(Cookie=cookie_value)) is None


async def test_a_key_that_another_instance_uses_already_is_read_before_a_cookie_is_refused() -> None:
    secrets_by_name = {"arcway-page-session": KEYS}
    page_secrets = PageSecrets(secrets_by_name.__getitem__, pause=0)
    late = Sessions(read_settings(SIGNED_IN).authority, authentication_of(SIGNED_IN), page_secrets)
    await cookie(late)
    secrets_by_name["arcway-page-session"] = f"a new session key of more than 32 characters\n{KEYS}"
    fresh = await cookie(sessions_of(secrets_by_name["arcway-page-session"]))
    assert await late.viewer_of(request(Cookie=fresh)) is not None


@pytest.mark.parametrize("keys", ["", "short", f"{KEYS}\nshort"])
async def test_session_keys_that_could_be_guessed_are_refused(keys: str) -> None:
    with pytest.raises(ArcError, match=Code.SIGN_IN_FAILED):
        await cookie(sessions_of(keys))


async def test_the_cookie_is_for_this_page_alone_and_fits_any_browser(sessions: Sessions) -> None:
    longest = Caller("\N{GRINNING FACE}" * 256, "0" * 36, frozenset(Role))
    header = await sessions.new_session(request(), longest)
    assert len(header) < 3000
    (morsel,) = SimpleCookie(header).values()
    assert (morsel["path"], morsel["samesite"], morsel["httponly"], morsel["secure"]) == (
        "/api/page",
        "Lax",
        True,
        True,
    )
    assert set(morsel.value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert "secure" not in (await sessions.new_session(request(ON_LOOPBACK), ALICE)).lower()
    # TLS ends before the app in Azure.
    assert "; Secure" in await sessions.new_session(request("http://arcway.example/api/page"), ALICE)


async def test_a_form_needs_the_viewers_own_token(sessions: Sessions) -> None:
    cookie_value = await cookie(sessions)
    viewer = await sessions.viewer_of(request(Cookie=cookie_value))
    assert viewer is not None
    assert await sessions.check_csrf(form(Cookie=cookie_value, Origin="https://arcway.example"), viewer.csrf) == viewer
    second = await sessions.viewer_of(request(Cookie=await cookie(sessions)))
    assert second is not None
    for token in (None, "", "x", "é", second.csrf):
        with pytest.raises(ArcError, match=Code.CROSS_SITE_REQUEST):
            await sessions.check_csrf(form(Cookie=cookie_value), token)
    with pytest.raises(ArcError, match=Code.NOT_SIGNED_IN):
        await sessions.check_csrf(form(), viewer.csrf)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_is_refused_even_with_the_token(
    sessions: Sessions, headers: dict[str, str]
) -> None:
    cookie_value = await cookie(sessions)
    viewer = await sessions.viewer_of(request(Cookie=cookie_value))
    assert viewer is not None
    with pytest.raises(ArcError, match=Code.CROSS_SITE_REQUEST):
        await sessions.check_csrf(form(Cookie=cookie_value, **headers), viewer.csrf)


async def test_without_an_authority_the_viewer_is_the_local_one() -> None:
    sessions = sessions_of(environment=LOCAL)
    viewer = await sessions.viewer_of(request(ON_LOOPBACK))
    assert viewer is not None
    assert (viewer.name, viewer.object_id, viewer.roles) == ("local", None, frozenset(Role))
    assert await sessions.check_csrf(form(ON_LOOPBACK), viewer.csrf) == viewer
    with pytest.raises(ArcError, match=Code.CROSS_SITE_REQUEST):
        await sessions.check_csrf(form(ON_LOOPBACK), "")


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://rebound.example:7071/api/runs", {}),
        ("http://10.0.0.5:7071/api/runs", {}),
        ("http://127.0.0.1:7071/api/runs", {"Origin": "https://evil.example"}),
        ("http://127.0.0.1:7071/api/runs", {"Origin": "http://127.0.0.1:9999"}),
        ("http://localhost:7071/api/runs", {"Sec_Fetch_Site": "cross-site"}),
    ],
)
async def test_without_an_authority_other_sites_in_the_browser_get_nothing(url: str, headers: dict[str, str]) -> None:
    authentication = authentication_of(LOCAL)
    with pytest.raises(ArcError, match=Code.CROSS_SITE_REQUEST):
        await authentication.caller_of(form(url, **headers))
    assert (await authentication.caller_of(form(ON_LOOPBACK))).name == "local"
    assert (await authentication.caller_of(request(ON_LOOPBACK, Sec_Fetch_Site="cross-site"))).name == "local"


async def test_without_a_client_secret_there_is_no_sign_in(sessions: Sessions) -> None:
    cookie_value = await cookie(sessions)
    without = sessions_of(environment={name: SIGNED_IN[name] for name in ("ARCWAY_TENANT_ID", "ARCWAY_CLIENT_ID")})
    assert await without.viewer_of(request(Cookie=cookie_value)) is None
    assert not without.has_sign_in()


@pytest.mark.parametrize(
    ("expected", "place"),
    [
        ("/api/page", "/api/page"),
        ("/api/page/runs/cluster-1.2?tab=phases", "/api/page/runs/cluster-1.2?tab=phases"),
        (None, "/api/page"),
        ("", "/api/page"),
        ("/api/pages", "/api/page"),
        ("//evil.example/api/page", "/api/page"),
        ("https://evil.example/api/page", "/api/page"),
        ("/api/page\\..\\\\evil.example", "/api/page"),
        ("/api/page/x\r\nSet-Cookie: a=b", "/api/page"),
        ("/api/page/" + "x" * 2000, "/api/page"),
    ],
    ids=range(10),
)
def test_a_sign_in_leads_back_to_the_page_only(expected: str | None, place: str) -> None:
    assert place_after(expected) == place


def test_the_way_to_the_sign_in_remembers_the_page() -> None:
    response = session.to_sign_in(request("https://arcway.example/api/page/runs?state=Failed&x=%2F"))
    assert response.headers["Location"] == "/api/page/sign-in?to=%2Fapi%2Fpage%2Fruns%3Fstate%3DFailed%26x%3D%252F"


def test_names_are_printable_and_short() -> None:
    assert readable("Al\x00ice\n\u202eEx", "?") == "AliceEx"
    assert readable("x" * 1000, "?") == "x" * 256
    assert readable(None, "id") == readable(" ", "id") == readable(7, "id") == "id"
