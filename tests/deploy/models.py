"""What Azure knows of each resource that the templates make: property names and kinds, from the models of azure-mgmt.

The packages hold the newest version of each type only, which may know more than an older version does. The versions
that the templates may use are listed here, as published with the types of the Bicep compiler in August 2026.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from tests.deploy.bicep import Alternatives, Declaration, Expression, Text

# By type: the versions, and the model's module and name.
TYPES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "Microsoft.Resources/resourceGroups": (("2025-04-01",), "resource.resources", "ResourceGroup"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": (("2024-11-30",), "msi.v2024_11_30", "Identity"),
    "Microsoft.Storage/storageAccounts": (("2025-08-01",), "storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": (("2025-08-01",), "storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": (("2025-08-01",), "storage", "BlobContainer"),
    "Microsoft.Web/serverfarms": (("2025-03-01",), "web", "AppServicePlan"),
    "Microsoft.Web/sites": (("2025-03-01",), "web", "Site"),
    "Microsoft.Web/sites/config": (("2025-03-01",), "web", "StringDictionary"),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": (
        ("2025-03-01",),
        "web",
        "CsmPublishingCredentialsPoliciesEntity",
    ),
    "Microsoft.DurableTask/schedulers": (("2026-02-01",), "durabletask", "Scheduler"),
    "Microsoft.DurableTask/schedulers/taskHubs": (("2026-02-01",), "durabletask", "TaskHub"),
    "Microsoft.DurableTask/schedulers/retentionPolicies": (("2026-02-01",), "durabletask", "RetentionPolicy"),
    "Microsoft.ServiceBus/namespaces": (("2024-01-01",), "servicebus", "SBNamespace"),
    "Microsoft.ServiceBus/namespaces/queues": (("2024-01-01",), "servicebus", "SBQueue"),
    "Microsoft.ServiceBus/namespaces/topics": (("2024-01-01",), "servicebus", "SBTopic"),
    "Microsoft.ServiceBus/namespaces/topics/subscriptions": (("2024-01-01",), "servicebus", "SBSubscription"),
    "Microsoft.KeyVault/vaults": (("2026-02-01",), "keyvault", "VaultCreateOrUpdateParameters"),
    "Microsoft.OperationalInsights/workspaces": (("2025-07-01",), "loganalytics", "Workspace"),
    "Microsoft.Insights/components": (
        ("2020-02-02",),
        "applicationinsights.v2020_02_02",
        "ApplicationInsightsComponent",
    ),
    "Microsoft.Insights/webtests": (("2022-06-15",), "applicationinsights.v2022_06_15", "WebTest"),
    "Microsoft.Insights/workbooks": (("2023-06-01",), "applicationinsights.v2023_06_01", "Workbook"),
    "Microsoft.Insights/scheduledQueryRules": (("2026-03-01",), "monitor", "ScheduledQueryRuleResource"),
    "Microsoft.Insights/metricAlerts": (("2026-01-01",), "monitor", "MetricAlertResource"),
    "Microsoft.Insights/actionGroups": (("2023-01-01",), "monitor", "ActionGroupResource"),
    "Microsoft.Authorization/roleAssignments": (
        ("2022-04-01",),
        "authorization.v2022_04_01",
        "RoleAssignmentCreateParameters",
    ),
    "Microsoft.Authorization/roleDefinitions": (("2022-04-01",), "authorization.v2022_04_01", "RoleDefinition"),
    "Microsoft.Network/virtualNetworks": (("2025-09-01",), "network", "VirtualNetwork"),
    "Microsoft.Network/virtualNetworks/subnets": (("2025-09-01",), "network", "Subnet"),
    "Microsoft.Network/natGateways": (("2025-09-01",), "network", "NatGateway"),
    "Microsoft.Network/publicIPAddresses": (("2025-09-01",), "network", "PublicIPAddress"),
    "Microsoft.Network/privateEndpoints": (("2025-09-01",), "network", "PrivateEndpoint"),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": (("2025-09-01",), "network", "PrivateDnsZoneGroup"),
    "Microsoft.Network/privateDnsZones": (("2024-06-01",), "privatedns", "PrivateZone"),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": (("2024-06-01",), "privatedns", "VirtualNetworkLink"),
}
# azure-mgmt-monitor has this type no longer; its names are of the documentation of the version.
_BY_HAND = {
    "Microsoft.Insights/diagnosticSettings@2021-05-01-preview": {
        "properties": {"workspaceId": "str", "logs": [{"categoryGroup": "str", "enabled": "bool"}]}
    }
}
_OF_BICEP = frozenset({"name", "parent", "scope", "dependsOn"})
# Of a request to Resource Manager, whatever the type: models of children leave out what they cannot change.
_OF_EVERY_RESOURCE = frozenset({"location", "tags", "kind"})
_KINDS = {"str": str, "int": int, "bool": bool, "float": int}


def problems(resource: Declaration) -> list[str]:
    """What the models do not know of a resource, or know to be of another kind."""
    if resource.is_existing:
        return []
    kind, version = resource.resource_type
    if resource.head in _BY_HAND:
        return [*_by_hand(resource.value, _BY_HAND[resource.head], kind)]
    if kind not in TYPES:
        return [f"{kind} is not a known type"]
    versions, module, name = TYPES[kind]
    if version not in versions:
        return [f"{kind} has no version {version}"]
    model = getattr(importlib.import_module(f"azure.mgmt.{module}.models"), name)
    own = {key: value for key, value in resource.value.items() if key not in _OF_BICEP}
    known = _fields(model)
    body = {key: value for key, value in own.items() if key not in _OF_EVERY_RESOURCE or key in known}
    return [*_check(body, model, kind)]


def _check(value: Any, model: Any, path: str) -> Iterator[str]:
    if isinstance(value, Alternatives):
        for alternative in value.values:
            yield from _check(alternative, model, path)
    elif isinstance(value, list):
        for item in value:
            yield from _check(item, model, path)
    elif isinstance(value, dict):
        fields = _fields(_of_kind(model, value))
        for name, part in value.items():
            if name not in fields:
                yield f"{path} has no property {name}"
            else:
                yield from _check_field(part, fields[name], f"{path}.{name}")


def _of_kind(model: Any, value: dict[str, Any]) -> Any:
    """The model among those of a family that a property of the value names."""
    family = {**getattr(model, "__mapping__", {})}
    for names in getattr(model, "_subtype_map", {}).values():
        module = importlib.import_module(model.__module__.rpartition(".models")[0] + ".models")
        family |= {kind: getattr(module, name) for kind, name in names.items()}
    named = [family[part] for part in value.values() if isinstance(part, str) and part in family]
    return named[0] if named else model


def _check_field(value: Any, kind: Any, path: str) -> Iterator[str]:
    if isinstance(value, Expression) or value is None or kind is None:
        return
    if isinstance(value, Alternatives):
        for alternative in value.values:
            yield from _check_field(alternative, kind, path)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{path} must be an array"
        else:
            for item in value:
                yield from _check_field(item, kind[0], path)
    elif isinstance(kind, str):
        expected = _KINDS[kind]
        is_right = type(value) is expected or (expected is str and isinstance(value, Text))
        if not is_right:
            yield f"{path} must be {kind}"
    elif isinstance(value, dict):
        yield from _check(value, kind, path)
    else:
        yield f"{path} must be an object"


def _fields(model: Any) -> dict[str, Any]:
    """The wire names of a model's properties, each with its kind: a name, a model, a list of one, or None for any."""
    if flat := getattr(model, "_flat", None):
        return dict(flat)
    if hasattr(model, "_attribute_map"):
        return _of_older_library(model)
    fields: dict[str, Any] = {}
    for cls in model.__mro__:
        package, _, rest = cls.__module__.partition(".models")
        module = importlib.import_module(f"{package}.models") if rest else None
        for attribute, annotation in vars(cls).get("__annotations__", {}).items():
            field = vars(cls).get(attribute)
            if module and type(field).__name__ == "_RestField":
                wire = getattr(field, "_rest_name_input", None) or attribute
                fields.setdefault(wire, _kind(str(annotation), module))
    return fields


def _kind(annotation: str, module: Any) -> Any:
    if "dict[" in annotation:
        return None
    named = re.search(r"_models\.(\w+)", annotation)
    kind: Any
    if named:
        model = getattr(module, named[1])
        kind = "str" if isinstance(model, type) and issubclass(model, Enum) else model
    else:
        plain = re.search(r"\b(str|int|bool|float)\b", annotation)
        kind = plain[1] if plain else None
    return [kind] if "list[" in annotation.lower() else kind


def _of_older_library(model: Any) -> dict[str, Any]:
    """Such a library names flattened properties with dots: `properties.roleName`."""
    fields: dict[str, Any] = {}
    module = importlib.import_module(model.__module__.rpartition(".models")[0] + ".models")
    nested: dict[str, Any] = {}
    for part in model._attribute_map.values():
        path = [name.replace("\\.", ".") for name in re.split(r"(?<!\\)\.", part["key"])]
        kind = _older_kind(part["type"], module)
        if len(path) == 1:
            fields[path[0]] = kind
        else:
            nested.setdefault(path[0], {})[path[1]] = kind
    for name, parts in nested.items():
        fields[name] = _flattened(parts)
    return fields


def _flattened(parts: dict[str, Any]) -> Any:
    return type("Flattened", (), {"_flat": parts})


def _older_kind(kind: str, module: Any) -> Any:
    if kind.startswith("["):
        return [_older_kind(kind[1:-1], module)]
    if kind in _KINDS:
        return kind
    model = getattr(module, kind, None)
    if model is None or kind.startswith("{"):
        return None
    return "str" if issubclass(model, Enum) else model


def _by_hand(value: Any, shape: Any, path: str) -> Iterator[str]:
    for name, part in value.items():
        if name in _OF_BICEP and "properties" in shape:
            continue
        if name not in shape:
            yield f"{path} has no property {name}"
        elif isinstance(shape[name], list):
            for item in part:
                yield from _by_hand(item, shape[name][0], f"{path}.{name}")
        elif isinstance(shape[name], dict):
            yield from _by_hand(part, shape[name], f"{path}.{name}")
