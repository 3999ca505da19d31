"""The local certificate authority: shared by folder, private keys private, certificates that verify."""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from arcway_local.certificates import CertificateAuthority


def test_a_folder_keeps_its_authority(tmp_path: Path) -> None:
    first, second = CertificateAuthority.open(tmp_path / "ca"), CertificateAuthority.open(tmp_path / "ca")
    assert first.certificate_pem == second.certificate_pem == second.certificate_file.read_bytes()
    assert CertificateAuthority.open(tmp_path / "other").certificate_pem != first.certificate_pem


def test_nothing_in_the_folder_is_readable_by_others(tmp_path: Path) -> None:
    authority = CertificateAuthority.open(tmp_path / "ca")
    authority.server_context()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "ca").iterdir()}
    assert modes == {"authority.pem": 0o600, "ca.crt": 0o600}


def test_a_client_certificate_names_user_and_groups(tmp_path: Path) -> None:
    authority = CertificateAuthority.open(tmp_path)
    certificate = x509.load_pem_x509_certificate(authority.issue_client("root", ["a", "b"]).certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate_pem))
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["a", "b"]
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "root"


def test_client_certificates_are_asked_for_only_on_demand(tmp_path: Path) -> None:
    authority = CertificateAuthority.open(tmp_path)
    assert authority.server_context().verify_mode is ssl.CERT_NONE
    assert authority.server_context(client_certificates=True).verify_mode is ssl.CERT_OPTIONAL
