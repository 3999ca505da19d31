"""Kubeconfigs that users upload: checked, stored as secrets, read again, deleted.

Kept is a clean kubeconfig of the one chosen context, under a name made from its content: handing over the same again
keeps nothing more, and no other cluster's credential stays here.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from arcway.blocking import in_thread
from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import cluster_api
from arcway.cluster.access.kubeconfig import Access, contexts, read_kubeconfig
from arcway.cluster.access.refused_credential import seconds_left
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.references import KubeconfigReference
from arcway.domain.secret_names import SecretKind
from arcway.installation import Installation
from arcway.telemetry import log

KEPT = timedelta(days=7)
"""How long a kubeconfig that was given to the page can be used."""
# A server may ask to wait for an hour before the next step.
_RENEWED_BELOW = 75 * 60
_RENEWED_SECONDS = 2 * 3600


@dataclass(frozen=True, slots=True)
class KubeconfigUpload:
    """A checked kubeconfig, and the name of the secret that it would be stored as. Its repr contains no secret."""

    secret: str
    kubeconfig: str = field(repr=False)


def contexts_of(kubeconfig: str) -> tuple[list[str], str | None]:
    """The names of the contexts and the current one. Raises `ArcError` ARC-2002."""
    return contexts(kubeconfig)


def examine(installation: Installation, kubeconfig: str, context: str | None) -> KubeconfigUpload:
    """The chosen context of a kubeconfig, or its current one; keeps nothing.

    Raises `ArcError`: ARC-2002 unreadable, ARC-2003 refused, ARC-2004 no such context, ARC-2005 or ARC-3001 an address
    that is not allowed or has no name.
    """
    clean = read_kubeconfig(kubeconfig, context, allow_loopback=installation.settings.local).as_kubeconfig()
    return KubeconfigUpload(f"arcway-kubeconfig-{hashlib.sha256(clean.encode()).hexdigest()[:40]}", clean)


@asynccontextmanager
async def storing(installation: Installation, upload: KubeconfigUpload) -> AsyncIterator[None]:
    """Store it for a week; it is deleted again if the block inside fails.

    The run that is started meanwhile needs it from its first step on, so it cannot be kept after the start. Raises
    `ArcError`: ARC-2024 there is nowhere to keep it, ARC-4002 the vault does not allow it.
    """
    is_new = await in_thread(installation.secrets.store, upload.secret, upload.kubeconfig, datetime.now(UTC) + KEPT)
    try:
        yield
    except BaseException:
        if is_new:
            await in_thread(installation.secrets.delete, upload.secret, SecretKind.KUBECONFIG)
        raise


def forget_expired(installation: Installation, now: datetime) -> list[str]:
    """Delete the kubeconfigs that were kept for a week and have expired by `now`; returns their names."""
    return installation.secrets.delete_expired(now)


def open_kubeconfig(installation: Installation, reference: KubeconfigReference, user: SecretUser) -> Access:
    """Access to the cluster that a stored kubeconfig names, for `user`.

    Raises `ArcError`: ARC-2001 to ARC-2005, ARC-2025 when a temporary one is gone, ARC-2040 when it has other owners.
    """
    return read_kubeconfig(
        stored_text(installation, reference, user), reference.context, allow_loopback=installation.settings.local
    )


def stored_text(installation: Installation, reference: KubeconfigReference, user: SecretUser) -> str:
    """The text of a stored kubeconfig, for `user`. Raises `ArcError` ARC-2001, ARC-2025 or ARC-2040."""
    kind = SecretKind.TEMPORARY if reference.temporary else SecretKind.KUBECONFIG
    return installation.secrets.read(reference.secret, kind, user=user, code_when_gone=reference.code_when_gone)


def renewed(installation: Installation, reference: KubeconfigReference, access: Access) -> Access:
    """Return access with a renewed token if that of the run's ServiceAccount expires soon; stores it for the next step.

    A run needs it when it takes longer than its time limits: one that was suspended, or that Azure throttled.
    """
    seconds = seconds_left(access.token)
    if not reference.temporary or seconds is None or not 0 < seconds < _RENEWED_BELOW:
        return access
    try:
        with cluster_api(installation.connections, access) as api:
            token = temporary_account.renew(
                api, reference.secret, _RENEWED_SECONDS, temporary_account.namespace_of(access.token)
            )
        fresh = replace(access, token=token.value)
        installation.secrets.replace(reference.secret, fresh.as_kubeconfig(), token.expires)
    except ArcError as error:
        log.warning("the credential %s expires in %d s and cannot be renewed: %s", reference.secret, seconds, error)
        return access  # it is still good for this step
    return fresh
