"""What attacks are made with: API servers that say anything, and the whole stack of the end-to-end tests."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from arcway.cluster.access.api import ClusterApi, open_cluster
from arcway.cluster.access.kubeconfig import Access
from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority
from tests.e2e.conftest import arcway, azure, azure_control, cluster, cluster_control, command, signed, stack

__all__ = ["arcway", "azure", "azure_control", "cluster", "cluster_control", "command", "signed", "stack"]

type Saying = Callable[[str], Iterator[bytes]]


class Hostile:
    """A TLS server on loopback that sends what `says` yields for a request's first line, until the client is gone."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self._threads: list[threading.Thread] = []
        self._opened: list[socket.socket] = []
        self.over = threading.Event()
        self.requests: list[str] = []
        self.says: Saying = lambda line: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
        self._start(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
            self._opened.append(connection)
            while head := self._head(connection):
                self.requests.append(head)
                for piece in self.says(head.partition("\r\n")[0]):
                    if self.over.is_set():
                        return
                    connection.sendall(piece)

    def _head(self, connection: ssl.SSLSocket) -> str:
        data = b""
        while b"\r\n\r\n" not in data and (extra := connection.recv(65536)):
            data += extra
        return data.decode(errors="replace")

    def close(self) -> None:
        self.over.set()
        for opened in (self._listener, *self._opened):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(240)


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCWAY_LOCAL", "1")
    monkeypatch.setenv("WEBSITE_HOSTNAME", "127.0.0.1")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_tls(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("server")
    issued = authority.issue_server(["127.0.0.1"])
    for name, data in (("crt", issued.certificate), ("key", issued.private_key)):
        write_private(folder / name, data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return context


@pytest.fixture
def hostile(server_tls: ssl.SSLContext) -> Iterator[Hostile]:
    server = Hostile(server_tls)
    yield server
    server.close()


@pytest.fixture
def api(hostile: Hostile, authority: CertificateAuthority) -> Iterator[ClusterApi]:
    access = Access(f"https://127.0.0.1:{hostile.port}", authority.certificate_pem.decode(), token="t0ken-of-the-test")
    with open_cluster(access) as opened:
        yield opened
