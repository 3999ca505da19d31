"""Which tokens open the API, and how often the authority is asked for its keys."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.unit.access.conftest import AUTHORITY, CLIENT, TENANT, Tenant
from triggers.access import tokens
from triggers.access.tokens import Tokens

OTHER_TENANT = "00000000-1111-2222-3333-444444444444"


async def refusal(tenant: Tenant, token: str) -> ArcError:
    with pytest.raises(ArcError) as caught:
        await tenant.tokens.access_claims(token)
    return caught.value


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": f"api://{CLIENT}"},
        {"scp": None, "idtyp": "app", "name": None},
        {"scp": None, "idtyp": None, "roles": None},
        {"exp": -30},
    ],
    ids=["a user", "audience as URI", "an application", "an application without role", "a clock that goes wrong"],
)
async def test_a_good_token_is_taken(tenant: Tenant, changes: dict[str, Any]) -> None:
    claims = await tenant.tokens.access_claims(tenant.token(**changes))
    assert claims["oid"] == "11111111-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -300},
        {"exp": None},
        {"nbf": 300},
        {"nbf": None},
        {"aud": "00000003-0000-0000-c000-000000000000"},
        {"aud": [OTHER_TENANT]},
        {"aud": None},
        {"iss": f"https://login.example/{OTHER_TENANT}/v2.0", "tid": OTHER_TENANT},
        {"tid": OTHER_TENANT},
        {"iss": f"https://sts.windows.net/{TENANT}/"},
        {"iss": f"https://login.example/{TENANT}/v2.0/"},
        {"oid": None},
        {"oid": ""},
        {"oid": ["a"]},
        {"tid": None},
        {"azp": None, "nonce": "n", "scp": None},
        {"nonce": "n"},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_refused(tenant: Tenant, changes: dict[str, Any]) -> None:
    assert (await refusal(tenant, tenant.token(**changes))).code == Code.NOT_SIGNED_IN


@pytest.mark.parametrize(
    "message", ["", "x", "a.b.c", "....", "é", part({"alg": "RS256", "kid": "one"}) + "..", "x" * 20_000]
)
async def test_what_is_not_a_token_is_refused_without_a_request(tenant: Tenant, message: str) -> None:
    assert (await refusal(tenant, message)).code == Code.NOT_SIGNED_IN
    assert tenant.asked <= 1


async def test_a_forged_signature_is_refused(tenant: Tenant) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(tenant.claims(roles=["Arcway.Offboard"]), stranger, "RS256", headers={"kid": "one"})
    assert (await refusal(tenant, forged)).code == Code.NOT_SIGNED_IN
    header, _, signature = tenant.token().split(".")
    changed = f"{header}.{part(tenant.claims(roles=['Arcway.Offboard']))}.{signature}"
    assert (await refusal(tenant, changed)).code == Code.NOT_SIGNED_IN


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", "PS256"])
async def test_only_one_algorithm_counts(tenant: Tenant, algorithm: str) -> None:
    """HS256 with the public key as secret is the classic: the server would check it with what is public."""
    public = tenant.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    content = f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': 'one'})}.{part(tenant.claims())}"
    signature = hmac.new(public, content.encode(), hashlib.sha256).digest() if algorithm == "HS256" else b""
    if algorithm in ("RS512", "PS256"):
        token = jwt.encode(tenant.claims(), tenant.keys["one"], algorithm, headers={"kid": "one"})
    else:
        token = f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert (await refusal(tenant, token)).code == Code.NOT_SIGNED_IN
    assert tenant.asked == 0


@pytest.mark.parametrize("headers", [{}, {"kid": ""}, {"kid": "../keys"}])
async def test_a_token_without_a_known_key_is_refused(tenant: Tenant, headers: dict[str, str]) -> None:
    token = jwt.encode(tenant.claims(), tenant.keys["one"], "RS256", headers=headers)
    assert (await refusal(tenant, token)).code == Code.NOT_SIGNED_IN


async def test_a_key_that_is_changed_while_running_is_found(tenant: Tenant) -> None:
    old = tenant.token()
    await tenant.tokens.access_claims(old)
    tenant.rotate("two")
    tenant.now += 6
    await tenant.tokens.access_claims(tenant.token())
    assert tenant.asked == 2
    assert (await refusal(tenant, old)).code == Code.NOT_SIGNED_IN


async def test_a_withdrawn_key_stops_counting_within_an_hour(tenant: Tenant) -> None:
    old = tenant.token()
    await tenant.tokens.access_claims(old)
    tenant.rotate("two")
    tenant.now += 3601
    assert (await refusal(tenant, old)).code == Code.NOT_SIGNED_IN


async def test_a_flood_of_made_up_keys_does_not_reach_the_authority(tenant: Tenant) -> None:
    def made_up(number: int) -> str:
        return jwt.encode(tenant.claims(), tenant.keys["one"], "RS256", headers={"kid": f"made-up-{number}"})

    flood = [tenant.tokens.access_claims(made_up(number)) for number in range(50)]
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert {getattr(answer, "code", answer) for answer in answers} == {Code.NOT_SIGNED_IN}
    assert tenant.asked == 1
    await tenant.tokens.access_claims(tenant.token())
    assert tenant.asked == 1


async def test_an_authority_that_does_not_answer_opens_nothing(tenant: Tenant) -> None:
    tenant.answers = False
    error = await refusal(tenant, tenant.token())
    assert (error.code, error.retryable) == (Code.SIGN_IN_AUTHORITY_UNREACHABLE, True)
    assert (await refusal(tenant, tenant.token())).code == Code.SIGN_IN_AUTHORITY_UNREACHABLE
    assert tenant.asked == 1
    tenant.answers, tenant.now = True, tenant.now + 6
    await tenant.tokens.access_claims(tenant.token())


async def test_known_keys_count_for_a_day_while_the_authority_does_not_answer(tenant: Tenant) -> None:
    await tenant.tokens.access_claims(tenant.token())
    tenant.answers = False
    tenant.now += 20 * 3600
    await tenant.tokens.access_claims(tenant.token())
    tenant.now += 5 * 3600
    assert (await refusal(tenant, tenant.token())).code == Code.SIGN_IN_AUTHORITY_UNREACHABLE


async def test_an_id_token_is_checked_likewise_but_only_for_the_page(tenant: Tenant) -> None:
    about = {"azp": None, "scp": None, "nonce": "n"}
    assert (await tenant.tokens.id_claims(tenant.token(**about)))["nonce"] == "n"
    with pytest.raises(ArcError):
        await tenant.tokens.id_claims(tenant.token(**about, aud=f"api://{CLIENT}"))


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (3600, 1), (3600.5, 2)])
async def test_a_known_key_is_asked_for_again_after_an_hour(tenant: Tenant, seconds: float, asked: int) -> None:
    tenant.now = 1_000_000
    await tenant.tokens.access_claims(tenant.token())
    tenant.now += seconds
    await tenant.tokens.access_claims(tenant.token())
    assert tenant.asked == asked


@pytest.mark.parametrize(("seconds", "asked"), [(4.5, 1), (5, 2)])
async def test_an_unknown_key_is_asked_for_again_after_five_seconds(tenant: Tenant, seconds: float, asked: int) -> None:
    tenant.now = 1_000_000
    unknown = jwt.encode(tenant.claims(), tenant.keys["one"], "RS256", headers={"kid": "unknown"})
    await refusal(tenant, unknown)
    tenant.now += seconds
    await refusal(tenant, unknown)
    assert tenant.asked == asked


async def test_a_known_key_counts_for_a_day_exactly(tenant: Tenant) -> None:
    tenant.now = 1_000_000
    token = tenant.token()
    await tenant.tokens.access_claims(token)
    tenant.answers = False
    tenant.now += 24 * 3600
    await tenant.tokens.access_claims(token)
    tenant.now += 6
    error = await refusal(tenant, token)
    assert (error.code, error.message) == (Code.SIGN_IN_AUTHORITY_UNREACHABLE, "Nobody answers.")


async def test_a_refusal_says_what_is_wrong_with_the_token(tenant: Tenant) -> None:
    unknown = jwt.encode(tenant.claims(), tenant.keys["one"], "RS256", headers={"kid": "unknown"})
    texts = {
        "x" * (16 * 1024 + 1): "The token is too long.",
        "x" * 16 * 1024: "The token is not valid: Not enough segments.",
        unknown: "The token is signed with a key that its tenant has not published.",
        tenant.token(nonce="n"): "The token is not an access token.",
        tenant.token(azp=None): "The token is not an access token.",
        tenant.token(tid=OTHER_TENANT): "The token was issued by another tenant or has no oid claim.",
        tenant.token(exp=-300): "The token is not valid: Signature has expired.",
        jwt.encode(tenant.claims(), "secret" * 8, "HS256"): "The token is not signed with RS256, or has no key id.",
    }
    for token, message in texts.items():
        assert (await refusal(tenant, token)).message == message


async def test_keys_are_those_of_the_tenant(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def published(*arguments: Any) -> dict[str, Any]:
        asked.append(arguments)
        return tenant.published()

    monkeypatch.setattr(tokens, "published_keys", published)
    claims = await Tokens.of(AUTHORITY, "authority.pem").access_claims(tenant.token())
    assert claims["tid"] == TENANT
    assert asked == [(f"https://login.example/{TENANT}/discovery/v2.0/keys", "authority.pem")]
