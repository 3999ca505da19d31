"""What is read from outside is read as it is written, within limits, and from a caller who may send it."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway.azure.subscriptions import is_match
from arcway.cli.client import CommandError
from arcway.cli.credentials import kubeconfig as user_kubeconfig
from arcway.cluster.access.kubeconfig import contexts, read_kubeconfig
from arcway.cluster.access.plain_yaml import PlainYamlError, read_yaml
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.values import from_dotted
from arcway.cluster.checks.internal_ranges import internal_ranges
from arcway.cluster.checks.nodes import quantity
from arcway.cluster.helm.interface import Release
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.versions import is_older

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n").decode()


def document(cluster: Any = None, user: Any = None, **top: Any) -> dict[str, Any]:
    server = {"server": "https://127.0.0.1:6443", "certificate-authority-data": CA}
    return {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {**server, **(cluster or {})}}],
        "users": [{"name": "x", "user": {"token": "t0ken"} if user is None else user}],
        **top,
    }


def refusal(message: str) -> ArcError:
    with pytest.raises(ArcError) as caught:
        read_kubeconfig(message, None, allow_loopback=True)
    return caught.value


@pytest.mark.parametrize("kind", ["Pod", "config", "Secret", "", None, 5, ["Config"], {"a": 1}, "List", "\x1b[2J"])
def test_a_kubeconfig_of_another_kind_is_refused(kind: object, tmp_path: Any) -> None:
    content = json.dumps(document(kind=kind))
    error = refusal(content)
    assert error.code == Code.KUBECONFIG_INVALID
    assert error.message.isprintable()
    with pytest.raises(ArcError):
        contexts(content)
    (tmp_path / "config").write_text(content)
    with pytest.raises(CommandError):
        user_kubeconfig.choose(tmp_path / "config", None)


def test_a_kubeconfig_says_its_kind_or_nothing() -> None:
    for headers in ({}, {"kind": "Config", "apiVersion": "v1"}):
        assert read_kubeconfig(json.dumps(document(**headers)), None, allow_loopback=True).token == "t0ken"


@pytest.mark.parametrize(
    ("cluster", "user", "field"),
    [
        (None, {}, "user.token"),
        (None, {"token": ""}, "user.token"),
        (None, {"token": None}, "user.token"),
        (None, {"client-certificate-data": CA}, "user.token"),
        ({"certificate-authority-data": 5}, None, "cluster.certificate-authority-data"),
        ({"server": None}, None, "cluster.server"),
    ],
)
def test_what_is_missing_is_named_as_missing(cluster: Any, user: Any, field: str) -> None:
    error = refusal(json.dumps(document(cluster, user)))
    assert error.code == Code.KUBECONFIG_REFUSED
    assert f"lacks required fields: {field}" in error.message
    assert "refuses" not in error.message
    assert [item["field"] for item in error.details] == [field]


def test_what_is_refused_and_what_is_missing_are_distinguished() -> None:
    error = refusal(json.dumps(document({"proxy-url": "http://x"}, {"exec": {"command": "x"}})))
    expected_text = (
        "has fields that are not accepted: cluster.proxy-url, user.exec; it lacks required fields: user.token"
    )
    assert expected_text in error.message


def test_a_kubeconfig_with_fields_without_number_gives_a_small_error() -> None:
    error = refusal(json.dumps(document(user={f"field-{number}": "x" for number in range(5000)})))
    assert len(json.dumps(error.as_dict())) < 8192


@pytest.mark.parametrize(
    "message",
    [
        "a: &x 1\nb: *x",
        "a: &x 1",
        "a: {<<: {b: c}}",
        "a: 1\na: 2",
        "{a: 1, 'a': 2}",
        "!!python/object/apply:os.system [id]",
        "a: !!binary aGk=",
        "a: !local x",
        "!!set {a, b}",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "~: a",
        "a: 1\n---\nb: 2",
        "[" * 100,
        "[" * 100_000,
        "a: " * 1000,
        "- " * 1000,
        "{a: " * 500,
        "\0",
        "a: \ud800",
        "x" * 2_000_000,
        "- a\n" * 200_000,
        "[" + "a," * 200_000 + "]",
    ],
)
def test_yaml_that_is_more_than_texts_lists_and_mappings_is_refused(message: str) -> None:
    with pytest.raises(PlainYamlError):
        read_yaml(message)


@pytest.mark.parametrize(
    "message",
    ["190:20:30", "1_000", "0o17", "017", "0x1F", "1e3", ".inf", "yes", "on", "no", "2026-01-01", "=", "TRUE"],
)
def test_a_scalar_is_the_text_that_is_written(message: str) -> None:
    assert read_yaml(f"a: {message}\nb: '{message}'\n") == {"a": message, "b": message}


def test_numbers_to_the_base_60_take_no_time() -> None:
    content = ":".join(["59"] * 80_000)
    assert read_yaml(f"a: {content}") == {"a": content}
    access = read_kubeconfig(json.dumps(document()).replace('"t0ken"', content), None, allow_loopback=True)
    assert access.token == content


def test_a_token_that_is_not_text_for_kubectl_is_not_one_for_arcway() -> None:
    for written in ("5", "true", "1.5", "0x10"):
        content = json.dumps(document()).replace('"t0ken"', written)
        assert [item["field"] for item in refusal(content).details] == ["user.token"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(PlainYamlError):
        read_yaml(text)


@pytest.mark.parametrize(
    "written",
    [
        "a: 1",
        "- x",
        "networking: []",
        "networking: 5",
        "networking: {serviceSubnet: [], podSubnet: {}}",
        "networking: &x {podSubnet: 10.0.0.0/8}",
        "[" * 10_000,
        "networking: {podSubnet: " + "1:" * 30_000 + "1}",
        "x" * 900_000,
        5,
        None,
        ["networking"],
    ],
)
def test_whatever_is_in_kubeadms_configmap_is_not_a_failure(written: object) -> None:
    api = mock.Mock(server="https://api.example.com")
    api.get.side_effect = {
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config": {"data": {"ClusterConfiguration": written}}
    }.get
    assert internal_ranges(api, [])[-1] == "api.example.com"


def test_ranges_without_number_become_few_that_cover_those_read() -> None:
    api = mock.Mock(server="https://api.example.com")
    api.get.return_value = None
    ranges = [f"{number % 223 + 1}.{number // 223 % 256}.{number % 251}.0/24" for number in range(7000)]
    ranges += [f"fd{number:02x}:{number:x}::/64" for number in range(256)]
    collected = internal_ranges(api, [{"spec": {"podCIDRs": [*ranges, 0, None, [], "x" * 10_000]}}])[5:-1]
    assert len(collected) <= 64
    networks = [ip_network(line) for line in collected]
    assert all(
        any(
            item.version == network.version and item.subnet_of(network)  # type: ignore[arg-type]
            for network in networks
        )
        for item in map(ip_network, ranges[:8000:97])
    )


@pytest.mark.parametrize(
    ("message", "amount"),
    [
        ("4Gi", 4 * 2**30),
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("1.5Gi", 3 * 2**29),
        ("100m", 0),
        ("5000000000n", 5),
        ("1e999999", 0),
        ("1e-999999", 0),
        ("9" * 1_000_000, 0),
        ("1e9999999999999999999Ki", 0),
        ("NaN", 0),
        ("Infinity", 0),
        ("1KiKi", 0),
        ("", 0),
        (None, 0),
        ([], 0),
        ({"a": 1}, 0),
    ],
)
def test_a_quantity_is_bounded(message: object, amount: int) -> None:
    assert quantity(message) == amount


@pytest.mark.parametrize(
    "settings",
    [{"." * 1_000_000: "x"}, {".".join("a" * 40): "x"}, {"a": "1", "a.b": "2"}, {"a.b": "1", "a.b.c": "2"}],
    ids=["a million dots", "forty parts", "value and names", "deeper"],
)
def test_dotted_settings_that_make_no_tree_are_a_named_error(settings: dict[str, str]) -> None:
    with pytest.raises(ArcError, match=Code.AZURE_RESPONSE_INVALID):
        from_dotted(settings)


def test_numbers_in_dotted_settings_are_bounded() -> None:
    assert from_dotted({"a": "9" * 10_000, "b": "12", "c": "٣"}) == {"a": "9" * 10_000, "b": 12, "c": "٣"}


def test_versions_of_any_length_are_compared() -> None:
    for odd in ("9" * 10_000 + ".0.0", "1.0.0-" + "9" * 10_000, "v1.2", "1.2.3-" + "a." * 5000):
        assert is_older(odd, "1.0.0") in (True, False)
        assert is_older("1.0.0", odd) in (True, False)


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("*", "a/b", True),
        ("a/*", "a/b/c", True),
        ("*/read", "a/read", True),
        ("*/read", "a/write", False),
        ("a*a", "a", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "acb", False),
        ("a", "a", True),
        ("a", "ab", False),
        ("*a" * 5000 + "b", "a" * 5000, False),
    ],
)
def test_patterns_of_actions_take_no_longer_for_many_stars(pattern: str, message: str, matches: bool) -> None:
    assert is_match(pattern, message) == matches


GOOD: tuple[Any, ...] = ("deployed", 1, "1.2.3", {"a": 1})


@pytest.mark.parametrize(
    "odd",
    [
        (0, None),
        (0, "de\x1b[2J"),
        (0, "x" * 100),
        (1, "1"),
        (1, 10**30),
        (1, -1),
        (1, None),
        (2, None),
        (2, 5),
        (2, "1.0.0@sha256:x"),
        (2, "../../x"),
        (2, "1.0\n"),
        (2, "1" * 300),
        (3, []),
        (3, "text"),
    ],
)
def test_a_release_that_helm_did_not_write_is_a_named_error(odd: tuple[int, object]) -> None:
    fields = list(GOOD)
    fields[odd[0]] = odd[1]
    with pytest.raises(ArcError, match=Code.KUBERNETES_RESPONSE_INVALID):
        Release.read(*fields)


def test_values_of_a_release_are_taken_as_they_are() -> None:
    values = {"a": "\x1b\u202e\n" * 5000, "global": {"httpsProxy": "http://user:hunter22@proxy"}}
    assert Release.read("deployed", 1, "1.2.3", values).values == values


@pytest.mark.parametrize("train", ["stable&x=y", "a\r\nb", "../x", 5, ["a"], "x" * 100])
def test_a_release_train_leads_no_question_elsewhere(train: object) -> None:
    with pytest.raises(ArcError, match=Code.KUBERNETES_RESPONSE_INVALID):
        train_of({"systemDefaultValues": {"azureArcAgents": {"releaseTrain": train}}})


def printed(message: bytes) -> Callable[[], Any]:
    from arcway.cli.credentials.exec_plugin import _credential

    return lambda: _credential(message, "client.authentication.k8s.io/v1")


@pytest.mark.parametrize(
    "message", [b"[" * 20_000, b'{"a":' * 20_000, b"9" * 100_000, b"NaN", b"\xff", '{"kind": "x"}'.encode("utf-16")]
)
def test_whatever_a_plug_in_prints_is_a_named_error(message: bytes) -> None:
    with pytest.raises(CommandError, match=Code.EXEC_PLUGIN_FAILED):
        printed(message)()
