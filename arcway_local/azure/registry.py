"""An OCI registry with an agents' chart of our own, in a few versions. Read-only and anonymous, as the real one is.

Protocol: OCI distribution 1.1 (manifests by tag and digest, blobs, tag list); Helm's media types. It packs the folder
`chart` and sets the version; an old version has the templates of old versions in their place.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.refusals import Refusal

CHART = "azure-arc-k8sagents"
STABLE, PREVIEW = "1.36.2", "1.37.0-preview"
# The last layout in which the chart has the private key's Secret as a template.
OLD = "1.13.4"
_FOLDER = Path(__file__).parent / "chart"
_ONLY_OLD = Path(__file__).parent / "chart_before_1_35_3"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PATH = rf"/v2/(?P<path>[^?]+/{CHART})"


class Registry:
    """The routes of the registry."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._tags: dict[str, str] = {}
        for version in (STABLE, PREVIEW, OLD):
            self._add(version)

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("GET", r"/v2/?", self._base)
        routes.add("GET|HEAD", _PATH + r"/manifests/(?P<reference>[^/]+)", self._manifest)
        routes.add("GET|HEAD", _PATH + r"/blobs/(?P<digest>sha256:[0-9a-f]+)", self._blob)
        routes.add("GET", _PATH + r"/tags/list", self._tag_list)

    def _add(self, version: str) -> None:
        chart = {**yaml.safe_load((_FOLDER / "Chart.yaml").read_text()), "version": version, "appVersion": version}
        config = json.dumps(chart).encode()
        folders = (_FOLDER, _ONLY_OLD) if version == OLD else (_FOLDER,)
        archive = _pack(yaml.safe_dump(chart).encode(), folders)
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._describe("application/vnd.cncf.helm.config.v1+json", config),
            "layers": [self._describe("application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive)],
        }
        self._tags[version] = self._describe(_MANIFEST, json.dumps(manifest).encode())["digest"]

    def _describe(self, media_type: str, data: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    async def _base(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})

    async def _manifest(self, exchange: Exchange) -> web.StreamResponse:
        reference = exchange.parts["reference"]
        return self._serve(exchange, self._tags.get(reference, reference), _MANIFEST, "MANIFEST_UNKNOWN")

    async def _blob(self, exchange: Exchange) -> web.StreamResponse:
        return self._serve(exchange, exchange.parts["digest"], "application/octet-stream", "BLOB_UNKNOWN")

    async def _tag_list(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"name": exchange.parts["path"], "tags": sorted(self._tags)})

    def _serve(self, exchange: Exchange, digest: str, media_type: str, missing: str) -> web.Response:
        data = self._blobs.get(digest)
        if data is None or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise Refusal(404, missing, f"{digest[:80]} is not known.")
        headers = {"Docker-Content-Digest": digest, "Content-Type": media_type, "Content-Length": str(len(data))}
        return web.Response(body=b"" if exchange.request.method == "HEAD" else data, headers=headers)


def _pack(chart_yaml: bytes, folders: tuple[Path, ...]) -> bytes:
    """The chart's archive; the same input gives the same bytes. A later folder's file takes an earlier one's place."""
    files = {
        path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*") if path.is_file()
    }
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, path in sorted(files.items()):
            data = chart_yaml if name == "Chart.yaml" else path.read_bytes()
            entry = tarfile.TarInfo(f"{CHART}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)
