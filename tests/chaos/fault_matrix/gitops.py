"""Runs about a Flux configuration: what they are given, what they find before them, what holds after them."""

import time
import uuid

from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.chaos.fault_matrix import extensions
from tests.chaos.fault_matrix.world import Case

OPERATIONS = ("applyGitops", "deleteGitops")
_SECONDS = 30.0


def _configuration_id(case: Case) -> str:
    return f"{case.resource_id}/providers/Microsoft.KubernetesConfiguration/fluxConfigurations/config"


def of_configuration(case: Case, operation: str) -> Json:
    """What a run about the case's configuration is given otherwise than one that connects the cluster."""
    fields = ("subscriptionId", "resourceGroup", "name")
    body = {key: value for key, value in case.request("keep").items() if key in fields}
    body |= {"operation": operation, "configuration": {"name": "config"}}
    if operation == "applyGitops":
        body["configuration"] = {"name": "config", "kustomizations": {"apps": {"path": f"./{uuid.uuid4().hex}"}}}
        body["complianceTimeout"] = 60
    return {"runId": "ba9876543210", "operation": operation, "request": parse_request(body).as_json()}


def prepare(case: Case) -> None:
    """The extension, and a configuration that others made."""
    extensions.prepare(case)
    repository = {"url": "https://git.example/fleet", "repositoryRef": {"branch": "main"}}
    content = {"namespace": "fleet", "sourceKind": "GitRepository", "gitRepository": repository}
    body = {"properties": {**content, "kustomizations": {"of-others": {}}}}
    assert case.arm("PUT", _configuration_id(case), body, "2025-04-01").status_code < 300
    deadline = time.monotonic() + _SECONDS
    while (_properties(case) or {}).get("complianceState") != "Compliant":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_configuration(case: Case, payload: Json, status: Json, *, harmless: bool) -> None:
    """What holds whatever happened to the run that was given `payload`."""
    operation, properties = payload["operation"], _properties(case)
    assert status["state"] == "Succeeded" or not harmless, status["error"]
    if status["state"] == "Succeeded":
        assert (status["changed"], status["leftovers"]) == (True, [])
        assert (properties is not None) == (operation == "applyGitops")
        if properties is not None:
            paths = {name: item["path"] for name, item in properties["kustomizations"].items()}
            changed = payload["request"]["configuration"]["kustomizations"]["apps"]["path"]
            assert (properties["complianceState"], paths) == ("Compliant", {"of-others": "", "apps": changed})
        return
    assert status["error"]["code"] in CATALOGUE
    assert status["error"]["phase"]
    if operation == "applyGitops":
        is_left = any(item["kind"] == "FluxConfiguration" for item in status["leftovers"])
        assert is_left == status["changed"]
    else:
        assert properties is not None or status["changed"]


def _properties(case: Case) -> Json | None:
    response = case.arm("GET", _configuration_id(case), version="2025-04-01")
    properties: Json | None = response.json()["properties"] if response.status_code == 200 else None
    return properties
