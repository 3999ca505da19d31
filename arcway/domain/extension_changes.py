"""What a request changes in an extension, and what the body of the change is.

Azure's rules (https://learn.microsoft.com/rest/api/kubernetesconfiguration/extensions): type and scope stay as they
were created, a version needs automatic upgrades to be off, and of protected settings a change keeps those alone that it
sends.
"""

from collections.abc import Mapping
from datetime import datetime

from arcway.domain.codes import Code
from arcway.domain.extension_request import Extension
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.managed_states import ended_badly
from arcway.domain.protected_settings import protected_changes, protected_names
from arcway.domain.text import listed

_NAMED = 20


def changes_of(extension: Extension, resource: Json | None, written: Mapping[str, datetime | None]) -> list[str]:
    """The names of what differs from the request, sorted; `extension` alone if there is none yet.

    `written` is when the secret of each protected setting was last changed. Azure does not return protected settings,
    so one counts as different if its secret is newer than the last change of the extension. An extension that failed is
    applied again.
    """
    if resource is None:
        return ["extension"]
    properties = resource["properties"]
    names = [name for name, value in _compared(extension).items() if not _is_same(name, value, properties)]
    current = properties.get("configurationSettings") or {}
    names += [f"settings.{name}" for name, value in extension.settings.items() if current.get(name) != value]
    named, drop = extension.protected_settings.keys(), extension.drop_protected_settings
    protected = protected_changes(named, protected_names(resource), resource, written, drop=drop)
    names += [f"protectedSettings.{name}" for name in protected]
    if ended_badly(resource):
        names.append("provisioningState")
    return sorted(names)


def conflicts(extension: Extension, resource: Json | None, others: list[Json]) -> list[Json]:
    """Findings about what Azure would not do: `others` are the other extensions of the connected cluster."""
    if resource is None:
        return _conflicts_of_new(extension, others)
    properties, fixed = resource["properties"], list[str]()
    if extension.type is not None and extension.type != str(properties.get("extensionType")).lower():
        fixed.append(f"type {properties.get('extensionType')}")
    fixed += _scope_conflict(extension, properties.get("scope") or {})
    identity = (resource.get("identity") or {}).get("type") or "None"
    if extension.identity is not None and extension.identity.lower() != str(identity).lower():
        fixed.append(f"identity {identity}")
    if not fixed:
        return []
    message = f"Extension {extension.name} has {', '.join(fixed)}, which cannot be changed."
    return [finding(Code.EXTENSION_CHANGE_NOT_POSSIBLE, message)]


def lost_settings(extension: Extension, resource: Json | None) -> list[Json]:
    """The finding that a change would drop protected settings; none where the request allows it."""
    if resource is None or extension.drop_protected_settings:
        return []
    lost = sorted(protected_names(resource) - extension.protected_settings.keys())
    if not lost:
        return []
    message = f"Extension {extension.name} has protected settings that the request does not name: "
    return [finding(Code.PROTECTED_SETTINGS_NOT_NAMED, f"{message}{listed(lost, _NAMED)}.")]


def new_body(extension: Extension, protected: Mapping[str, str]) -> Json:
    """The body that creates the extension, as `az k8s-extension create` sends it."""
    mode = extension.auto_upgrade or ("none" if extension.version else "compatible")
    properties: Json = {
        "extensionType": extension.type,
        "autoUpgradeMinorVersion": mode != "none",
        "autoUpgradeMode": mode,
        "releaseTrain": extension.release_train or "stable",
        "scope": _scope(extension),
        "configurationSettings": extension.settings,
        "configurationProtectedSettings": {**protected},
    }
    if extension.version:
        properties["version"] = extension.version
    body: Json = {"properties": properties}
    if extension.identity != "None":
        body["identity"] = {"type": "SystemAssigned"}
    if extension.plan:
        body["plan"] = extension.plan.as_json()
    return body


def changing_body(extension: Extension, protected: Mapping[str, str], changes: list[str]) -> Json:
    """The body that changes the extension; what it does not name stays, but for protected settings."""
    properties: Json = {}
    if "releaseTrain" in changes:
        properties["releaseTrain"] = extension.release_train
    if "version" in changes or "autoUpgradeMode" in changes:
        mode = extension.auto_upgrade or "none"
        properties |= {"autoUpgradeMinorVersion": mode != "none", "autoUpgradeMode": mode}
        properties["version"] = extension.version if mode == "none" else None
        if properties["version"] is None and mode == "none":
            del properties["version"]
    settings = {name: value for name, value in extension.settings.items() if f"settings.{name}" in changes}
    if settings:
        properties["configurationSettings"] = settings
    if protected or extension.drop_protected_settings:
        properties["configurationProtectedSettings"] = {**protected}
    return {"properties": properties}


def _compared(extension: Extension) -> Json:
    mode = extension.auto_upgrade or ("none" if extension.version else None)
    values = {"releaseTrain": extension.release_train, "version": extension.version, "autoUpgradeMode": mode}
    return {name: value for name, value in values.items() if value is not None}


def _is_same(name: str, value: str, properties: Json) -> bool:
    if name == "version":
        # What is installed counts, too: Azure fills `version` only where it was asked for.
        return value in (properties.get("version"), properties.get("currentVersion"))
    current = properties.get(name)
    if name == "autoUpgradeMode" and current is None:
        is_on = properties.get("autoUpgradeMinorVersion", True)
        return (value != "none") == bool(is_on)
    return value.lower() == str(current).lower()


def _conflicts_of_new(extension: Extension, others: list[Json]) -> list[Json]:
    if extension.type is None:
        message = f"The connected cluster has no extension {extension.name}: set its type to create it."
        return [finding(Code.EXTENSION_NOT_FOUND, message)]
    if extension.scope == "namespace":
        if extension.target_namespace is None:
            message = f"Extension {extension.name} has scope namespace: set its targetNamespace to create it."
            return [finding(Code.EXTENSION_CHANGE_NOT_POSSIBLE, message)]
        return []
    for other in others:
        properties = other["properties"]
        if str(properties.get("extensionType")).lower() == extension.type and "namespace" not in _kinds(properties):
            message = f"Extension {other['name']} of the connected cluster has type {extension.type}."
            return [finding(Code.EXTENSION_TYPE_INSTALLED, message)]
    return []


def _kinds(properties: Json) -> list[str]:
    return [name for name, value in (properties.get("scope") or {}).items() if value is not None]


def _scope(extension: Extension) -> Json:
    if extension.scope == "namespace":
        return {"namespace": {"targetNamespace": extension.target_namespace}}
    namespace = extension.release_namespace
    return {"cluster": {"releaseNamespace": namespace} if namespace else {}}


def _scope_conflict(extension: Extension, scope: Json) -> list[str]:
    kind = "namespace" if scope.get("namespace") else "cluster"
    place = scope.get(kind) or {}
    namespace = place.get("targetNamespace" if kind == "namespace" else "releaseNamespace")
    wanted = extension.target_namespace or extension.release_namespace
    if extension.scope not in (None, kind):
        return [f"scope {kind}"]
    return [f"namespace {namespace}"] if wanted is not None and wanted != namespace else []
