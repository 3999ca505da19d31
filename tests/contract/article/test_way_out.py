"""Arcway's own calls take the proxy of its environment: to Azure, to a cluster, to a chart's registry."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arcway.azure.pipeline import Pipeline
from arcway.cluster.access.api import open_cluster
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.errors import ArcError
from arcway.service_identity import ServiceIdentity
from arcway.settings import read_settings
from arcway_local.certificates import CertificateAuthority


class Proxy(ThreadingHTTPServer):
    """Lets nothing through, and remembers where it was to connect to."""

    asked: set[str]


class _Refusing(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.add(self.path)
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Proxy]:
    """The proxy that the environment of an installation names."""
    with Proxy(("127.0.0.1", 0), _Refusing) as server:
        server.asked = set()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name in ("https_proxy", "http_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("ARCWAY_LOCAL", "1")
        monkeypatch.setenv("WEBSITE_HOSTNAME", "127.0.0.1")
        monkeypatch.setenv("ARCWAY_WORK_DIR", str(tmp_path))
        yield server
        server.shutdown()
        thread.join()


def _azure(folder: Path) -> None:
    pipeline = Pipeline(ServiceIdentity(), ca_file=None)
    pipeline.send("https://arm.example", None, "GET", "https://arm.example/subscriptions")


def _cluster(folder: Path) -> None:
    authority = CertificateAuthority.open(folder / "ca")
    access = Access("https://cluster.example:6443", authority.certificate_pem.decode(), token="token")
    with open_cluster(access) as api:
        api.get("/version")


def _registry(folder: Path) -> None:
    helm = WorkerPool(folder / "work", 1, None, read_settings(os.environ).proxy)
    try:
        helm.digest_of("registry.example/charts/agents:1.0.0")
    finally:
        helm.close()


@pytest.mark.parametrize(
    ("call", "host"),
    [(_azure, "arm.example:443"), (_cluster, "cluster.example:6443"), (_registry, "registry.example:443")],
)
def test_the_proxy_is_asked(proxy: Proxy, tmp_path: Path, call: Callable[[Path], None], host: str) -> None:
    with pytest.raises(ArcError):
        call(tmp_path)
    assert proxy.asked == {host}
