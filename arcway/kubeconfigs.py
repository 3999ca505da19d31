"""Takes in a kubeconfig that somebody hands over: judges it, and keeps what it comes to as a secret.

Kept is a clean kubeconfig of the one chosen context, under a name made from its content: handing over the same again
keeps nothing more, and no other cluster's credential stays here. Must not know who hands it over nor how.
"""

import hashlib
from dataclasses import dataclass, field

from arcway.azure.secrets import store_secret
from arcway.cluster.kubeconfig import contexts, read_kubeconfig
from arcway.settings import settings


@dataclass(frozen=True, slots=True)
class Given:
    """A kubeconfig that may be kept, and the name of the secret that it would be. Its text form shows no secret."""

    secret: str
    text: str = field(repr=False)


def contexts_of(text: str) -> tuple[list[str], str | None]:
    """The names of the contexts and the current one. Raises `ArcError` ARC-2002."""
    return contexts(text)


def examine(text: str, context: str | None) -> Given:
    """The chosen context of a kubeconfig, or its current one; keeps nothing.

    Raises `ArcError`: ARC-2002 unreadable, ARC-2003 refused, ARC-2004 no such context, ARC-2005 or ARC-3001 an address
    that is not allowed or has no name.
    """
    clean = read_kubeconfig(text, context, allow_loopback=settings().local).as_kubeconfig()
    return Given(f"arcway-kubeconfig-{hashlib.sha256(clean.encode()).hexdigest()[:40]}", clean)


def keep(given: Given) -> None:
    """Keep it. Raises `ArcError`: ARC-2024 there is nowhere to keep it, ARC-4002 the vault does not allow it."""
    store_secret(given.secret, given.text)
