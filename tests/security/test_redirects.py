"""A hostile API server redirects: neither the Python client nor Helm goes where it points, nor shows what is there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arcway.cluster.access.api import open_cluster
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.helm import Helm
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.certificates import CertificateAuthority
from tests.contract.helm.conftest import THREE_OBJECTS
from tests.security.api_servers import INSIDE, Exchange, Server, passed_on, server_tls, simulated_cluster, trap

STATUSES = [301, 302, 303, 307, 308]
NAMESPACE = "arcway-redirects"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    with simulated_cluster(tmp_path_factory.mktemp("cluster")) as access:
        yield access


@pytest.fixture(params=["library", "program"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Helm]:
    if request.param == "program":
        yield HelmProgram(request.getfixturevalue("helm_program"), tmp_path / "work", 2, None)
        return
    pool = WorkerPool(tmp_path / "work", 2, None)
    yield pool
    pool.close()


class Hostile:
    """An API server that is honest but for the requests which `redirects` picks, and a service inside."""

    def __init__(self, honest: Access, authority: CertificateAuthority, folder: Path) -> None:
        self._honest = honest
        self.redirects: Callable[[Exchange], bool] = lambda _: True
        self.status, self.location = 302, ""
        self.tls = server_tls(authority, folder, "127.0.0.1", "127.0.0.2", "localhost")
        self.server = Server(self._respond, self.tls)
        self.access = Access(self.server.url, authority.certificate_pem.decode(), token=honest.token)

    def _respond(self, exchange: Exchange) -> bool:
        if not self.redirects(exchange):
            return passed_on(exchange, self._honest)
        exchange.body()
        return exchange.reply(self.status, INSIDE.encode(), Location=self.location)


@pytest.fixture
def hostile(honest: Access, authority: CertificateAuthority, tmp_path: Path) -> Iterator[Hostile]:
    hostile_under_test = Hostile(honest, authority, tmp_path)
    with hostile_under_test.server:
        yield hostile_under_test


@pytest.fixture(params=["http", "https", "other name", "other address"])
def inside(request: pytest.FixtureRequest, hostile: Hostile) -> Iterator[tuple[Server, str]]:
    """A service inside, and a URL of it: by http or by https, on another port of the same host or elsewhere."""
    host = "127.0.0.2" if request.param == "other address" else "127.0.0.1"
    with trap(None if request.param == "http" else hostile.tls, host) as server:
        response = {"other name": "localhost", "other address": host}.get(request.param, "127.0.0.1")
        yield server, f"{'http' if request.param == 'http' else 'https'}://{response}:{server.server_port}/inside"


def refused(call: Callable[[], object]) -> ArcError:
    with pytest.raises(ArcError) as caught:
        call()
    assert INSIDE not in json.dumps(caught.value.as_dict())
    return caught.value


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "text"])
def test_redirects_are_not_followed_by_the_client(
    hostile: Hostile, inside: tuple[Server, str], status: int, method: str
) -> None:
    server, url = inside
    hostile.status, hostile.location = status, url
    with open_cluster(hostile.access) as api:
        calls: dict[str, Callable[[], object]] = {
            "GET": lambda: api.get("/version"),
            "POST": lambda: api.create("/api/v1/namespaces", {}),
            "PUT": lambda: api.replace("/api/v1/namespaces/x", {}),
            "PATCH": lambda: api.annotate("/api/v1/namespaces/x", {}),
            "DELETE": lambda: api.delete("/api/v1/namespaces/x"),
            "text": lambda: api.text("/api/v1/namespaces/x/pods/y/log"),
        }
        error = refused(calls[method])
    assert (error.code, error.retryable) == (Code.API_SERVER_REDIRECTED, False)
    assert server.requests == []


@pytest.mark.parametrize("status", STATUSES)
def test_redirects_are_not_followed_by_helm(
    helm: Helm, hostile: Hostile, inside: tuple[Server, str], status: int
) -> None:
    server, url = inside
    hostile.status, hostile.location = status, url
    error = refused(lambda: helm.release(hostile.access, "agents", NAMESPACE))
    assert (error.code, error.retryable) == (Code.API_SERVER_REDIRECTED, False)
    assert server.requests == []


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("redirected", ["discovery", "PATCH"])
def test_redirects_are_not_followed_in_the_middle_of_an_installation(
    helm: Helm, hostile: Hostile, inside: tuple[Server, str], status: int, redirected: str
) -> None:
    server, url = inside
    hostile.status, hostile.location = status, url
    hostile.redirects = {
        "discovery": lambda exchange: exchange.path.startswith(("/openapi", "/apis?", "/api?")),
        "PATCH": lambda exchange: exchange.command == "PATCH",
    }[redirected]
    error = refused(lambda: helm.install(hostile.access, "agents", NAMESPACE, THREE_OBJECTS, {"value": "x"}))
    assert error.code == Code.API_SERVER_REDIRECTED
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/metadata/instance", "https://169.254.169.254/", "file:///etc"])
def test_a_redirect_to_a_metadata_service_is_named(helm: Helm, hostile: Hostile, url: str) -> None:
    hostile.location = url
    error = refused(lambda: helm.release(hostile.access, "agents", NAMESPACE))
    # What is not an address at all is Helm's own to refuse.
    assert error.code == (Code.HELM_FAILED if url.startswith("file") else Code.API_SERVER_REDIRECTED)
    with open_cluster(hostile.access) as api:
        assert refused(lambda: api.get("/version")).code == Code.API_SERVER_REDIRECTED


def test_an_honest_server_is_served_as_ever(helm: Helm, hostile: Hostile) -> None:
    hostile.redirects = lambda _: False
    place = (hostile.access, "agents", NAMESPACE)
    helm.install(*place, THREE_OBJECTS, {"value": "x"})
    release = helm.release(*place)
    helm.uninstall(*place)
    assert release is not None
    assert (release.status, release.values) == ("deployed", {"value": "x"})
