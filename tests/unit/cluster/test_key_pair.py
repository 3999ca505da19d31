"""Which charts read the private key from the Secret, and what the others are given."""

import base64
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents.key_pair import chart_reads_secret, ensure_key_pair, give_way, key_values
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError


@pytest.mark.parametrize(
    ("version", "train", "reads"),
    [
        ("1.13.4", "stable", False),
        ("1.35.2", "stable", False),
        ("1.35.3", "stable", True),
        ("1.35.10", "stable", True),
        ("1.36.0", "stable", True),
        ("2.0.0", "stable", True),
        ("1.35.3-preview", "stable", False),
        ("1.35.2", "preview", False),
        ("1.35.2-preview", "preview", False),
        ("1.35.3-preview", "preview", True),
        ("1.35.3-preview.2", "preview", True),
        ("1.35.3", "preview", True),
        ("1.35.3-alpha", "preview", False),
        ("1.37.0-preview", "preview", True),
        ("1.37.0-preview", "stable", True),
        ("1.9.9", "preview", False),
        ("1.0.0-dev", "stable", True),
        ("1.2.3-20260101-dev", "preview", True),
        ("1.36.2+build.5", "stable", True),
    ],
)
def test_the_version_and_the_train_decide(version: str, train: str, reads: bool) -> None:
    assert chart_reads_secret(version, train) is reads


@pytest.mark.parametrize("version", ["", "latest", "1.35", "1.35.3.1"])
def test_what_is_not_a_version_decides_nothing(version: str) -> None:
    with pytest.raises(ArcError, match=Code.CHART_UNAVAILABLE):
        chart_reads_secret(version, "stable")


class Secret:
    """Just the Secret, as the API serves it."""

    def __init__(self, message: bytes | None) -> None:
        self._text = message

    def get(self, path: str) -> dict[str, Any] | None:
        assert path.endswith("/azure-arc-connect-privatekey")
        return None if self._text is None else {"data": {"privateKey": base64.b64encode(self._text).decode()}}


def values(message: bytes | None, version: str, previous: dict[str, Any] | None = None) -> dict[str, Any]:
    return key_values(cast("ClusterApi", Secret(message)), version, "stable", previous or {})


def test_an_old_chart_is_given_the_key_of_the_secret() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert values(pem, "1.13.4") == {"global": {"onboardingPrivateKey": pem.decode()}}
    assert values(pem, "1.36.2") == {}


@pytest.mark.parametrize("message", [None, b"", b"not a key"])
def test_an_old_chart_is_never_given_an_empty_or_broken_key(message: bytes | None) -> None:
    with pytest.raises(ArcError) as caught:
        values(message, "1.13.4")
    assert caught.value.code == Code.PRIVATE_KEY_UNUSABLE
    assert "not a key" not in str(caught.value)


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)


@pytest.mark.parametrize("part", ["n", "p", "d"])
def test_halves_that_do_not_belong_together_are_not_a_key(part: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = key.private_numbers()
    true = {"n": own.public_numbers.n, "p": own.p, "d": own.d}[part]
    der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    wrong = der.replace(number(true), number(true ^ 2))
    assert wrong != der
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(wrong) + b"-----END RSA PRIVATE KEY-----\n"
    with pytest.raises(ArcError) as caught:
        values(pem, "1.13.4")
    assert caught.value.code == Code.PRIVATE_KEY_UNUSABLE


class EmptyCluster:
    """A cluster without agents, whose objects are counted by path."""

    def __init__(self) -> None:
        self.created: dict[str, dict[str, Any]] = {}

    def get(self, path: str) -> dict[str, Any] | None:
        return None

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        return []

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.created[path] = body
        return body


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux does a thread have a priority of its own")
def test_key_pair_is_generated_with_a_lower_priority_than_that_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fleets generate keys on every core, beside what answers callers."""
    niceness: list[int] = []
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def generate(**_: Any) -> rsa.RSAPrivateKey:
        niceness.append(os.getpriority(os.PRIO_PROCESS, 0))
        return key

    monkeypatch.setattr(rsa, "generate_private_key", generate)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    ensure_key_pair(cast("ClusterApi", EmptyCluster()), AcquiredLease(frozenset()))
    assert niceness == [min(own + 10, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_key_pair_is_generated_where_priorities_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    with ThreadPoolExecutor(1, initializer=give_way) as generators:
        key = generators.submit(rsa.generate_private_key, public_exponent=65537, key_size=2048).result()
    assert key.key_size == 2048


def test_key_pairs_of_two_clusters_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clusters whose pairs are generated at the same time, by the same threads, get a pair of their own each."""
    both_are_generating = threading.Barrier(2, timeout=60)
    generate = rsa.generate_private_key

    def small(**_: Any) -> rsa.RSAPrivateKey:
        if os.process_cpu_count() != 1:
            both_are_generating.wait()
        return generate(public_exponent=65537, key_size=2048)

    monkeypatch.setattr(rsa, "generate_private_key", small)
    clusters = [EmptyCluster(), EmptyCluster()]
    with ThreadPoolExecutor(2) as steps:
        pairs = list(
            steps.map(lambda api: ensure_key_pair(cast("ClusterApi", api), AcquiredLease(frozenset())), clusters)
        )
    assert all(is_new for _, is_new in pairs)
    assert pairs[0][0] != pairs[1][0]
    secrets = [api.created["/api/v1/namespaces/azure-arc/secrets"]["stringData"]["privateKey"] for api in clusters]
    assert secrets[0] != secrets[1]
