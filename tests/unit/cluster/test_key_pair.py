"""Which charts read the private key from the Secret, and what the others are given."""

import base64
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.key_pair import chart_reads_secret, key_values
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
def test_what_is_no_version_decides_nothing(version: str) -> None:
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
def test_halves_that_do_not_belong_together_are_no_key(part: str) -> None:
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
