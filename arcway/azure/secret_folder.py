"""Secrets on one machine: a folder with one file for each, readable by its owner only.

Beside a secret there may be a file of the same name that ends with `.json`: its owners and when it expires, which a Key
Vault keeps as a tag and as an attribute.
"""

import json
import os
import stat
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import decoded
from arcway.telemetry import log

_SIZE_LIMIT = 1024 * 1024
_ABOUT = ".json"
_PAGE = "arcway-page"


@dataclass(frozen=True, slots=True)
class Stored:
    """A secret, who owns it and when it expires. Its text form shows no secret."""

    value: str = field(repr=False)
    owners: str | None = None
    expires: datetime | None = None
    is_of_page: bool = False
    """Whether the page stored it, for a time."""
    changed_at: datetime | None = None
    """When its text was last changed."""


def read(folder: Path, name: str) -> Stored | None:
    """Read a secret; None if it does not exist. Raises `ArcError` ARC-2001 if it is not a private regular text file."""
    stored = _read(folder, name)
    if stored is None:
        return None
    value, changed_at = stored
    about = _read(folder, name + _ABOUT)
    if about is None:
        return Stored(value, changed_at=changed_at)
    try:
        attributes = json.loads(about[0])
        expires = datetime.fromisoformat(attributes["expires"]) if attributes.get("expires") else None
        if expires is not None and expires.tzinfo is None:
            raise ValueError("a time without a zone")
        return Stored(value, attributes.get("owners"), expires, attributes.get("managedBy") == _PAGE, changed_at)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ArcError(Code.SECRET_UNUSABLE, f"{name}{_ABOUT} beside secret {name} is malformed.") from error


def write(folder: Path, name: str, value: str, expires: datetime) -> None:
    """Store a secret until `expires`. Raises `ArcError` ARC-2024."""
    # Its attributes come first: without them the secret would never expire if this ended in between.
    _write(folder, name + _ABOUT, json.dumps({"expires": expires.isoformat(), "managedBy": _PAGE}))
    _write(folder, name, value)


def replace(folder: Path, name: str, value: str) -> None:
    """Replace the text of an existing secret. Raises `ArcError` ARC-2024."""
    _write(folder, name, value)


def delete(folder: Path, name: str) -> None:
    """Delete a secret; does nothing if it does not exist. Raises `ArcError` ARC-2001."""
    try:
        (folder / name).unlink(missing_ok=True)
        (folder / (name + _ABOUT)).unlink(missing_ok=True)
    except OSError as error:
        raise ArcError(Code.SECRET_UNUSABLE, f"Secret {name} cannot be deleted.") from error


def delete_expired(folder: Path, now: datetime) -> list[str]:
    """Delete what `write` stored and what has expired by `now`; returns the names. Raises `ArcError` ARC-2001.

    Files of others stay, expired or not, and what cannot be read holds up nothing.
    """
    expired = []
    for about in sorted(folder.glob(f"arcway-*{_ABOUT}")):
        name = about.name.removesuffix(_ABOUT)
        try:
            stored = read(folder, name)
        except ArcError as error:
            log.warning("secret %s is skipped: %s", name, error)
            continue
        if stored and stored.is_of_page and stored.expires and stored.expires <= now:
            delete(folder, name)
            expired.append(name)
    return expired


def _write(folder: Path, name: str, content: str) -> None:
    draft = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        draft.replace(folder / name)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArcError(Code.SECRET_NOT_STORED, f"Secret {name} cannot be written: {error.strerror}.") from error


def _read(folder: Path, name: str) -> tuple[str, datetime] | None:
    """The text of a file, and when it was last changed."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArcError(Code.SECRET_UNUSABLE, f"Secret {name} is not a readable regular file.") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        mode = status.st_mode
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
            raise ArcError(
                Code.SECRET_UNUSABLE, f"Secret {name} must be a regular file that only its owner can read (mode 0600)."
            )
        return _text(name, file.read(_SIZE_LIMIT + 1)), datetime.fromtimestamp(status.st_mtime, UTC)


def _text(name: str, data: bytes) -> str:
    if len(data) > _SIZE_LIMIT:
        raise ArcError(Code.SECRET_UNUSABLE, f"Secret {name} is larger than 1 MiB.")
    try:
        return decoded(data)
    except UnicodeDecodeError as error:
        raise ArcError(Code.SECRET_UNUSABLE, f"Secret {name} is not text in UTF-8 or UTF-16.") from error
