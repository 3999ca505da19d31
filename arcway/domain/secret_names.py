"""What the name of a secret says: the one table of what each kind of secret is for and who may name it.

The parser, the reader of secrets, the page, the command line and docs/permissions.md go by it, so that a reference to
one kind never reads another. Names are compared without regard to case, as Key Vault compares them
(https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers).
"""

import hashlib
import hmac
import re
from enum import StrEnum

NAME_PATTERN = r"^arcway-[0-9A-Za-z-]{1,110}$"
PROOF_PATTERN = r"^[0-9A-Za-z_-]{32,64}$"
TEMPORARY = "arcway-tmp-"
"""How the names of secrets begin that are made for one run and deleted when it ends."""

_NAME = re.compile(NAME_PATTERN)
_PROOF = re.compile(PROOF_PATTERN)
_DIGEST_LENGTH = 32
_PLAIN_LENGTH = 30
_PROXY_SUFFIX = "-proxy"


class SecretKind(StrEnum):
    """The kinds of secrets. The text is the kind's name in messages."""

    KUBECONFIG = "kubeconfig"
    PROXY_CREDENTIALS = "proxy credentials"
    TEMPORARY = "temporary secret of a run"
    PAGE = "secret of the page"
    EXTENSION_SETTING = "protected setting of an extension"
    GIT_CREDENTIAL = "credential of a Flux source"


# By the word after `arcway-`. Every other word begins the name of a kubeconfig.
_BY_WORD = {
    "proxy": SecretKind.PROXY_CREDENTIALS,
    "tmp": SecretKind.TEMPORARY,
    "page": SecretKind.PAGE,
    "git": SecretKind.GIT_CREDENTIAL,
    "extension": SecretKind.EXTENSION_SETTING,
}


def kind_of(name: str) -> SecretKind | None:
    """The kind of the secret with this name; None when it is not a name of Arcway's."""
    if not _NAME.fullmatch(name):
        return None
    return _BY_WORD.get(name.lower().split("-")[1], SecretKind.KUBECONFIG)


def temporary_name(cluster: str, proof: str) -> str:
    """The name of the temporary kubeconfig for which `proof` is shown; `cluster` makes it readable."""
    return f"{TEMPORARY}{readable_part(cluster)}-{_digest(proof)}"


def readable_part(cluster: str) -> str:
    """A cluster's name as a part of a secret's name."""
    return re.sub(r"[^0-9a-z]+", "-", cluster.lower())[:_PLAIN_LENGTH].strip("-") or "cluster"


def is_proved(name: str, proof: str | None) -> bool:
    """Whether `proof` belongs to the temporary kubeconfig `name`: only who chose the name can know it."""
    if kind_of(name) is not SecretKind.TEMPORARY or proof is None or not _PROOF.fullmatch(proof):
        return False
    return hmac.compare_digest(name.lower().rpartition("-")[2], _digest(proof))


def proxy_name(kubeconfig: str) -> str:
    """The name of the proxy credentials that belong to a temporary kubeconfig."""
    return f"{kubeconfig}{_PROXY_SUFFIX}"


def _digest(proof: str) -> str:
    return hashlib.sha256(proof.encode()).hexdigest()[:_DIGEST_LENGTH]
