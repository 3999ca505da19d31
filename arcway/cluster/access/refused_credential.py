"""Why an API server may have rejected a credential: its expiry and its owner, read from the credential.

The server answers 401 and nothing else. A token that is a JWT and a client certificate both say when they begin and
end, and a token also whose it is; neither is verified here, because it only helps to find the cause.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.access.kubeconfig import Access
from arcway.domain.text import excerpt

_ACCOUNT = "system:serviceaccount:"


def seconds_left(token: str | None) -> float | None:
    """Seconds until a JWT expires, negative if it has expired; None for a text that is not a JWT."""
    ends = _time(claims(token).get("exp"))
    return (ends - datetime.now(UTC)).total_seconds() if ends else None


def claims(token: str | None) -> dict[str, Any]:
    """The claims of a JWT, without verification; empty for a text that is not a JWT."""
    try:
        body = (token or "").split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def cause(access: Access) -> tuple[str | None, str | None]:
    """The cause as the end of a sentence, and the remedy, as far as the credential shows them."""
    token_claims = claims(access.token)
    subject = token_claims.get("sub")
    account = subject.removeprefix(_ACCOUNT) if isinstance(subject, str) and subject.startswith(_ACCOUNT) else None
    remedy = None
    if account:
        namespace, _, name = (excerpt(part) for part in account.partition(":"))
        remedy = f"Create a new token: `kubectl create token {name} -n {namespace}`"
        remedy += "; if the ServiceAccount was deleted, create it again first."
    now = datetime.now(UTC)
    for credential_kind, begins, ends in (
        ("token", _time(token_claims.get("nbf")), _time(token_claims.get("exp"))),
        ("client certificate", *_validity(access)),
    ):
        if ends and ends < now:
            return f"its {credential_kind} expired on {ends:%Y-%m-%d %H:%M} UTC", remedy
        if begins and begins > now:
            return f"its {credential_kind} is not valid before {begins:%Y-%m-%d %H:%M} UTC", remedy
    if account:
        return f"its token is that of ServiceAccount {excerpt(account.replace(':', '/'))}", remedy
    return None, None


def _validity(access: Access) -> tuple[datetime | None, datetime | None]:
    if not access.certificate:
        return None, None
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(access.certificate.encode())
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError:
        return None, None


def _time(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
