"""The local certificate authority of the embedded stack.

Makes, or loads from a folder, one ECDSA authority and issues short-lived server and client certificates under it. The
simulated clusters and the simulated Azure share it.
"""

import datetime
import ipaddress
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from arcway.private_file import write_private

_LIFETIME = datetime.timedelta(days=365)
_AUTHORITY_FILE = "authority.pem"
_PUBLIC_FILE = "ca.crt"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    private_key: bytes


class CertificateAuthority:
    """A certificate authority that lives in a folder; processes that open the same folder share it."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._folder = folder
        self._key = key
        self._certificate = certificate

    @classmethod
    def open(cls, folder: Path) -> "CertificateAuthority":
        """Load the folder's authority, or make it. Raises OSError or ValueError when the folder or file is unusable."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / _AUTHORITY_FILE
        if not path.exists():
            draft = folder / f".{_AUTHORITY_FILE}.{secrets.token_hex(4)}"
            write_private(draft, _new_authority())
            try:
                # A hard link fails when the file exists: of two processes that start at once, one authority wins.
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{path} does not hold an ECDSA key")
        authority = cls(folder, key, x509.load_pem_x509_certificate(content))
        write_private(authority.certificate_file, authority.certificate_pem)
        return authority

    @property
    def certificate_file(self) -> Path:
        """The authority's certificate as a PEM file, for clients."""
        return self._folder / _PUBLIC_FILE

    @property
    def certificate_pem(self) -> bytes:
        """The authority's certificate as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_server(self, names: Sequence[str] = ("127.0.0.1", "localhost")) -> IssuedCertificate:
        """Issue a server certificate for host names and IP addresses."""
        return self._issue(_name(names[0]), ExtendedKeyUsageOID.SERVER_AUTH, [_general_name(name) for name in names])

    def issue_client(self, user: str, groups: Sequence[str] = ()) -> IssuedCertificate:
        """Issue a client certificate; Kubernetes reads the common name as user and the organizations as groups."""
        return self._issue(_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def server_context(self, *, client_certificates: bool = False) -> ssl.SSLContext:
        """A TLS context with a new server certificate; with `client_certificates`, clients may present ours."""
        issued = self.issue_server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The ssl module loads a key only from a file, which is therefore removed at once.
        path = self._folder / f"server-{secrets.token_hex(4)}.pem"
        write_private(path, issued.private_key + issued.certificate)
        try:
            context.load_cert_chain(path)
        finally:
            path.unlink()
        if client_certificates:
            context.load_verify_locations(cadata=self.certificate_pem.decode())
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: list[x509.GeneralName]
    ) -> IssuedCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return IssuedCertificate(certificate.public_bytes(serialization.Encoding.PEM), _private_pem(key))


def _new_authority() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Arcway local authority")
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _private_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
