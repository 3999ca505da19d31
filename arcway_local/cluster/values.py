"""The small vocabulary every part of the simulated cluster shares: JSON objects, their copies, time stamps and keys."""

import datetime
from typing import Any

from arcway_local.json_documents import Json

type ResourceKey = tuple[str, str]
"""API group and plural, for instance ("apps", "deployments")."""


def clone[T](value: T) -> T:
    """A deep copy of a JSON value (three times as fast as copy.deepcopy)."""
    return _clone(value)  # type: ignore[no-any-return]


def _clone(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clone(item) for item in value]
    return value


def without_nulls(value: Any) -> Any:
    """A copy without null members: decoding into typed objects makes null and absent the same."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def timestamp() -> str:
    """Now in the form of metav1.Time: UTC with seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def namespace_of(item: Json) -> str:
    """The object's namespace, empty for cluster-wide ones."""
    namespace: str = item["metadata"].get("namespace", "")
    return namespace


def name_of(item: Json) -> str:
    """The object's name."""
    name: str = item["metadata"]["name"]
    return name


def find_condition(item: Json, type_: str) -> Json | None:
    """The status condition of that type, or None."""
    conditions: list[Json] = item.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == type_), None)


def set_condition(conditions: list[Json], type_: str, status: str, reason: str, message: str = "") -> None:
    """Set a condition in the list; its transition time moves only when its status changes."""
    current = next((condition for condition in conditions if condition["type"] == type_), None)
    if current is None:
        current = {"type": type_}
        conditions.append(current)
    if current.get("status") != status:
        current["lastTransitionTime"] = timestamp()
    current.update(status=status, reason=reason, message=message)


def controller_of(item: Json) -> Json | None:
    """The owner reference of the managing controller, or None."""
    owners: list[Json] = item["metadata"].get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("controller")), None)
