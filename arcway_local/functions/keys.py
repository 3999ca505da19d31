"""The key of the management API: made once and kept beside the journal, so that a URL outlives the host that gave it.

It knows no requests.
"""

import os
import secrets
from pathlib import Path

from arcway_local.functions.errors import HostError

FILE_NAME = "management.key"


def management_key(data: Path | None) -> str:
    """The key in the folder `data`, made if there is none; a new one without a folder. Raises HostError."""
    if data is None:
        return secrets.token_urlsafe(24)
    path = data / FILE_NAME
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text().strip() or secrets.token_urlsafe(24)
    except OSError as error:
        raise HostError(f"The key file {path} cannot be used: {error.strerror}.") from error
