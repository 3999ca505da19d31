"""Runs that change a connected cluster: what they are given, what they find before them, what holds after them."""

import base64
import gzip
import json

from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.request import parse_request
from tests.chaos.fault_matrix.world import Case

_GATEWAYS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways"
OLD, CURRENT = "1.13.4", "1.36.2"


def agents_before(operation: str) -> Json:
    """Which agents a cluster has before the change: an upgrade finds old ones that it may upgrade."""
    return {"version": OLD, "autoUpgrade": False} if operation == "upgrade" else {}


def changing(case: Case, operation: str, *, features: bool = False) -> Json:
    """What a run that changes the case's cluster is given otherwise than one that connects it."""
    fields = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
    body = {key: value for key, value in case.request("keep").items() if key in fields}
    body["operation"] = operation
    if operation == "update":
        resource = case.resource()
        assert resource
        count = int((resource["tags"] or {}).get("changes", "0"))
        body |= {"tags": {"changes": str(count + 1)}, "autoUpgrade": not _upgrades_itself(resource)}
        if features:
            body["features"] = {"gateway": {"resourceId": f"{_GATEWAYS}/{count}"}, "oidcIssuer": {"enabled": True}}
    if operation == "upgrade":
        body["failFast"] = True
    return {"runId": "ba9876543210", "operation": operation, "request": parse_request(body).as_json()}


def break_new_agents(case: Case) -> None:
    """From now on the image of one agent cannot be pulled; those that run continue to run."""
    case.control_cluster("PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]})


def check_change(case: Case, payload: Json, status: Json, *, broken: bool, harmless: bool, key: str) -> None:
    """What holds whatever happened to a run that was `given` this; `key` is the public key in the cluster."""
    operation, requests, resource = payload["operation"], payload["request"], case.resource()
    assert resource
    assert resource["properties"]["agentPublicKeyCertificate"] == key
    assert status["state"] == "Succeeded" or broken or not harmless, status["error"]
    if status["state"] == "Succeeded":
        assert status["changed"]
        assert status["leftovers"] == []
        assert resource["properties"]["agentVersion"] == CURRENT
        if operation == "update":
            assert (resource["tags"], _upgrades_itself(resource)) == (requests["tags"], requests["autoUpgrade"])
            assert _revision(_latest(case)) == 1 + int(requests["tags"]["changes"])
            if gateway := ((requests["features"] or {}).get("gateway") or {}).get("resourceId"):
                assert (resource["properties"]["gateway"]["enabled"], case.gateway()) == (True, gateway)
                assert resource["properties"]["oidcIssuerProfile"]["issuerUrl"]
        else:
            assert _revision(_latest(case)) == 2
        return
    assert status["error"]["code"] in CATALOGUE
    if operation == "upgrade":
        version = deployed_version(case)
        leftovers, restored = status["leftovers"], leftover("Agents", OLD, reason="Restored")
        assert restored in leftovers or any(item["code"] for item in leftovers) or not status["changed"], leftovers
        assert version == OLD or any(item["kind"] == "AgentUpgrade" for item in leftovers)
        if broken and harmless:
            assert (leftovers, version) == ([restored], OLD)


def _upgrades_itself(resource: Json) -> bool:
    enabled: bool = resource["properties"]["arcAgentProfile"]["agentAutoUpgrade"] == "Enabled"
    return enabled


def deployed_version(case: Case) -> str:
    """The version of the chart in the release's latest record."""
    document = base64.b64decode(base64.b64decode(_latest(case)["data"]["release"]))
    version: str = json.loads(gzip.decompress(document))["chart"]["metadata"]["version"]
    return version


def _latest(case: Case) -> Json:
    items = case.get("/api/v1/namespaces/azure-arc-release/secrets")["items"]
    return max((item for item in items if item["type"] == "helm.sh/release.v1"), key=_revision)


def _revision(record: Json) -> int:
    return int(record["metadata"]["labels"]["version"])
