"""How lists and maps of Kubernetes objects merge: which are keyed, which are sets, which are atomic.

The facts are the `x-kubernetes-list-type`, `-list-map-keys` and `-map-type` marks of the published OpenAPI, by field
name.
"""

import json
from typing import Any

from arcway_local.json_documents import Json

ATOMIC_MAPS = frozenset({"selector", "nodeSelector", "labelSelector", "podSelector", "namespaceSelector"})
SETS = frozenset({"finalizers"})
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_PATCH_KEYS = {name: keys[0] for name, keys in _LIST_KEYS.items()} | {
    "secrets": "name",
    "addresses": "type",
    "taints": "key",
}


def list_keys(name: str, items: list[Any]) -> tuple[str, ...] | None:
    """The keys that identify the elements of an associative list for server-side apply; None for an atomic one."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    if name == "ports":
        if all("containerPort" in item for item in items):
            return "containerPort", "protocol"
        return ("port", "protocol") if all("port" in item for item in items) else None
    keys = _LIST_KEYS.get(name)
    return keys if keys and all(keys[0] in item for item in items) else None


def element_key(item: Json, keys: tuple[str, ...]) -> str:
    """The element's key in the spelling of fieldsV1, without its `k:`."""
    values = {key: item.get(key, "TCP") if key == "protocol" else item.get(key) for key in sorted(keys)}
    return json.dumps(values, separators=(",", ":"))


def patch_key(name: str, items: list[Any]) -> str | None:
    """The merge key of a strategic merge patch; None for a list that a patch replaces."""
    if name == "ports":
        return "containerPort" if any("containerPort" in item for item in items if isinstance(item, dict)) else "port"
    return _PATCH_KEYS.get(name)
