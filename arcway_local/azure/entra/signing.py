"""Signs and checks tokens with the tenant's key, and changes the key."""

import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from arcway_local.json_documents import Json

LIFETIME = 3600
ALGORITHM = "RS256"


class Signer:
    """The signing key in use, and the ones before it that are still published."""

    def __init__(self) -> None:
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate(keep=False)

    def rotate(self, *, keep: bool) -> None:
        """Sign with a new key from now on; with `keep` tokens of earlier ones stay valid, as after a planned change."""
        previous = dict(self._keys) if keep else {}
        self._keys = {**previous, secrets.token_hex(10): rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def sign(self, claims: Json) -> str:
        """A signed token with these claims; issued now, unless the claims have other times."""
        issued = int(time.time())
        body = {"iat": issued, "nbf": issued, "exp": issued + LIFETIME, **claims}
        key_id, key = list(self._keys.items())[-1]
        payload = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(payload, key, ALGORITHM, headers={"kid": key_id})

    def check(self, token: str, audiences: list[str], issuer: str) -> Json:
        """The claims of a token. Raises `jwt.PyJWTError`."""
        key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError("Signature validation failed. The key is not known")
        claims: Json = jwt.decode(token, key.public_key(), [ALGORITHM], audience=audiences, issuer=issuer)
        return claims

    def published(self) -> list[Json]:
        """The keys as the tenant's key set has them."""
        return [
            {
                **jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
                "kid": key_id,
                "use": "sig",
                "alg": ALGORITHM,
            }
            for key_id, key in self._keys.items()
        ]

    def form(self) -> dict[str, str]:
        """The keys as PEM texts by their id."""
        return {
            key_id: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            for key_id, key in self._keys.items()
        }

    def restore(self, form: dict[str, str]) -> None:
        """Restore the keys from what `form` returned."""
        keys = {key_id: load_pem_private_key(pem.encode(), None) for key_id, pem in form.items()}
        self._keys = {key_id: key for key_id, key in keys.items() if isinstance(key, rsa.RSAPrivateKey)}
