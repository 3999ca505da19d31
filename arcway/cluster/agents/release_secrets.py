"""Reads a release from Helm's Secret, and writes it back with another manifest.

The form is Helm's own: JSON, compressed, in base64, which the API puts into base64 once more
(https://helm.sh/docs/topics/advanced/#storage-backends). A user who may write Secrets may have written anything there.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterable

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.constants import RELEASE
from arcway.domain.json_values import Json, read_json

_BYTES, _VALUES = 8 * 1024 * 1024, 1_000_000
_DIGITS = 10
_MAGIC = b"\x1f\x8b\x08"


def records_path(namespace: str) -> str:
    """Where the records of releases in this namespace are."""
    return at("/api/v1/namespaces", namespace, "secrets")


def records(api: ClusterApi, namespace: str) -> list[Json]:
    """The records of the agents' release in this namespace, oldest revision first."""
    return in_order(api.items(records_path(namespace), labelSelector=f"owner=helm,name={RELEASE}"))


def in_order(secrets: Iterable[Json]) -> list[Json]:
    """Records by revision; an object without one is not a record, even with a record's labels."""
    return sorted(filter(_has_revision, secrets), key=revision_of)


def _has_revision(record: Json) -> bool:
    version = (record["metadata"].get("labels") or {}).get("version", "")
    return version.isascii() and version.isdecimal() and len(version) < _DIGITS


def revision_of(record: Json) -> int:
    """The revision that a record is of."""
    return int(record["metadata"]["labels"]["version"])


def read(record: Json) -> Json | None:
    """Decode the release in a record; None if it was not written by Helm."""
    try:
        packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
        stored = read_json(_unpacked(packed) if packed.startswith(_MAGIC) else packed, _VALUES)
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error, EOFError):
        return None
    return stored if isinstance(stored, dict) else None


def write(api: ClusterApi, namespace: str, record: Json, release: Json) -> None:
    """Put a release into its record; harmless when another client changed it in the meantime."""
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0))
    whole = {"apiVersion": "v1", "kind": "Secret", **record}
    data = {**record["data"], "release": base64.b64encode(packed).decode()}
    path = at(records_path(namespace), record["metadata"]["name"])
    api.replace(path, {**whole, "data": data})


def chart_of(record: Json) -> str | None:
    """The name of the chart that the release in a record was made from."""
    try:
        name = (read(record) or {})["chart"]["metadata"]["name"]
    except (LookupError, TypeError):
        return None
    return name if isinstance(name, str) else None


def manifest_of(record: Json) -> str:
    """The objects that the release in a record is made of; empty when they cannot be read."""
    manifest = (read(record) or {}).get("manifest")
    return manifest if isinstance(manifest, str) else ""


def _unpacked(packed: bytes) -> bytes:
    """Raises `ValueError` for more than a release can have: a Secret of 1 MiB could hold a thousand times as much."""
    reader = zlib.decompressobj(wbits=31)
    data = reader.decompress(packed, _BYTES)
    if reader.unconsumed_tail:
        raise ValueError("too large")
    return data
