"""The JSON form of a Flux configuration: what a PUT replaces, what a PATCH changes, what only the service writes."""

from typing import Any

from arcway_local.azure import flux_rules
from arcway_local.azure.flux_shapes import completed, hidden, merged, revealed
from arcway_local.azure.record import Writer, created, sign
from arcway_local.azure.refusals import Refusal

TYPE = "Microsoft.KubernetesConfiguration/fluxConfigurations"
_CREATE_ONLY = ("scope", "namespace")
_READ_ONLY: dict[str, Any] = {
    "statuses": [],
    "repositoryPublicKey": "",
    "sourceSyncedCommitId": "",
    "sourceUpdatedAt": None,
    "statusUpdatedAt": None,
    "complianceState": "Pending",
    "errorMessage": "",
}


def replaced(
    existing: dict[str, Any] | None, resource_id: str, body: dict[str, Any], writer: Writer
) -> tuple[dict[str, Any], dict[str, str]]:
    """The record that a PUT leaves, and its secrets. Raises `Refusal` 400."""
    properties = completed(body.get("properties") or {})
    flux_rules.check(resource_id.rpartition("/")[2], properties)
    if existing:
        _check_create_only(existing["properties"], properties)
    return _record(existing, resource_id, properties, writer)


def patched(
    existing: dict[str, Any], secrets: dict[str, str], body: dict[str, Any], writer: Writer
) -> tuple[dict[str, Any], dict[str, str]]:
    """The record that a PATCH leaves, and its secrets: what the body does not name stays. Raises `Refusal` 400."""
    previous, sent = existing["properties"], body.get("properties") or {}
    current = revealed(previous, secrets)
    if sent.get("sourceKind", current["sourceKind"]) != current["sourceKind"]:
        # Credentials of a source are of no use to one of another kind.
        current["configurationProtectedSettings"] = {}
    properties = completed(merged(current, sent))
    flux_rules.check(existing["name"], properties)
    _check_create_only(previous, properties)
    return _record(existing, existing["id"], properties, writer)


def _record(
    existing: dict[str, Any] | None, resource_id: str, properties: dict[str, Any], writer: Writer
) -> tuple[dict[str, Any], dict[str, str]]:
    visible, secrets = hidden(properties)
    previous = existing["properties"] if existing else _READ_ONLY
    record = {
        "id": resource_id,
        "name": resource_id.rpartition("/")[2],
        "type": TYPE,
        "systemData": existing["systemData"] if existing else created(writer),
        "properties": {**visible, **{name: previous[name] for name in _READ_ONLY}},
    }
    sign(record, writer)
    return record, secrets


def _check_create_only(previous: dict[str, Any], properties: dict[str, Any]) -> None:
    for name in _CREATE_ONLY:
        if properties[name] != previous[name]:
            message = f"The property '{name}' of a Flux configuration cannot be changed."
            raise Refusal(400, "InvalidRequest", message, by_service=True)
