"""Gets and lists: selectors, pages that stay consistent, and the forms objects are shown in."""

import base64
import json
from collections.abc import Mapping

from arcway_local.cluster.errors import ApiError, bad_request, expired, invalid
from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.requests import Form, flag, number
from arcway_local.cluster.selectors import Predicate, parse_field_selector, parse_label_selector
from arcway_local.cluster.store import HistoryGoneError, Store
from arcway_local.cluster.tables import table
from arcway_local.cluster.values import name_of, namespace_of
from arcway_local.json_documents import Json

_PARTIAL = "meta.k8s.io/v1"
_OLD_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)


def present(item: Json, kind: Kind, form: Form) -> Json:
    """The object in the requested version and form."""
    if form == "partial":
        return {"kind": "PartialObjectMetadata", "apiVersion": _PARTIAL, "metadata": item["metadata"]}
    if form.startswith("table"):
        version = item["metadata"].get("resourceVersion", "")
        return table([item], kind, form, {"resourceVersion": version})
    return item if item["apiVersion"] == kind.api_version else item | {"apiVersion": kind.api_version}


def selection(kind: Kind, query: Mapping[str, str], name: str = "") -> Predicate:
    """The predicate of labelSelector and fieldSelector. Raises ApiError 400."""
    by_label = parse_label_selector(query.get("labelSelector", ""))
    by_field = parse_field_selector(query.get("fieldSelector", ""), kind)
    return lambda item: by_label(item) and by_field(item) and (not name or name_of(item) == name)


def check_list_options(query: Mapping[str, str]) -> None:
    """Refuse combinations of resourceVersionMatch and sendInitialEvents as the API server does (422)."""
    match, watch = query.get("resourceVersionMatch", ""), flag(query, "watch")
    causes: list[tuple[str, str]] = []
    if match not in ("", "Exact", "NotOlderThan"):
        causes.append(
            ("resourceVersionMatch", f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""')
        )
    if "sendInitialEvents" in query:
        if not watch:
            causes.append(("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"))
        elif match != "NotOlderThan":
            causes.append(("resourceVersionMatch", "Forbidden: sendInitialEvents requires setting NotOlderThan"))
    elif watch and match:
        causes.append(
            ("resourceVersionMatch", "Forbidden: resourceVersionMatch is forbidden for watch without sendInitialEvents")
        )
    elif match and not query.get("resourceVersion"):
        causes.append(
            ("resourceVersionMatch", "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")
        )
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)


def list_objects(store: Store, kind: Kind, namespace: str, query: Mapping[str, str], form: Form) -> Json:
    """A list as the API returns it. Raises ApiError 400, 410, 422 or 504."""
    check_list_options(query)
    revision, start = _position(store, query)
    try:
        items = store.list_at(kind.key, namespace, revision)
    except HistoryGoneError as error:
        raise expired(_OLD_PAGE if query.get("continue") else f"too old resource version: {revision}") from error
    matches = selection(kind, query)
    items = [item for item in items if _place(item) > start and matches(item)]
    metadata: Json = {"resourceVersion": str(revision)}
    limit = number(query, "limit")
    if limit > 0 and len(items) > limit:
        metadata["continue"] = _token(revision, _place(items[limit - 1]))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    if form.startswith("table"):
        return table(items, kind, form, metadata)
    presented = [present(item, kind, form) for item in items]
    if form == "partial":
        return {"kind": "PartialObjectMetadataList", "apiVersion": _PARTIAL, "metadata": metadata, "items": presented}
    if not kind.custom:
        presented = [
            {key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in presented
        ]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": presented}


def _place(item: Json) -> str:
    return f"{namespace_of(item)}\0{name_of(item)}"


def _position(store: Store, query: Mapping[str, str]) -> tuple[int, str]:
    if token := query.get("continue"):
        try:
            position = json.loads(base64.urlsafe_b64decode(token))
            return int(position["rv"]), str(position["start"])
        except (ValueError, KeyError, TypeError) as error:
            raise bad_request("continue key is not valid") from error
    version = wanted_version(store, query)
    exact = query.get("resourceVersionMatch") == "Exact"
    return (version if exact else store.revision), ""


def wanted_version(store: Store, query: Mapping[str, str]) -> int:
    """The resourceVersion of a get or list, 0 when absent. Raises ApiError 400, 504 for one that is not reached yet."""
    version = number(query, "resourceVersion")
    if version > store.revision:
        message = f"Too large resource version: {version}, current: {store.revision}"
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        raise ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
    return version


def _token(revision: int, start: str) -> str:
    position = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start})
    return base64.urlsafe_b64encode(position.encode()).decode()
