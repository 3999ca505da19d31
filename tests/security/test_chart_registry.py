"""A registry that answers differently each time: what is installed is the chart whose digest was resolved."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.cluster.helm import Helm
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.certificates import CertificateAuthority
from tests.contract.helm.conftest import packed
from tests.security.api_servers import Exchange, Server, server_tls

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GOOD, EVIL = packed(a="kind: Good"), packed(a="kind: Evil")


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """Has two charts under one tag. `tags` says which of them the tag means, from one request to the next."""

    def __init__(self, tls: object) -> None:
        self.tags: Iterator[bytes] = iter(())
        self.blobs: dict[str, bytes] = {}
        self.good, self.evil = self._add(GOOD), self._add(EVIL)
        self.server = Server(self._respond, tls)  # type: ignore[arg-type]

    @property
    def reference(self) -> str:
        return f"127.0.0.1:{self.server.server_port}/charts/agents:1.0.0"

    def _add(self, archive: bytes) -> bytes:
        config = json.dumps({"name": "agents", "version": "1.0.0", "apiVersion": "v2"}).encode()
        kinds = {"config.v1+json": config, "chart.content.v1.tar+gzip": archive}
        described = []
        for kind, data in kinds.items():
            self.blobs[digest_of(data)] = data
            media_type = f"application/vnd.cncf.helm.{kind}"
            described.append({"mediaType": media_type, "digest": digest_of(data), "size": len(data)})
        parts = {"config": described[0], "layers": [described[1]]}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **parts}).encode()
        self.blobs[digest_of(manifest)] = manifest
        return manifest

    def _respond(self, exchange: Exchange) -> bool:
        reference = exchange.path.partition("?")[0].rpartition("/")[2]
        if exchange.path.startswith("/v2/charts/agents/tags/list"):
            return exchange.reply(200, json.dumps({"name": "charts/agents", "tags": ["1.0.0"]}).encode())
        data = next(self.tags, self.good) if reference == "1.0.0" else self.blobs.get(reference, b"{}")
        kind = MANIFEST if "/manifests/" in exchange.path else "application/octet-stream"
        name = digest_of(data) if reference == "1.0.0" else reference
        if exchange.command == "HEAD":
            exchange.send_response(200)
            for header, value in (("Docker-Content-Digest", name), ("Content-Type", kind)):
                exchange.send_header(header, value)
            exchange.send_header("Content-Length", str(len(data)))
            exchange.end_headers()
            return True
        return exchange.reply(200, data, Docker_Content_Digest=name, Content_Type=kind)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def registry(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Registry]:
    registry_under_test = Registry(server_tls(authority, tmp_path, "127.0.0.1"))
    with registry_under_test.server:
        yield registry_under_test


@pytest.fixture(params=["library", "program"])
def helm(request: pytest.FixtureRequest, authority: CertificateAuthority, tmp_path: Path) -> Iterator[Helm]:
    ca_file = str(authority.certificate_file)
    if request.param == "program":
        yield HelmProgram(request.getfixturevalue("helm_program"), tmp_path / "work", 2, ca_file)
        return
    pool = WorkerPool(tmp_path / "work", 2, ca_file)
    yield pool
    pool.close()


def test_the_chart_that_was_resolved_is_the_one_that_is_pulled(helm: Helm, registry: Registry) -> None:
    digest = helm.digest_of(registry.reference)
    assert digest == digest_of(registry.good)
    # The tag means the other chart while it is pulled, and the first one again when a test reads it.
    registry.tags = iter([registry.evil] * 2)
    assert helm.pull(registry.reference, digest) == GOOD


@pytest.mark.parametrize("order", ["good first", "evil first"])
def test_no_archive_is_kept_under_the_digest_of_another(helm: Helm, registry: Registry, order: str) -> None:
    both = [registry.good, registry.evil]
    registry.tags = iter((both if order == "good first" else both[::-1]) * 10)
    archives = {digest_of(registry.good): GOOD, digest_of(registry.evil): EVIL}
    for _ in range(4):
        digest = helm.digest_of(registry.reference)
        assert helm.pull(registry.reference, digest) == archives[digest]


@pytest.mark.parametrize("part", ["layer", "manifest"])
def test_content_that_is_not_of_its_digest_is_refused(helm: Helm, registry: Registry, part: str) -> None:
    digest = digest_of(registry.good)
    second = {"layer": (digest_of(GOOD), EVIL), "manifest": (digest, registry.evil)}
    name, content = second[part]
    registry.blobs[name] = content
    with pytest.raises(ArcError, match=Code.CHART_UNAVAILABLE):
        helm.pull(registry.reference, digest)
    registry.blobs[name] = GOOD if part == "layer" else registry.good
    assert helm.pull(registry.reference, digest) == GOOD


def test_an_archive_that_was_changed_in_the_cache_is_fetched_again(
    helm: Helm, registry: Registry, tmp_path: Path
) -> None:
    digest = helm.digest_of(registry.reference)
    assert helm.pull(registry.reference, digest) == GOOD
    paths = [path for path in (tmp_path / "work" / "charts").rglob("*") if path.is_file()]
    assert paths
    for path in paths:
        path.write_bytes(EVIL)
    assert helm.pull(registry.reference, digest) == GOOD
