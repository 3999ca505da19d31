"""Resolves a secret's name, inside the step that needs it and nowhere else; keeps a secret that was handed over.

In Azure a secret is in one of the configured Key Vaults; on one machine it may be a file of the secret folder: a bare
name, a regular file, readable by its owner only. Must not know what the secret is for, nor let it into an error.
"""

import os
import re
import stat
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError

from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import credential, transport_options
from arcway.domain.errors import ArcError
from arcway.domain.model import TEMPORARY
from arcway.domain.secrets_held import hold
from arcway.settings import settings

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

_NAME = re.compile(r"arcway-[0-9A-Za-z-]{1,110}")
_SIZE_LIMIT = 1024 * 1024


def read_secret(name: str, code_when_gone: str = "ARC-2001") -> str:
    """The secret's text.

    Raises `ArcError`: ARC-2001 when it may not be used, `code_when_gone` when there is none.
    """
    _check(name)
    folder = settings().secrets_dir
    if folder is not None and (text := _from_folder(folder, name)) is not None:
        hold(text)
        return text
    for vault in settings().vaults:
        if (text := _from_vault(vault, name)) is not None:
            hold(text)
            return text
    raise ArcError(code_when_gone, f"There is no secret {name}.")


def delete_secret(name: str) -> None:
    """Delete a temporary secret wherever it is; harmless when there is none.

    In a vault with soft delete it can be recovered until the vault's retention is over
    (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview). Raises `ArcError`: ARC-2001 for a name
    that is not a temporary secret's, ARC-3xxx and ARC-4xxx when the vault does not do it.
    """
    _check(name)
    if not name.startswith(TEMPORARY):
        raise ArcError("ARC-2001", f"Secret {name} is not temporary.")
    folder = settings().secrets_dir
    if folder is not None:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ArcError("ARC-2001", f"Secret {name} cannot be deleted.") from error
    # Looked for first: the identity need not be allowed to delete in vaults that only hold what is kept.
    for vault in settings().vaults:
        if _from_vault(vault, name) is not None:
            _delete_from_vault(vault, name)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArcError("ARC-2001", "The secret's name must start with arcway- and have letters, digits and hyphens.")


def store_secret(name: str, text: str) -> None:
    """Keep a text as a secret: in the secret folder where there is one, else in the first vault.

    Raises `ArcError`: ARC-2001 the name is none, ARC-2024 there is neither, ARC-4002 the vault does not allow it, or
    what else Azure answers.
    """
    _check(name)
    if (folder := settings().secrets_dir) is not None:
        _to_folder(folder, name, text)
    elif settings().vaults:
        with azure_errors():
            _vault(settings().vaults[0]).set_secret(name, text)
    else:
        raise ArcError("ARC-2024", "Neither ARCWAY_VAULTS nor ARCWAY_SECRETS_DIR is set.")


def _to_folder(folder: Path, name: str, text: str) -> None:
    draft = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.replace(folder / name)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArcError("ARC-2024", f"Secret {name} cannot be written: {error.strerror}.") from error


def _from_folder(folder: Path, name: str) -> str | None:
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArcError("ARC-2001", f"Secret {name} is not a readable regular file.") from error
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
            raise ArcError("ARC-2001", f"Secret {name} must be a regular file that only its owner may read (0600).")
        return _text(name, file.read(_SIZE_LIMIT + 1))


def _text(name: str, data: bytes) -> str:
    if len(data) > _SIZE_LIMIT:
        raise ArcError("ARC-2001", f"Secret {name} is larger than 1 MiB.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ArcError("ARC-2001", f"Secret {name} is not text in UTF-8.") from error


def _from_vault(vault: str, name: str) -> str | None:
    with azure_errors():
        try:
            return _vault(vault).get_secret(name).value
        except ResourceNotFoundError:
            return None


def _delete_from_vault(vault: str, name: str) -> None:
    with azure_errors():
        try:
            _vault(vault).begin_delete_secret(name)
        except ResourceNotFoundError:
            return


@cache
def _vault(address: str) -> "SecretClient":
    from azure.keyvault.secrets import SecretClient

    return SecretClient(
        address,
        credential(),
        retry_total=0,
        # A vault on loopback is not under a vault domain, so its challenge can be verified only in Azure.
        verify_challenge_resource=not settings().local,
        **transport_options(),
    )
