"""Claims-based security: verifies shared access signatures and remembers what a connection may use.

The SDK sends the token type `jwt` for signatures too, so they are known by how they begin. Other tokens are refused.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from arcway_local.service_bus.model import BadRequest, NotAuthorized
from arcway_local.service_bus.sections import Request

_PREFIX = "SharedAccessSignature "


class Grants:
    """The tokens that a connection has presented, by the address that each is for."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys` are the shared access keys by name; each gives all rights."""
        self._keys = keys
        self._until: dict[str, float] = {}

    def put_token(self, request: Request) -> None:
        """Verify a token and keep it for this connection. Raises NotAuthorized, BadRequest."""
        if request.properties.get("operation") != "put-token":
            raise BadRequest("The only operation here is put-token.")
        if not isinstance(request.body, str) or not request.body.startswith(_PREFIX):
            raise NotAuthorized("Only shared access signatures are accepted here.")
        resource, expiry = self._verified(request.body.removeprefix(_PREFIX))
        self._until[_path(resource)] = expiry

    def check(self, path: str) -> None:
        """Raises NotAuthorized unless a valid token covers the path."""
        entity_path = path.strip("/").lower()
        now = time.time()
        for granted, until in self._until.items():
            if until > now and (not granted or entity_path == granted or entity_path.startswith(f"{granted}/")):
                return
        raise NotAuthorized(f"Unauthorized access. No token of this connection covers '{path}'.")

    def _verified(self, token: str) -> tuple[str, float]:
        # Python would also decode what the signature was made of, so the raw value of sr is taken from the text.
        raw = dict(part.partition("=")[::2] for part in token.split("&"))
        fields = dict(parse_qsl(token, keep_blank_values=True))
        key = self._keys.get(fields.get("skn", ""))
        signed = hmac.digest((key or "").encode(), f"{raw.get('sr')}\n{raw.get('se')}".encode(), hashlib.sha256)
        try:
            expiry, signature = float(fields["se"]), base64.b64decode(unquote(raw["sig"]), validate=True)
        except (KeyError, ValueError, binascii.Error) as error:
            raise NotAuthorized("MalformedToken: a shared access signature needs sr, sig, se and skn.") from error
        if key is None or not hmac.compare_digest(signature, signed):
            raise NotAuthorized("InvalidSignature: The token has an invalid signature.")
        if expiry <= time.time():
            raise NotAuthorized("ExpiredToken: The token is expired.")
        return fields.get("sr", ""), expiry


def _path(resource: str) -> str:
    """The part of `sb://host:port/queue` that names an entity; nothing for the whole namespace."""
    return urlsplit(resource).path.strip("/").lower()
