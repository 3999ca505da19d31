"""Which API servers are trusted, and which certificates of a kubeconfig are usable."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.tls import context_for
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway_local.certificates import CertificateAuthority

HOST = "cluster.example"


class OldAuthority:
    """As that of an EKS cluster of 2019: its certificates have no key identifiers."""

    def __init__(self, *, ended: bool = False) -> None:
        self._ended = ended
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.pem = own.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    def server(self, folder: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
        certificate = self._builder(subject, key).add_extension(names, False).sign(self._key, SHA256())
        (folder / "server.pem").write_bytes(pem(key) + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=-1 if self._ended else 1))
        )


def pem(key: ec.EllipticCurvePrivateKey, password: str = "") -> bytes:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """A handshake without a network. Raises `ssl.SSLError` when one side does not want the other."""
    existing, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(back, existing, server_hostname=name), server.wrap_bio(existing, back, server_side=True)]
    while sides:
        for side in list(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            sides.remove(side)


def test_an_authority_without_key_identifiers_is_trusted_as_kubectl_does(tmp_path: Path) -> None:
    authority = OldAuthority()
    server = authority.server(tmp_path)
    shake_hands(context_for(Access(f"https://{HOST}", authority.pem, token="token")), server, HOST)
    with pytest.raises(ssl.SSLCertVerificationError, match="Key Identifier"):
        shake_hands(ssl.create_default_context(cadata=authority.pem), server, HOST)


@pytest.mark.parametrize(
    ("ended", "foreign", "name", "complaint"),
    [
        (False, False, "other.example", "Hostname mismatch"),
        (False, True, HOST, "certificate verify failed"),
        (True, False, HOST, "certificate has expired"),
    ],
)
def test_name_authority_and_dates_are_checked(
    tmp_path: Path, ended: bool, foreign: bool, name: str, complaint: str
) -> None:
    authority = OldAuthority(ended=ended)
    trusted = OldAuthority().pem if foreign else authority.pem
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        shake_hands(context_for(Access(f"https://{name}", trusted, token="token")), authority.server(tmp_path), name)


def test_certificates_and_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    authority = CertificateAuthority.open(tmp_path)
    ca, own, second = (
        authority.certificate_pem.decode(),
        authority.issue_client("a", []),
        authority.issue_client("b", []),
    )
    certificate, key = own.certificate.decode(), own.private_key.decode()
    locked = pem(ec.generate_private_key(ec.SECP256R1()), "password").decode()
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert context_for(Access("https://x", ca, certificate=certificate, key=key))
    for access in (
        Access("https://x", broken, token="token"),
        Access("https://x", "größe", token="token"),
        Access("https://x", ca, certificate=broken, key=key),
        Access("https://x", ca, certificate=certificate, key="none"),
        Access("https://x", ca, certificate=certificate, key=locked),
        Access("https://x", ca, certificate=certificate, key=second.private_key.decode()),
    ):
        with pytest.raises(ArcError, match=Code.KUBECONFIG_INVALID) as caught:
            context_for(access)
        assert "PRIVATE KEY" not in str(caught.value)
