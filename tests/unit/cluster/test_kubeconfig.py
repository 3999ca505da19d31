"""The kubeconfig policy: what is accepted, what is refused, and that refusals show no secret."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n").decode()
TOKEN = "t0ken-that-must-not-show"


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": CA, **(cluster or {})},
            }
        ],
        "users": [{"name": "u", "user": {"token": TOKEN, **(user or {})}}],
        **top,
    }
    return json.dumps(document)


def code_of(message: str, *, context: str | None = None, allow_loopback: bool = True) -> ArcError:
    with pytest.raises(ArcError) as caught:
        read_kubeconfig(message, context, allow_loopback=allow_loopback)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in json.dumps(caught.value.as_dict())
    return caught.value


def test_a_token_kubeconfig_is_accepted_and_hides_its_secret() -> None:
    access = read_kubeconfig(kubeconfig(), None, allow_loopback=True)
    assert (access.server, access.token) == ("https://127.0.0.1:6443", TOKEN)
    assert TOKEN not in repr(access)
    reread = read_kubeconfig(access.as_kubeconfig(), None, allow_loopback=True)
    assert reread == access


def test_everything_refused_is_named_at_once() -> None:
    error = code_of(
        kubeconfig(
            {"insecure-skip-tls-verify": True, "proxy-url": "http://evil", "certificate-authority": "/etc/passwd"},
            {"exec": {"command": "sh"}, "auth-provider": {"name": "x"}, "tokenFile": "/etc/shadow", "as": "root"},
        )
    )
    assert error.code == Code.KUBECONFIG_REFUSED
    assert {item["field"] for item in error.details} == {
        "cluster.insecure-skip-tls-verify",
        "cluster.proxy-url",
        "cluster.certificate-authority",
        "user.exec",
        "user.auth-provider",
        "user.tokenFile",
        "user.as",
    }


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1",
        "https://user@127.0.0.1",
        "https://169.254.169.254",
        "https://168.63.129.16",
        "https://[fe80::1]",
        "https://[::ffff:169.254.169.254]",
        "https://224.0.0.1",
        "https://0.0.0.0",
        "ftp://127.0.0.1",
        "https://127.0.0.1:notaport",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_no_caller_may_reach_through_arcway(address: str) -> None:
    assert code_of(kubeconfig({"server": address})).code == Code.SERVER_ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize(
    "server", ["https://a..b", f"https://{'a' * 64}", "https://a\n.b", "https://a/b c", "https://a:b"]
)
def test_what_is_not_an_address(server: str) -> None:
    assert code_of(kubeconfig({"server": server})).code == Code.SERVER_ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize(
    ("cluster", "user", "field"),
    [
        ({}, {"token": f"{TOKEN}\n"}, "user.token"),
        ({}, {"token": f"{TOKEN} ü"}, "user.token"),
        ({}, {"token": 5, "client-certificate-data": CA, "client-key-data": CA}, "user.token"),
        ({"tls-server-name": 5}, {}, "cluster.tls-server-name"),
        ({"tls-server-name": ["a"]}, {}, "cluster.tls-server-name"),
        ({"tls-server-name": "a" * 254}, {}, "cluster.tls-server-name"),
    ],
)
def test_what_could_not_be_sent_is_refused(cluster: dict[str, Any], user: dict[str, Any], field: str) -> None:
    error = code_of(kubeconfig(cluster, user))
    assert (error.code, [item["field"] for item in error.details]) == (Code.KUBECONFIG_REFUSED, [field])


def test_loopback_is_for_local_installations_only() -> None:
    assert code_of(kubeconfig(), allow_loopback=False).code == Code.SERVER_ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", Code.KUBECONFIG_INVALID),
        ("[]", Code.KUBECONFIG_INVALID),
        ("a: &a [x]\nb: [*a, *a]", Code.KUBECONFIG_INVALID),
        ("a: 1\na: 2", Code.KUBECONFIG_INVALID),
        ("!!python/object/apply:os.system ['id']", Code.KUBECONFIG_INVALID),
        ("{" * 2000, Code.KUBECONFIG_INVALID),
        ("x" * 1_100_000, Code.KUBECONFIG_INVALID),
        (kubeconfig(clusters=[]), Code.KUBECONFIG_INVALID),
        (kubeconfig(users="x"), Code.KUBECONFIG_INVALID),
        (kubeconfig({"certificate-authority-data": "@@"}), Code.KUBECONFIG_INVALID),
        (kubeconfig({"certificate-authority-data": ["x"]}), Code.KUBECONFIG_REFUSED),
        (kubeconfig(user={"token": ""}), Code.KUBECONFIG_REFUSED),
        (kubeconfig(user={"token": 5}), Code.KUBECONFIG_REFUSED),
        (kubeconfig(contexts=[]), Code.KUBECONFIG_CONTEXT_NOT_FOUND),
        (kubeconfig().replace('"current-context": "here"', '"current-context": ""'), Code.KUBECONFIG_CONTEXT_NOT_FOUND),
        (
            kubeconfig(contexts=[{"name": "here", "context": {"cluster": "c", "user": "u"}}] * 2),
            Code.KUBECONFIG_INVALID,
        ),
    ],
)
def test_broken_kubeconfigs(message: str, code: str) -> None:
    assert code_of(message).code == code


def test_a_context_that_is_not_there() -> None:
    assert code_of(kubeconfig(), context="elsewhere").code == Code.KUBECONFIG_CONTEXT_NOT_FOUND


@given(st.text(max_size=300))
def test_any_text_is_refused_by_name(text: str) -> None:
    assert code_of(text).code in (Code.KUBECONFIG_INVALID, Code.KUBECONFIG_CONTEXT_NOT_FOUND)
