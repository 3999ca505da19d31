"""The simulated authority refuses what Entra refuses: a test that passes against it must mean something."""

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt

from arcway_local.azure.entra import Entra
from tests.contract.azure_api.conftest import Azure

BACK = "http://127.0.0.1:7071/api/page/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def authorize(azure: Azure, **changes: str) -> httpx.Response:
    query = {
        "client_id": azure.ready["apiClientId"],
        "response_type": "code",
        "redirect_uri": BACK,
        "scope": "openid profile",
        "state": "s",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "login_hint": "alice",
        **changes,
    }
    return azure.anonymous.get(f"/{azure.ready['tenantId']}/oauth2/v2.0/authorize", params=query)


def code_of(answer: httpx.Response) -> str:
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]


def redeem(azure: Azure, code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": azure.ready["apiClientId"],
        "client_secret": azure.ready["apiClientSecret"],
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": BACK,
        **changes,
    }
    return azure.anonymous.post(f"/{azure.ready['tenantId']}/oauth2/v2.0/token", data=form)


def test_a_code_counts_once_for_who_asked_for_it(azure: Azure) -> None:
    wrong: list[dict[str, str]] = [
        {"client_secret": "guessed"},
        {"client_id": azure.ready["commandLineClientId"]},
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://127.0.0.1:7072/api/page/callback"},
    ]
    for changes in wrong:
        assert redeem(azure, code_of(authorize(azure)), **changes).status_code in (400, 401), changes
    code = code_of(authorize(azure))
    good = redeem(azure, code).raise_for_status().json()
    claims = jwt.decode(good["id_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["nonce"], claims["name"]) == (azure.ready["apiClientId"], "n", "Alice Example")
    assert claims["roles"] == ["Arcway.Read", "Arcway.Onboard", "Arcway.Offboard", "Arcway.Approve"]
    assert redeem(azure, code).json()["error"] == "invalid_grant"


def test_no_user_is_sent_anywhere_else(azure: Azure) -> None:
    for changes in (
        {"redirect_uri": "https://evil.example/api/page/callback"},
        {"redirect_uri": f"{BACK}.evil.example"},
        {"redirect_uri": "http://127.0.0.1@evil.example/api/page/callback"},
        {"client_id": azure.ready["commandLineClientId"]},
    ):
        answer = authorize(azure, **changes)
        assert (answer.status_code, "Location" in answer.headers) == (400, False), changes
    for changes in ({"code_challenge_method": "plain"}, {"code_challenge": ""}, {"response_type": "token"}):
        assert "error=invalid_request" in authorize(azure, **changes).headers["Location"]
    azure.control("users", {"<i>x": {"name": "<script>alert(1)</script>", "roles": []}})
    form = authorize(azure, login_hint="nobody", state='"><script>')
    assert form.status_code == 200
    assert "<script>" not in form.text
    assert "&lt;script&gt;alert(1)" in form.text
    query = {"post_logout_redirect_uri": "https://evil.example"}
    out = azure.anonymous.get(f"/{azure.ready['tenantId']}/oauth2/v2.0/logout", params=query)
    assert (out.status_code, "Location" in out.headers) == (200, False)


def test_state_of_before_there_were_users_is_read() -> None:
    value_before = Entra("tenant", lambda kind, key: None)
    (key_id, pem), *_ = value_before.form()["keys"].items()
    reread = Entra("tenant", lambda kind, key: None)
    reread.restore({"key": pem, "keyId": key_id, "header": "h", "principal": "p", "applications": {}})
    assert (reread.form()["keys"], reread.identity_header) == ({key_id: pem}, "h")
    assert reread.registration()["api_client_secret"]
