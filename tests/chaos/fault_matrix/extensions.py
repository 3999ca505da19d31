"""Runs about an extension: what they are given, what they find before them, what holds after them."""

import time
import uuid

from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.chaos.fault_matrix.world import Case

OPERATIONS = ("applyExtension", "deleteExtension")
_SECONDS = 30.0


def extension_id(case: Case) -> str:
    return f"{case.resource_id}/providers/Microsoft.KubernetesConfiguration/extensions/flux"


def of_extension(case: Case, operation: str) -> Json:
    """What a run about the case's extension is given otherwise than one that connects the cluster."""
    fields = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
    body = {key: value for key, value in case.request("keep").items() if key in fields}
    body |= {"operation": operation, "extension": {"name": "flux"}}
    if operation == "applyExtension":
        body |= {"extension": {"name": "flux", "settings": {"a": uuid.uuid4().hex}}, "timeout": 60}
    return {"runId": "ba9876543210", "operation": operation, "request": parse_request(body).as_json()}


def prepare(case: Case) -> None:
    """An extension that others made."""
    body = {"properties": {"extensionType": "microsoft.flux", "configurationSettings": {"of-others": "kept"}}}
    assert case.arm("PUT", extension_id(case), body).status_code < 300
    deadline = time.monotonic() + _SECONDS
    while _state(case) != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_extension(case: Case, payload: Json, status: Json, *, harmless: bool) -> None:
    """What holds whatever happened to the run that was given `payload`."""
    operation = payload["operation"]
    assert status["state"] == "Succeeded" or not harmless, status["error"]
    exists = _state(case) is not None
    if status["state"] == "Succeeded":
        assert (status["changed"], status["leftovers"]) == (True, [])
        assert _state(case) == ("Succeeded" if operation == "applyExtension" else None)
        if operation == "applyExtension":
            settings = case.arm("GET", extension_id(case)).json()["properties"]["configurationSettings"]
            assert settings == {"of-others": "kept", **payload["request"]["extension"]["settings"]}
        return
    assert status["error"]["code"] in CATALOGUE
    assert status["error"]["phase"]
    if operation == "applyExtension":
        assert any(item["kind"] == "Extension" for item in status["leftovers"]) == status["changed"]
    else:
        assert exists or status["changed"]


def _state(case: Case) -> str | None:
    response = case.arm("GET", extension_id(case))
    return response.json()["properties"]["provisioningState"] if response.status_code == 200 else None
