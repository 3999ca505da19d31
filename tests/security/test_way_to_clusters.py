"""What is checked is what is connected to: no name is resolved twice, and an outbound proxy is never left out."""

import base64
import http.client
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from arcway.cluster.access import server_certificate
from arcway.cluster.access.api import open_cluster
from arcway.cluster.access.endpoint import find_endpoint
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm import Helm
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.forwarder import forwarding
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.certificates import CertificateAuthority
from tests.security.api_servers import Exchange, Server, server_tls, trap

NAME = "cluster.example"
PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "http_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def api_server(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Server]:
    """Has no releases, under its own name."""

    def respond(exchange: Exchange) -> bool:
        exchange.server.requests.append(str(exchange.headers["Host"]))
        body = json.dumps({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []}).encode()
        return exchange.reply(200, body, Content_Type="application/json")

    with Server(respond, server_tls(authority, tmp_path, NAME)) as server:
        yield server


def kubeconfig(authority: CertificateAuthority, port: int) -> str:
    ca = base64.b64encode(authority.certificate_pem).decode()
    return json.dumps(
        {
            "kind": "Config",
            "apiVersion": "v1",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": f"https://{NAME}:{port}", "certificate-authority-data": ca}}
            ],
            "users": [{"name": "u", "user": {"token": "token"}}],
        }
    )


@pytest.fixture(params=["library", "program"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Helm]:
    if request.param == "program":
        yield HelmProgram(request.getfixturevalue("helm_program"), tmp_path / "work", 2, None)
        return
    pool = WorkerPool(tmp_path / "work", 2, None)
    yield pool
    pool.close()


def by_client(access: Access) -> None:
    with open_cluster(access) as api:
        assert api.get("/version")


def by_certificate(access: Access) -> None:
    assert isinstance(server_certificate.expiry(access), datetime)


class Rebinding:
    """A name service that gives another address every time after the first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host != NAME:
            return self._real(host, port, *arguments, **options)
        self.asked += 1
        return self._real("127.0.0.1" if self.asked == 1 else "127.0.0.2", port, *arguments, **options)


@pytest.mark.parametrize("call", [by_client, by_certificate], ids=["client", "certificate"])
def test_a_name_that_resolves_differently_later_leads_nowhere_else(
    call: Callable[[Access], None],
    api_server: Server,
    authority: CertificateAuthority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Rebinding(monkeypatch)
    (tmp_path / "other").mkdir()
    with trap(server_tls(authority, tmp_path / "other", NAME), "127.0.0.2", api_server.server_port) as inside:
        call(read_kubeconfig(kubeconfig(authority, api_server.server_port), None, allow_loopback=True))
        assert (names.asked, inside.requests) == (1, [])


def test_helm_takes_the_checked_address_under_the_name(
    helm: Helm, api_server: Server, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Rebinding(monkeypatch)
    access = read_kubeconfig(kubeconfig(authority, api_server.server_port), None, allow_loopback=True)
    assert helm.release(access, "agents", "default") is None
    assert names.asked == 1
    assert f"{NAME}:{api_server.server_port}" in api_server.requests


class Outbound(Server):
    """An outbound proxy that knows the cluster's name, which nothing else here does."""

    def __init__(self, target: Server, authorization: str | None = None) -> None:
        super().__init__(self._through)
        self._target = target
        self._authorization = authorization

    def _through(self, exchange: Exchange) -> bool:
        if exchange.headers.get("Proxy-Authorization") != self._authorization:
            return exchange.reply(407)
        exchange.send_response(200)
        exchange.end_headers()
        with socket.create_connection(("127.0.0.1", self._target.server_port)) as existing:
            sides = {exchange.connection: existing, existing: exchange.connection}
            while ready := select.select([*sides], [], [], 30)[0]:
                for side in ready:
                    data = side.recv(65536)
                    if not data:
                        exchange.close_connection = True
                        return True
                    sides[side].sendall(data)
        return True


@pytest.mark.parametrize("credential", ["", "us%40er:p%3Ass@"], ids=["open", "with a password"])
@pytest.mark.parametrize("way", ["client", "certificate", "library", "program"])
def test_everything_goes_through_the_outbound_proxy(
    way: str,
    credential: str,
    api_server: Server,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    expected = f"Basic {base64.b64encode(b'us@er:p:ss').decode()}" if credential else None
    with Outbound(api_server, expected) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{credential}127.0.0.1:{proxy.server_port}")
        access = read_kubeconfig(kubeconfig(authority, api_server.server_port), None, allow_loopback=True)
        if way == "client":
            by_client(access)
        elif way == "certificate":
            by_certificate(access)
        elif way == "program":
            helm_program = HelmProgram(request.getfixturevalue("helm_program"), tmp_path / "work", 1, None)
            assert helm_program.release(access, "agents", "default") is None
        else:
            pool = WorkerPool(tmp_path / "work", 1, None)
            try:
                assert pool.release(access, "agents", "default") is None
            finally:
                pool.close()
        assert set(proxy.requests) == {f"CONNECT {NAME}:{api_server.server_port}"}
        assert "p%3Ass" not in repr(access)


@pytest.mark.parametrize(
    ("server", "no_proxy", "proxied"),
    [
        ("https://cluster.example:6443", "", True),
        ("https://cluster.example:6443", "other.example,.example.org", True),
        ("https://cluster.example:6443", "cluster.example:443", True),
        ("https://10.1.2.3:6443", "10.2.0.0/16", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://127.8.9.1:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("https://localhost:6443", "", False),
    ],
)
def test_what_goes_through_the_proxy_is_what_kubectl_sends_there(
    server: str, no_proxy: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    result = find_endpoint(server, allow_loopback=True)
    assert result.proxy == ("http://proxy.corp:3128" if proxied else None)
    assert bool(result.addresses) is not proxied


@pytest.mark.parametrize("entry", ["cluster.example", ".example", "*.example", "example", "*", "cluster.example:6443"])
def test_a_name_that_needs_no_proxy_is_resolved_here(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Rebinding(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", f"x, {entry} ,y")
    assert find_endpoint(f"https://{NAME}:6443", allow_loopback=True).addresses == ("127.0.0.1",)
    assert names.asked == 1


def test_this_machine_is_not_a_way_around_the_address_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    for server in ("https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443", "https://0x7f.1:6443"):
        with pytest.raises(ArcError, match=Code.SERVER_ADDRESS_NOT_ALLOWED):
            find_endpoint(server, allow_loopback=False)


def test_a_kind_of_proxy_that_is_not_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:hunter2hunter2@proxy.corp:1080")
    with pytest.raises(ArcError, match=Code.API_SERVER_UNREACHABLE) as caught:
        find_endpoint(f"https://{NAME}:6443", allow_loopback=True)
    assert "socks5" in caught.value.message
    assert not caught.value.retryable
    assert "hunter2" not in json.dumps(caught.value.as_dict())


def test_a_proxy_that_refuses_is_named_without_its_password(
    helm: Helm, api_server: Server, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Outbound(api_server, "Basic other") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2hunter2@127.0.0.1:{proxy.server_port}")
        access = read_kubeconfig(kubeconfig(authority, api_server.server_port), None, allow_loopback=True)
        calls: tuple[Callable[[], Any], ...] = (
            lambda: helm.release(access, "agents", "default"),
            lambda: by_client(access),
        )
        for call in calls:
            with pytest.raises(ArcError) as caught:
                call()
            assert caught.value.retryable
            assert "hunter2" not in json.dumps(caught.value.as_dict())


def ask(proxy: str, request: str, authorization: str | None = None) -> str:
    """The first line that the proxy answers."""
    parts = urlsplit(proxy)
    header = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), 5) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        return connection.recv(200).decode().partition("\r\n")[0]


def authorization_in(proxy: str) -> str:
    parts = urlsplit(proxy)
    return f"Basic {base64.b64encode(f'{parts.username}:{parts.password}'.encode()).decode()}"


def test_the_forwarder_serves_its_call_alone(api_server: Server) -> None:
    server = f"https://127.0.0.1:{api_server.server_port}"
    target = f"CONNECT 127.0.0.1:{api_server.server_port}"
    with forwarding(server, find_endpoint(server, allow_loopback=True)) as proxy:
        own = authorization_in(proxy)
        assert ask(proxy, target, own).split()[1] == "200"
        for authorization in (None, "Basic YXJjd2F5Og==", own.replace("Basic", "Bearer"), f"{own}x", ""):
            assert ask(proxy, target, authorization).split()[1] == "407"
        for request in (
            f"GET http://127.0.0.1:{api_server.server_port}/",
            f"CONNECT 127.0.0.1:{api_server.server_port + 1}",
            f"CONNECT localhost:{api_server.server_port}",
            f"CONNECT 127.0.0.1:{api_server.server_port}.example:443",
            "CONNECT 169.254.169.254:80",
            "GET /",
        ):
            assert ask(proxy, request, own).split()[1] == "403"
    with pytest.raises(ConnectionError):
        ask(proxy, target, own)


def test_the_forwarder_leaves_nothing_behind(api_server: Server) -> None:
    thread_count_before = threading.active_count()
    server = f"https://127.0.0.1:{api_server.server_port}"
    parts = None
    with forwarding(server, find_endpoint(server, allow_loopback=True)) as proxy:
        parts = urlsplit(proxy)
        kept_open = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=240)
        kept_open.set_tunnel("127.0.0.1", api_server.server_port, {"Proxy-Authorization": authorization_in(proxy)})
        kept_open.connect()
        silent = socket.create_connection(("127.0.0.1", int(parts.port or 0)), 5)
    for connection in (kept_open.sock, silent):
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        connection.close()
    assert threading.active_count() <= thread_count_before + 1  # the server's own for the connection


def test_the_credential_of_the_forwarder_differs_from_call_to_call(api_server: Server) -> None:
    server = f"https://127.0.0.1:{api_server.server_port}"
    endpoint = find_endpoint(server, allow_loopback=True)
    with forwarding(server, endpoint) as first, forwarding(server, endpoint) as two:
        assert authorization_in(first) != authorization_in(two)
        assert ask(two, f"CONNECT 127.0.0.1:{api_server.server_port}", authorization_in(first)).split()[1] == "407"
