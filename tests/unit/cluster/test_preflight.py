"""What the API server itself says of its certificate and version."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from arcway.cluster.access import server_certificate
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.checks import preflight
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority

NODE = {
    "metadata": {"name": "n", "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
    "status": {"allocatable": {"memory": "8Gi"}, "conditions": [{"type": "Ready", "status": "True"}]},
}


class Api:
    """An administrator's view of an empty cluster."""

    def __init__(self, version: str) -> None:
        self.version = version

    def may(self, *_: str) -> bool:
        return True

    def get(self, path: str, **_: Any) -> Any:
        return {"gitVersion": self.version} if path == "/version" else None

    def items(self, path: str, **_: Any) -> Any:
        return [NODE] if path == "/api/v1/nodes" else []


def findings(version: str, days: float) -> list[tuple[str, str]]:
    api: Any = Api(version)
    ends = datetime.now(UTC) + timedelta(days=days)
    with mock.patch.object(server_certificate, "expiry", return_value=ends):
        findings, _ = preflight.inspect(api, Access("https://api", ""), "here", proxied=False, network=False)
    return [(finding["code"], finding["level"]) for finding in findings]


@pytest.mark.parametrize(
    ("version", "days", "expected"),
    [
        ("v1.27.0", 31, []),
        ("v1.36.9+k3s1", 400, []),
        ("v1.26.15", 31, [(Code.KUBERNETES_VERSION_UNSUPPORTED, "warning")]),
        (
            "v1.37.0-rc.1",
            29.5,
            [(Code.KUBERNETES_VERSION_UNTESTED, "info"), (Code.SERVER_CERTIFICATE_EXPIRES_SOON, "warning")],
        ),
        (
            "nonsense",
            3,
            [(Code.KUBERNETES_VERSION_UNSUPPORTED, "warning"), (Code.SERVER_CERTIFICATE_EXPIRES_SOON, "warning")],
        ),
    ],
)
def test_version_and_certificate(version: str, days: float, expected: list[tuple[str, str]]) -> None:
    assert findings(version, days) == expected


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: CertificateAuthority, tmp_path: Path) -> Iterator[str]:
    """Shakes hands once and says nothing."""
    issued = authority.issue_server(["127.0.0.1", "kubernetes.default.svc"])
    for name, data in (("crt", issued.certificate), ("key", issued.private_key)):
        write_private(tmp_path / name, data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_the_end_of_a_certificate_is_read_from_the_handshake(server: str, authority: CertificateAuthority) -> None:
    access = Access(server, authority.certificate_pem.decode(), tls_server_name="kubernetes.default.svc")
    remaining = server_certificate.expiry(access) - datetime.now(UTC)
    assert timedelta(days=364) < remaining <= timedelta(days=365)


def test_a_server_that_is_not_trusted_has_no_certificate_to_judge(server: str, tmp_path: Path) -> None:
    second = CertificateAuthority.open(tmp_path / "other").certificate_pem.decode()
    with pytest.raises(ArcError, match=Code.SERVER_CERTIFICATE_UNTRUSTED):
        server_certificate.expiry(Access(server, second))
    with pytest.raises(ArcError, match=Code.API_SERVER_UNREACHABLE):
        server_certificate.expiry(Access("https://127.0.0.1:1", second))
