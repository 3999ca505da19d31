"""API servers that attack the client that connects to them, and listeners that notice who came."""

import http.client
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority

INSIDE = "text-of-an-inside-service"
"""What no client outside may see."""

type Respond = Callable[["Exchange"], bool]


class Exchange(BaseHTTPRequestHandler):
    """One request to a server of this module."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def handle_any(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.respond(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = handle_any  # noqa: N815 - as the base class has it

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, body: bytes = b"", **headers: str) -> bool:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A server on loopback that remembers its requests."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Respond, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0):
        super().__init__((host, port), Exchange)
        self.respond = respond
        self.requests: list[str] = []
        self._tls = tls
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the connection's own thread, so that a slow handshake holds up no other.
        if self._tls:
            request = self._tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            if self._tls:
                request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away in the middle; that is what the tests make them do."""

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.server_port}"


def trap(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0) -> Server:
    """A service inside, which answers all clients."""
    return Server(lambda exchange: exchange.reply(200, INSIDE.encode()), tls, host, port)


def server_tls(authority: CertificateAuthority, folder: Path, *names: str) -> ssl.SSLContext:
    """TLS with a certificate for these names."""
    issued = authority.issue_server(list(names))
    for suffix, data in (("crt", issued.certificate), ("key", issued.private_key)):
        write_private(folder / f"server.{suffix}", data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


@contextmanager
def simulated_cluster(folder: Path) -> Iterator[Access]:
    """An honest cluster."""
    command = [sys.executable, "-m", "arcway_local.cluster", "--count", "1", "--dir", str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as process:
        assert process.stdout is not None
        try:
            ready = yaml.safe_load(process.stdout.readline())
            yield read_kubeconfig(Path(ready["kubeconfigs"][0]).read_text(), None, allow_loopback=True)
        finally:
            process.terminate()
            process.wait(timeout=240)


def passed_on(exchange: Exchange, honest: Access) -> bool:
    """Answer as the honest cluster does."""
    parts = urlsplit(honest.server)
    context = ssl.create_default_context(cadata=honest.ca)
    connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context, timeout=240)
    try:
        headers = {name: value for name, value in exchange.headers.items() if name.lower() != "accept-encoding"}
        headers["Host"] = parts.netloc
        connection.request(exchange.command, parts.path + exchange.path, exchange.body(), headers)
        answer = connection.getresponse()
        kind = answer.headers.get("Content-Type", "application/json")
        return exchange.reply(answer.status, answer.read(), Content_Type=kind)
    finally:
        connection.close()
