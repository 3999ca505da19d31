"""Which API servers may be reached through Arcway: unicast addresses in every notation, and plain URLs."""

import base64
import json
import socket
from typing import Any

import pytest
from pydantic import ValidationError

from arcway.cli.client import ArcwayClient as ArcwayServer
from arcway.cli.client import CommandError
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.proxy import Proxy

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n").decode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def read(server: str, *, local: bool = False) -> Access:
    document = {
        "kind": "Config",
        "apiVersion": "v1",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": CA}}],
        "users": [{"name": "u", "user": {"token": "token"}}],
    }
    return read_kubeconfig(json.dumps(document), None, allow_loopback=local)


def refusal(server: str, *, local: bool = False) -> ArcError:
    with pytest.raises(ArcError) as caught:
        read(server, local=local)
    return caught.value


ALLOWED = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "20.1.2.3", "1.1.1.1", "223.255.255.254"),
    *("[2603:1030:401::1]", "[fd12:3456:789a::1]", "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::1401:203]"),
    *("[64:ff9b:1::10.0.0.1]", "[2002:a00:1::1]", "[2603:1030::5efe:10.0.0.1]"),
]
REFUSED = [
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("[::]", "[fe80::1]", "[fe80::1%25eth0]", "[febf::1]", "[fec0::1]", "[ff02::1]"),
    *("[fd00:ec2::254]", "[fd20:ce::254]"),
    *("[100::1]", "[4000::1]", "[::169.254.169.254]", "[::10.0.0.1]", "[::ffff:0:169.254.169.254]"),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:0.0.0.0]", "[::ffff:224.0.0.1]"),
    *("[2002:a9fe:a9fe::1]", "[2002:7f00:1::1]", "[2002:e000:1::]"),
    *("[64:ff9b::169.254.169.254]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a83f:8110]", "[64:ff9b::]"),
    *("[64:ff9b:1::169.254.169.254]", "[64:ff9b:1:a9fe:a9:fe00::]", "[64:ff9b:1:a9:fe:a9fe::]"),
    *("[64:ff9b:1:0:a9:fea9:fe00:0]",),
    *("[2001:0:4136:e378:8000:63bf:5601:5601]", "[2001:0:a9fe:a9fe:8000:63bf:f5ff:fffe]"),
    *("[2603:1030::5efe:169.254.169.254]", "[2603:1030::200:5efe:127.0.0.1]", "[fe80::5efe:10.0.0.1]"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0"),
]
LOOPBACK = ["127.0.0.1", "127.8.8.8", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"]


@pytest.mark.parametrize("host", ALLOWED)
def test_unicast_addresses_are_allowed(host: str) -> None:
    assert read(f"https://{host}:6443").server == f"https://{host}:6443"


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("host", REFUSED)
def test_other_addresses_are_refused_in_every_notation(host: str, local: bool) -> None:
    assert refusal(f"https://{host}:6443", local=local).code == Code.SERVER_ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_for_local_installations(host: str) -> None:
    assert refusal(f"https://{host}:6443").code == Code.SERVER_ADDRESS_NOT_ALLOWED
    assert read(f"https://{host}:6443", local=True)


@pytest.mark.parametrize(
    "server",
    [
        *("https://:pw@127.0.0.1", "https://@127.0.0.1", "https://user@127.0.0.1", "https://user:@127.0.0.1:6443/x"),
        *("https://127.0.0.1\\@10.0.0.1", "https://10.0.0.1\\.example", "https:\\\\127.0.0.1", "https:/127.0.0.1"),
        *("https://127.0.0.1?", "https://127.0.0.1#", "https://127.0.0.1/?x", "https://127.0.0.1:0"),
        *("https://127.0.0.1:-1",),
        *("https://127.0.0.1:99999", "https://127.0.0.1\t", "https://127.0.0.1\x00", "https://127.0.0.1/\u202e"),
        *("https://[::1",),
        *("https://%31%32%37.0.0.1", "https://a;b", "https://a,b", "https://a'b", "https://"),
        *("https:///path", "127.0.0.1"),
    ],
)
def test_only_plain_https_urls_are_addresses(server: str) -> None:
    assert refusal(server, local=True).code == Code.SERVER_ADDRESS_NOT_ALLOWED


def test_all_addresses_of_a_name_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    result = [f"10.0.0.{number}" for number in range(20)]

    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in result]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert read("https://cluster.example")
    result.append("169.254.169.254")
    assert refusal("https://cluster.example").code == Code.SERVER_ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize("host", [*REFUSED, *LOOPBACK])
def test_literal_addresses_are_checked_behind_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert refusal(f"https://{host}:6443").code == Code.SERVER_ADDRESS_NOT_ALLOWED


def test_behind_a_proxy_names_are_not_resolved_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert read("https://cluster.invalid").server == "https://cluster.invalid"
    monkeypatch.setenv("NO_PROXY", ".invalid")
    assert refusal("https://cluster.invalid").code == Code.API_SERVER_UNREACHABLE


@pytest.mark.parametrize(
    "url", ["http://:pw@proxy.example", "http://@proxy.example:3128", "https://user@proxy.example"]
)
@pytest.mark.parametrize("field", ["https", "http"])
def test_proxies_of_the_agents_have_no_user(field: str, url: str) -> None:
    with pytest.raises(ValidationError, match="must not contain a user or password"):
        Proxy.model_validate({field: url})


@pytest.mark.parametrize(
    "url",
    ["http://proxy\\@evil.example", "http://proxy.example\t", "http://pro xy", "http://proxy.example:99999", "http://"],
)
def test_proxies_of_the_agents_are_plain_urls(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an http or https URL"):
        Proxy.model_validate({"https": url})


@pytest.mark.parametrize("url", ["https://:pw@arcway.example", "https://@arcway.example", "http://user@127.0.0.1:7071"])
def test_the_command_line_takes_no_address_with_a_user(url: str) -> None:
    with pytest.raises(CommandError, match="without user and password"):
        ArcwayServer.find(url)
