"""What both adapters keep in the work folder: chart archives by digest, and a CA bundle. Nothing in it is secret."""

import hashlib
import re
import tempfile
from pathlib import Path

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.private_folder import make_private

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def work_folder(folder: Path) -> Path:
    """The work folder, made if there is none. Raises `ArcError` ARC-5004 when others can reach it."""
    try:
        return make_private(folder)
    except OSError as error:
        raise ArcError(Code.HELM_TIMEOUT, f"Helm cannot work: {error}", retryable=False) from error


def checked_digest(digest: str) -> str:
    """A digest as registries write it. Raises `ArcError` ARC-5001 for anything else."""
    if not _DIGEST.fullmatch(digest):
        raise ArcError(Code.CHART_UNAVAILABLE, "The registry returned no SHA-256 digest.")
    return digest


class ChartCache:
    """Archives by the digest of their manifest in the registry.

    That digest says nothing of the archive's own bytes, so their digest is kept in the file's name, too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, digest: str) -> bytes | None:
        """The archive kept under `digest`; one that was changed since is removed."""
        for path in self._folder.glob(f"{_name(checked_digest(digest))}.*.tgz"):
            archive = path.read_bytes()
            if path.name == _file_name(digest, archive):
                return archive
            path.unlink(missing_ok=True)
        return None

    def put(self, digest: str, archive: bytes) -> None:
        """Keep an archive; readers see all of it or nothing."""
        folder = work_folder(self._folder)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(archive)
        Path(file.name).replace(folder / _file_name(digest, archive))


def _name(digest: str) -> str:
    return digest.replace(":", "-")


def _file_name(digest: str, archive: bytes) -> str:
    return f"{_name(checked_digest(digest))}.{hashlib.sha256(archive).hexdigest()}.tgz"


def ca_bundle(work_dir: Path, ca_file: str | None) -> str | None:
    """A file for SSL_CERT_FILE, which replaces the public CAs, so the extra CA is put beside them."""
    if ca_file is None:
        return None
    import certifi

    pem = Path(certifi.where()).read_text() + "\n" + Path(ca_file).read_text()
    bundle = work_folder(work_dir) / f"ca-{hashlib.sha256(pem.encode()).hexdigest()[:16]}.pem"
    bundle.write_text(pem)
    return str(bundle)
