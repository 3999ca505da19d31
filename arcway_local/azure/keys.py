"""The key and certificate rules of the Arc service: how a public key is written, how long an identity lasts."""

import base64
import binascii
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

_KEY_EXPIRY = timedelta(days=90)


def certificate_expiry() -> datetime:
    """When an identity certificate issued now ends: 90 days, as the service does."""
    return (datetime.now(UTC) + _KEY_EXPIRY).replace(microsecond=0)


def load_pkcs1(encoded: str) -> RSAPublicKey:
    """Read the encoding of `agentPublicKeyCertificate`: base64 of PKCS#1 DER. Raises ValueError."""
    try:
        der = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not der.startswith(b"\x30\x82") or der[4:5] != b"\x02":
        raise ValueError("not a PKCS#1 RSAPublicKey")
    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key
