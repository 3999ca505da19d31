"""The remedy follows the cause, not the status: certificates, refused credentials, admission."""

import base64
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from arcway.cluster.access import server_certificate
from arcway.cluster.access.api import _refusal, open_cluster
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm.interface import refusal
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.security.api_servers import Exchange, Server


class Authority:
    """Signs one server certificate, valid from and until so many days from now."""

    def __init__(self, begins: int, ends: int, name: str = "127.0.0.1") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._builder("authority", self._key, -9, 9).add_extension(x509.BasicConstraints(True, None), True)
        self.pem = own.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
        self._server = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "127.0.0.1":
            import ipaddress

            names = [x509.IPAddress(ipaddress.ip_address(name))]
        signed = self._builder("server", self._server, begins, ends)
        signed = signed.add_extension(x509.SubjectAlternativeName(names), False)
        self._certificate = signed.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def context(self, folder: Path) -> ssl.SSLContext:
        key = self._server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "server.pem").write_bytes(key + self._certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey, begins: int, ends: int) -> x509.CertificateBuilder:
        now, subject = datetime.now(UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        return (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=ends))
        )


def kubeconfig(port: int, ca: bytes, token: str = "token") -> str:
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(ca).decode(),
    }
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
    )


def by_client(access: Access) -> None:
    with open_cluster(access) as api:
        api.get("/version")


def nothing(exchange: Exchange) -> bool:
    return exchange.reply(200, b"{}")


@pytest.mark.parametrize("call", [by_client, server_certificate.expiry], ids=["client", "certificate"])
@pytest.mark.parametrize(
    ("begins", "ends", "name", "code"),
    [
        (-5, -1, "127.0.0.1", Code.SERVER_CERTIFICATE_EXPIRED),
        (1, 5, "127.0.0.1", Code.SERVER_CERTIFICATE_EXPIRED),
        (-1, 5, "other.example", Code.SERVER_CERTIFICATE_NAME_MISMATCH),
    ],
    ids=["expired", "not yet valid", "another name"],
)
def test_what_is_wrong_with_a_certificate_has_its_own_code(
    begins: int, ends: int, name: str, code: str, call: Callable[[Access], Any], tmp_path: Path
) -> None:
    authority = Authority(begins, ends, name)
    with Server(nothing, authority.context(tmp_path)) as server:
        access = read_kubeconfig(kubeconfig(server.server_port, authority.pem), None, allow_loopback=True)
        with pytest.raises(ArcError) as caught:
            call(access)
    assert (caught.value.code, caught.value.retryable) == (code, False)


def jwt(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def test_a_refused_token_says_when_it_ended_and_whose_it_is(tmp_path: Path) -> None:
    def refuse(exchange: Exchange) -> bool:
        return exchange.reply(401, json.dumps({"kind": "Status", "message": "Unauthorized"}).encode())

    authority = Authority(-1, 5)
    account = "system:serviceaccount:ci:deployer"
    with Server(refuse, authority.context(tmp_path)) as server:
        for token, words in (
            (jwt(sub=account, exp=1_700_000_000), "expired on 2023-11-14 22:13 UTC"),
            (jwt(sub=account, exp=4e9, nbf=3.9e9), "is not valid before 2093"),
            (jwt(sub=account, exp=4e9), "is that of ServiceAccount ci/deployer"),
        ):
            content = kubeconfig(server.server_port, authority.pem, token)
            with pytest.raises(ArcError, match=Code.CLUSTER_CREDENTIAL_REFUSED) as caught:
                by_client(read_kubeconfig(content, None, allow_loopback=True))
            assert words in caught.value.message
            assert "kubectl create token deployer -n ci" in caught.value.remedy


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt(exp="soon"), jwt(exp=1e300), jwt(sub=["x"]), jwt(exp=True)])
def test_a_token_that_tells_nothing_is_refused_all_the_same(token: str) -> None:
    refused = _refusal(401, b"{}", "GET /x", None, Access("https://x", "", token=token))
    assert refused.code == Code.CLUSTER_CREDENTIAL_REFUSED


ADMISSION = {
    'admission webhook "validation.gatekeeper.sh" denied the request: [owner] no label owner': "validation.gatekeeper",
    "namespaces is forbidden: ValidatingAdmissionPolicy 'team' with binding 'b' denied request: no": "team",
    'secrets "x" is forbidden: exceeded quota: objects, requested: secrets=1': "objects",
    'GKE Warden authz [denied by managed-namespaces-limitation]: the namespace "kube-system" is managed': "limitation",
}


@pytest.mark.parametrize(("message", "words"), ADMISSION.items())
@pytest.mark.parametrize("status", [400, 403, 422])
def test_admission_is_distinguished_from_a_missing_permission(message: str, words: str, status: int) -> None:
    by_api = _refusal(status, json.dumps({"message": message}).encode(), "POST /api/v1/namespaces", None)
    by_helm = refusal(f"INSTALLATION FAILED: {message}", "install", Code.HELM_FAILED, is_late=False)
    for error in (by_api, by_helm):
        assert (error.code, error.retryable) == (Code.ADMISSION_DENIED, False)
        assert words in error.remedy
        assert "cluster-admin" not in error.remedy


def test_a_permission_that_is_missing_is_none_of_them() -> None:
    message = 'namespaces is forbidden: User "x" cannot create resource "namespaces" in API group ""'
    assert (
        _refusal(403, json.dumps({"message": message}).encode(), "POST /x", None).code
        == Code.CLUSTER_PERMISSION_MISSING
    )


def test_a_webhook_that_does_not_answer_may_answer_later() -> None:
    message = 'Internal error occurred: failed calling webhook "v.example.com": no endpoints available for service'
    by_api = _refusal(500, json.dumps({"message": message}).encode(), "POST /x", None)
    by_helm = refusal(message, "upgrade", Code.HELM_FAILED, is_late=False)
    assert [(error.code, error.retryable) for error in (by_api, by_helm)] == [
        (Code.KUBERNETES_API_ERROR, True),
        (Code.HELM_FAILED, True),
    ]
    assert all("v.example.com" in error.remedy for error in (by_api, by_helm))
