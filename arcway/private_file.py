"""Files that only their owner can read: of a secret in memory for a library that needs a path, and on a disk."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@cache
def memory_file_problem() -> str | None:
    """Why a secret cannot be kept in an anonymous file in memory here, as a phrase; None when it can."""
    if sys.platform != "linux":
        return "only Linux has anonymous files"
    try:
        descriptor = os.memfd_create("arcway", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, b"content")
            content = Path(f"/proc/self/fd/{descriptor}").read_bytes()
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"the system forbids it: {error.strerror}"
    return None if content == b"content" else "the system returned different content"


@contextmanager
def private_file(content: str) -> Iterator[str]:
    """A path under which `content` can be read as long as the context lasts.

    On Linux it is an anonymous file in memory that only this process can name; elsewhere, and where a sandbox forbids
    those, a file with mode 0600 in a new private folder, removed at the end.
    """
    if memory_file_problem() is None:
        descriptor = os.memfd_create("arcway", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryDirectory(prefix="arcway-") as folder:
            path = Path(folder) / "secret"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(content)
            yield str(path)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read (0600), atomically: readers see the old content or the new one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
