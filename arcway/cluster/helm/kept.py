"""What both adapters keep in the work folder: chart archives by digest, and a CA bundle. Nothing in it is secret.

Must not know which Helm fetched an archive.
"""

import hashlib
import tempfile
from pathlib import Path


class ChartCache:
    """Archives by digest: what is in the cache is what was asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, digest: str) -> bytes | None:
        """The archive kept under `digest`."""
        path = self._path(digest)
        return path.read_bytes() if path.is_file() else None

    def put(self, digest: str, archive: bytes) -> None:
        """Keep an archive; readers see all of it or nothing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(archive)
        Path(file.name).replace(self._path(digest))

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest.replace(':', '-')}.tgz"


def ca_bundle(work_dir: Path, ca_file: str | None) -> str | None:
    """A file for SSL_CERT_FILE, which replaces the public CAs, so the extra CA is put beside them."""
    if ca_file is None:
        return None
    import certifi

    text = Path(certifi.where()).read_text() + "\n" + Path(ca_file).read_text()
    work_dir.mkdir(parents=True, exist_ok=True)
    bundle = work_dir / f"ca-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem"
    bundle.write_text(text)
    return str(bundle)
