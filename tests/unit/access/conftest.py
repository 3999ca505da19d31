"""A tenant in memory: a signing key, tokens of it, and a validator that asks it."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.settings import Authority
from triggers.access.tokens import Keys, Tokens

TENANT = "99999999-8888-7777-6666-555555555555"
CLIENT = "cccccccc-4444-5555-6666-777777777777"
AUTHORITY = Authority("https://login.example", TENANT, CLIENT, None, "arcway-page-session")

_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]


class Tenant:
    """Publishes keys, counts questions, signs tokens, and may be out of reach."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self.answers = True
        self.current = "one"
        self.keys = {"one": _KEYS[0]}
        self.store = Keys(self.published, clock=lambda: self.now)
        self.tokens = Tokens(AUTHORITY, self.store)

    def rotate(self, key_id: str, *, keep: bool = False) -> None:
        """Sign with another key from now on."""
        fresh = next(key for key in _KEYS if key not in self.keys.values())
        self.keys = {**(self.keys if keep else {}), key_id: fresh}
        self.current = key_id

    def published(self) -> dict[str, jwt.PyJWK]:
        """What the product would download."""
        self.asked += 1
        if not self.answers:
            raise ArcError(Code.SIGN_IN_AUTHORITY_UNREACHABLE, "Nobody answers.")
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        return {
            key_id: jwt.PyJWK({**to_jwk(key.public_key(), as_dict=True), "kid": key_id}, "RS256")
            for key_id, key in self.keys.items()
        }

    def claims(self, **changes: Any) -> Json:
        """Claims of a good access token of a user; None leaves one out, times are seconds from now."""
        now = int(time.time())
        changes |= {name: now + changes[name] for name in ("exp", "nbf") if changes.get(name) is not None}
        good = {
            "aud": CLIENT,
            "iss": f"https://login.example/{TENANT}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "tid": TENANT,
            "oid": "11111111-0000-0000-0000-000000000001",
            "sub": "pairwise",
            "name": "Alice Example",
            "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "scp": "access",
            "roles": ["Arcway.Read"],
            "ver": "2.0",
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """A token with these claims, signed as the tenant does."""
        return jwt.encode(self.claims(**changes), self.keys[self.current], "RS256", headers={"kid": self.current})


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()
