"""Resolves a secret's name, inside the step that needs it and nowhere else.

In Azure a secret is in one of the configured Key Vaults; on one machine it may be a file of the secret folder: a bare
name, a regular file, readable by its owner only. Must not know what the secret is for, nor let it into an error.
"""

import os
import re
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError

from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import credential, transport_options
from arcway.domain.errors import ArcError
from arcway.settings import settings

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

_NAME = re.compile(r"arcway-[0-9A-Za-z-]{1,110}")
_SIZE_LIMIT = 1024 * 1024


def read_secret(name: str) -> str:
    """The secret's text. Raises `ArcError` ARC-2001 when there is none or it may not be used."""
    if not _NAME.fullmatch(name):
        raise ArcError("ARC-2001", "The secret's name must start with arcway- and have letters, digits and hyphens.")
    folder = settings().secrets_dir
    if folder is not None and (text := _from_folder(folder, name)) is not None:
        return text
    for vault in settings().vaults:
        if (text := _from_vault(vault, name)) is not None:
            return text
    raise ArcError("ARC-2001", f"There is no secret {name}.")


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
