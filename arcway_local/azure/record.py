"""The JSON form of a connected cluster: what a PUT replaces, what a PATCH changes, what only the service writes.

A PUT replaces: what its body leaves out is gone, or is the service's default again. What only the service writes stays.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from arcway_local.azure.cluster_features import check_features
from arcway_local.azure.keys import load_pkcs1
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import now

TYPE = "Microsoft.Kubernetes/connectedClusters"
_READ_ONLY = {
    "provisioningState",
    "connectivityStatus",
    "kubernetesVersion",
    "totalNodeCount",
    "totalCoreCount",
    "agentVersion",
    "lastConnectivityTime",
    "managedIdentityCertificateExpirationTime",
    "offering",
    "miscellaneousProperties",
}
# What the service writes inside an object that clients write, too.
_READ_ONLY_INSIDE = {"arcAgentProfile": ("agentState", "agentErrors"), "oidcIssuerProfile": ("issuerUrl",)}
_DEFAULTS = {"privateLinkState": "Disabled", "azureHybridBenefit": "NotApplicable"}
_PATCHABLE = {"distribution", "distributionVersion", "azureHybridBenefit", "gateway"}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changes a resource, as `systemData` names it."""

    name: str
    kind: str


# The Arc service itself, which writes what the agents report.
SERVICE = Writer("64b12d6e-6549-484c-8cc6-6281839ba394", "Application")


def new_record(resource_id: str, name: str, location: str, tenant: str, writer: Writer) -> dict[str, Any]:
    """A connected cluster that has been asked for and is not provisioned."""
    return {
        "id": resource_id,
        "name": name,
        "type": TYPE.lower(),
        "location": location,
        "identity": {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": tenant},
        "systemData": created(writer),
        "properties": {"connectivityStatus": "Connecting"},
    }


def replace(record: dict[str, Any], body: dict[str, Any], writer: Writer) -> None:
    """Replace what clients wrote before by `body`, which `checked_properties` must have accepted."""
    properties, previous = checked_properties(body), record["properties"]
    if previous.get("agentPublicKeyCertificate") != properties["agentPublicKeyCertificate"]:
        previous["connectivityStatus"] = "Connecting"
    read_only = {name: value for name, value in previous.items() if name in _READ_ONLY}
    for name, inside in _READ_ONLY_INSIDE.items():
        written = {key: value for key, value in (properties.get(name) or {}).items() if key not in inside}
        own = {key: previous[name][key] for key in inside if key in (previous.get(name) or {})}
        if written or own:
            properties[name] = {**written, **own}
    record["properties"] = {**_DEFAULTS, **properties, **read_only, "provisioningState": "Accepted"}
    record["tags"] = body.get("tags") or {}
    record.pop("kind", None)
    if body.get("kind"):
        record["kind"] = body["kind"]
    sign(record, writer)


def patch(record: dict[str, Any], body: dict[str, Any], writer: Writer) -> None:
    """Change tags and the few properties that may change without a PUT."""
    if "tags" in body:
        record["tags"] = body["tags"] or {}
    changed = {name: value for name, value in (body.get("properties") or {}).items() if name in _PATCHABLE}
    record["properties"].update(changed)
    sign(record, writer)


def created(writer: Writer) -> dict[str, Any]:
    """The `systemData` of a new resource."""
    return {"createdBy": writer.name, "createdByType": writer.kind, "createdAt": now()}


def sign(record: dict[str, Any], writer: Writer) -> None:
    """Set the last writer and the time in `systemData`."""
    record["systemData"].update(lastModifiedBy=writer.name, lastModifiedByType=writer.kind, lastModifiedAt=now())


def checked_properties(body: dict[str, Any]) -> dict[str, Any]:
    """The properties of a PUT that a client may write. Raises `Refusal` 400 for an invalid key or identity."""
    properties = {
        name: _readable(name, value)
        for name, value in (body.get("properties") or {}).items()
        if name not in _READ_ONLY and value is not None
    }
    try:
        load_pkcs1(str(properties.get("agentPublicKeyCertificate", "")))
    except ValueError as error:
        raise Refusal(
            400, "InvalidAgentPublicKeyCertificate", f"agentPublicKeyCertificate is {error}.", by_service=True
        ) from error
    if (body.get("identity") or {}).get("type") != "SystemAssigned":
        raise Refusal(400, "InvalidIdentity", "identity.type must be SystemAssigned.", by_service=True)
    check_features(properties)
    return properties


def _readable(name: str, value: Any) -> Any:
    """A property as a GET shows it: protected settings are taken and never shown."""
    if name != "arcAgentryConfigurations" or not isinstance(value, list):
        return value
    return [{k: v for k, v in item.items() if k != "protectedSettings"} for item in value if isinstance(item, dict)]
