"""The identity of the service: a managed identity, or a workload's where a federated token file is set."""

import base64
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

import pytest
from azure.core.pipeline.transport import HttpTransport
from azure.identity import ManagedIdentityCredential

from arcway.service_identity import ServiceIdentity
from arcway.settings import SettingsError, read_settings
from tests.installations import LOCAL

TENANT, CLIENT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
WORKLOAD = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT}


class Response:
    """A token from Entra ID."""

    status_code, reason, content_type = 200, "OK", "application/json"

    def __init__(self) -> None:
        self.headers = {"Content-Type": self.content_type}

    def text(self, encoding: str | None = None) -> str:
        claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).decode()
        return json.dumps({"access_token": f"a.{claims}.c", "expires_in": 3600, "token_type": "Bearer"})

    def body(self) -> bytes:
        return self.text().encode()


class Entra(HttpTransport[Any, Any]):
    """Entra ID, as far as one request for a token goes."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def send(self, request: Any, **_: Any) -> Any:
        self.requests.append(request)
        return Response()

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> "Entra":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None: ...


def test_managed_identity_is_the_default() -> None:
    identity = ServiceIdentity.of({"AZURE_CLIENT_ID": CLIENT})
    assert isinstance(identity.credential(), ManagedIdentityCredential)


@pytest.mark.parametrize("host", [None, "https://login.partner.example"])
def test_workload_identity_sends_the_federated_token(tmp_path: Path, host: str | None) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    environment = {
        **WORKLOAD,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
        **({"AZURE_AUTHORITY_HOST": host} if host else {}),
    }
    entra = Entra()
    credential = ServiceIdentity.of(environment).credential(transport=entra)
    assert credential.get_token("https://management.azure.com/.default").token.startswith("a.")
    (request,) = entra.requests
    assert request.url == f"{host or 'https://login.microsoftonline.com'}/{TENANT}/oauth2/v2.0/token"
    body = request.body if isinstance(request.body, dict) else {k: v[0] for k, v in parse_qs(request.body).items()}
    assert (body["client_assertion"], body["client_id"], body["grant_type"]) == ("first", CLIENT, "client_credentials")


@pytest.mark.parametrize("missing", ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"])
def test_half_a_workload_identity_keeps_the_app_from_starting(missing: str) -> None:
    environment = {**LOCAL, **WORKLOAD, "AZURE_FEDERATED_TOKEN_FILE": "/var/run/token"}
    environment.pop(missing)
    with pytest.raises(SettingsError, match="AZURE_FEDERATED_TOKEN_FILE needs"):
        read_settings(environment)
