"""Files that only their owner can read: of a secret in memory for a library that needs a path, and on a disk."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_file(content: str) -> Iterator[str]:
    """A path under which `content` can be read as long as the context lasts.

    On Linux it is an anonymous file in memory that only this process can name; elsewhere a file with mode 0600 in a
    new private folder, removed at the end.
    """
    if sys.platform == "linux":
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
