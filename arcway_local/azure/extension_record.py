"""The JSON form of an extension: what a PUT replaces, what a PATCH changes, what only the service writes.

Protected settings are kept apart from the record: a GET shows their names with empty values.
"""

import re
import uuid
from typing import Any

from arcway_local.azure.extension_types import EXTENSION_TYPES
from arcway_local.azure.record import Writer, created, sign
from arcway_local.azure.refusals import Refusal

TYPE = "Microsoft.KubernetesConfiguration/extensions"
_NAME = re.compile(r"[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?")
_PATCHABLE = {"autoUpgradeMinorVersion", "autoUpgradeMode", "releaseTrain", "version"}
_READ_ONLY: dict[str, Any] = {
    "currentVersion": None,
    "statuses": [],
    "errorInfo": None,
    "isSystemExtension": False,
    "extensionState": None,
    "packageUri": None,
    "customLocationSettings": None,
    "aksAssignedIdentity": None,
    "managementDetails": None,
    "additionalDetails": {"docs": None, "releaseNotes": None, "troubleshootingGuide": None},
}


def replaced(
    existing: dict[str, Any] | None, resource_id: str, tenant: str, body: dict[str, Any], writer: Writer
) -> tuple[dict[str, Any], dict[str, str]]:
    """The record that a PUT leaves, and its protected settings. Raises `Refusal` 400."""
    name = resource_id.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise _invalid(f"The extension name '{name[:80]}' is invalid.", "InvalidResourceName")
    sent = body.get("properties") or {}
    if not sent.get("extensionType"):
        raise _invalid("The property 'extensionType' is required.")
    _check_upgrades(sent)
    settings, protected = _settings(sent, "configurationSettings"), _settings(sent, "configurationProtectedSettings")
    scope = _scope(sent)
    if existing and existing["properties"]["scope"] != scope:
        raise _invalid("The scope of an extension cannot be changed.")
    if existing and existing["properties"]["extensionType"] != str(sent["extensionType"]).lower():
        raise _invalid("The type of an extension cannot be changed.")
    properties = {
        **_READ_ONLY,
        "extensionType": str(sent["extensionType"]).lower(),
        "autoUpgradeMinorVersion": sent.get("autoUpgradeMinorVersion", True),
        "autoUpgradeMode": sent.get("autoUpgradeMode") or _mode(sent.get("autoUpgradeMinorVersion", True)),
        "releaseTrain": sent.get("releaseTrain") or "Stable",
        "version": sent.get("version"),
        "currentVersion": existing["properties"]["currentVersion"] if existing else None,
        "scope": scope,
        "configurationSettings": settings,
        "configurationProtectedSettings": dict.fromkeys(protected, ""),
    }
    record = {
        "id": resource_id,
        "name": name,
        "type": TYPE,
        "identity": _identity(existing, body, tenant),
        "plan": body.get("plan"),
        "systemData": existing["systemData"] if existing else created(writer),
        "properties": properties,
    }
    sign(record, writer)
    return record, protected


def patched(existing: dict[str, Any], body: dict[str, Any], writer: Writer) -> tuple[dict[str, Any], dict[str, str]]:
    """The record that a PATCH leaves: settings that are named replace others of their name.

    Protected settings are all replaced: those that the body leaves out are lost. Raises `Refusal` 400.
    """
    sent = body.get("properties") or {}
    settings, protected = _settings(sent, "configurationSettings"), _settings(sent, "configurationProtectedSettings")
    changed = {name: sent[name] for name in _PATCHABLE if name in sent}
    properties = {
        **existing["properties"],
        **changed,
        "configurationSettings": {**existing["properties"]["configurationSettings"], **settings},
        "configurationProtectedSettings": dict.fromkeys(protected, ""),
    }
    if "autoUpgradeMinorVersion" in changed and "autoUpgradeMode" not in changed:
        properties["autoUpgradeMode"] = _mode(changed["autoUpgradeMinorVersion"])
    _check_upgrades(properties)
    record = {**existing, "properties": properties}
    sign(record, writer)
    return record, protected


def _check_upgrades(properties: dict[str, Any]) -> None:
    if properties.get("version") and properties.get("autoUpgradeMinorVersion", True):
        raise _invalid("A version can be specified only when autoUpgradeMinorVersion is false.")


def _mode(automatic: Any) -> str:
    return "compatible" if automatic else "none"


def _settings(properties: dict[str, Any], name: str) -> dict[str, str]:
    settings = properties.get(name) or {}
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        raise _invalid(f"The property '{name}' must be a map of text to text.")
    return dict(settings)


def _scope(properties: dict[str, Any]) -> dict[str, Any]:
    """The scope as a GET shows it, with the type's own namespace if none was named."""
    scope = properties.get("scope") or {"cluster": {}}
    kinds = [name for name in ("cluster", "namespace") if scope.get(name) is not None]
    if len(kinds) != 1:
        raise _invalid("The scope must be either cluster or namespace.")
    known = EXTENSION_TYPES.get(str(properties["extensionType"]).lower())
    if kinds == ["namespace"]:
        if known and "namespace" not in known.scopes:
            raise _invalid(f"The extension type '{known.name}' does not support the scope 'namespace'.")
        if not (target := scope["namespace"].get("targetNamespace")):
            raise _invalid("The property 'targetNamespace' is required for the scope 'namespace'.")
        return {"namespace": {"targetNamespace": target}}
    default = known.default_namespace if known else str(properties["extensionType"]).lower().replace(".", "-")
    return {"cluster": {"releaseNamespace": scope["cluster"].get("releaseNamespace") or default}}


def _identity(existing: dict[str, Any] | None, body: dict[str, Any], tenant: str) -> dict[str, Any] | None:
    if (body.get("identity") or {}).get("type") != "SystemAssigned":
        return None
    if existing and existing["identity"]:
        identity: dict[str, Any] = existing["identity"]
        return identity
    return {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": tenant}


def _invalid(message: str, code: str = "InvalidRequest") -> Refusal:
    return Refusal(400, code, message, by_service=True)
