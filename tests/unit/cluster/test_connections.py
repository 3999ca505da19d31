"""Steps that go to the same cluster share a connection, one after another."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arcway.cluster.access import connections as product
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.connections import Connections
from arcway.cluster.access.kubeconfig import Access
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority


class Server(ThreadingHTTPServer):
    """Answers every request with an empty object, and counts connections."""

    daemon_threads = True
    opened = 0
    closed = 0
    status = 200
    goodbye = False

    def finish_request(self, request: object, client_address: object) -> None:
        self.opened += 1
        super().finish_request(request, client_address)  # type: ignore[arg-type] # as it was given

    def shutdown_request(self, request: object) -> None:
        super().shutdown_request(request)  # type: ignore[arg-type] # as it was given
        self.closed += 1

    def has_closed(self, number: int) -> bool:
        return self.closed == number


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        # Without a word of it beforehand, as a load balancer does.
        self.close_connection = self.server.goodbye

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Server]:
    issued = authority.issue_server(["127.0.0.1"])
    for name, data in (("crt", issued.certificate), ("key", issued.private_key)):
        write_private(tmp_path / name, data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with Server(("127.0.0.1", 0), _Answering) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def connections() -> Iterator[Connections]:
    opened = Connections()
    yield opened
    opened.close()


@pytest.fixture
def access(server: Server, authority: CertificateAuthority) -> Access:
    url = f"https://127.0.0.1:{server.server_port}"
    return Access(url, authority.certificate_pem.decode(), token="one")


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def step(connections: Connections, access: Access) -> None:
    with connections.to(access) as client:
        ClusterApi(access, client).get("/version")


def test_the_next_step_takes_the_connection_of_the_last(
    server: Server, connections: Connections, access: Access
) -> None:
    for _ in range(3):
        step(connections, access)
    assert server.opened == 1


def test_another_credential_is_another_connection(server: Server, connections: Connections, access: Access) -> None:
    step(connections, access)
    step(connections, Access(access.server, access.ca, token="two"))
    assert server.opened == 2


def test_two_at_once_have_each_its_own(server: Server, connections: Connections, access: Access) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            ClusterApi(access, stack.enter_context(connections.to(access))).get("/version")
    assert server.opened == 2


def test_after_an_error_nothing_is_kept(server: Server, connections: Connections, access: Access) -> None:
    server.status = 500
    with pytest.raises(ArcError, match=Code.KUBERNETES_API_ERROR):
        step(connections, access)
    server.status = 200
    step(connections, access)
    assert server.opened == 2


def test_what_the_server_closed_is_opened_again(server: Server, connections: Connections, access: Access) -> None:
    server.goodbye = True
    for number in range(1, 4):
        step(connections, access)
        eventually(partial(server.has_closed, number))
    assert server.opened == 3


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "MOST_IDLE"])
def test_neither_long_nor_many_are_kept(
    server: Server, connections: Connections, access: Access, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product, limit, 0)
    for _ in range(2):
        step(connections, access)
    assert server.opened == 2
