"""Server-side apply: who owns which field, conflicts between owners, and the merge of an applied configuration.

Works on path sets as `managedFields` records them (structured-merge-diff's fieldsV1). Lists with a key merge by
element, sets by value, everything else is atomic.
"""

import json
from typing import Any

from arcway_local.cluster.errors import ApiError
from arcway_local.cluster.structure import ATOMIC_MAPS, SETS, element_key, list_keys
from arcway_local.cluster.values import clone, timestamp
from arcway_local.json_documents import Json

type Path = tuple[str, ...]
type Leaves = dict[Path, Any]

_MEMBER = "\0member"
_UNOWNED_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
     "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"}
)  # fmt: skip


def leaves(item: Json, *, custom: bool) -> Leaves:
    """Every field that can be owned, with its value."""
    result: Leaves = {}
    for key, value in item.items():
        if key == "metadata":
            owned = {name: part for name, part in value.items() if name not in _UNOWNED_METADATA}
            for name, part in owned.items():
                _collect(part, name, ("f:metadata", f"f:{name}"), result, custom=custom)
        elif key not in ("apiVersion", "kind"):
            _collect(value, key, (f"f:{key}",), result, custom=custom)
    return result


def _collect(value: Any, name: str, path: Path, result: Leaves, *, custom: bool) -> None:
    associative = not custom or path[0] == "f:metadata"
    if isinstance(value, dict) and value and not (associative and name in ATOMIC_MAPS):
        for key, part in value.items():
            _collect(part, key, (*path, f"f:{key}"), result, custom=custom)
    elif isinstance(value, list) and associative and (keys := list_keys(name, value)):
        for part in value:
            element = (*path, f"k:{element_key(part, keys)}")
            result[element] = _MEMBER
            for key, inner in part.items():
                _collect(inner, key, (*element, f"f:{key}"), result, custom=custom)
    elif isinstance(value, list) and value and associative and name in SETS:
        for part in value:
            result[*path, f"v:{json.dumps(part)}"] = part
    else:
        result[path] = value


def encode(paths: set[Path]) -> Json:
    """The fieldsV1 form of a path set."""
    root: Json = {}
    for path in sorted(paths, key=len):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    for path in paths:
        node = root
        for step in path:
            node = node[step]
        if node:
            node["."] = {}
    return root


def decode(fields: Json) -> set[Path]:
    """The path set of a fieldsV1."""
    result: set[Path] = set()

    def walk(node: Json, path: Path) -> None:
        if path and (not node or "." in node):
            result.add(path)
        for step, inner in node.items():
            if step != ".":
                walk(inner, (*path, step))

    walk(fields, ())
    return result


def render(path: Path) -> str:
    """A path as messages show it: `.spec.template.spec.containers[name="app"].image`."""
    parts: list[str] = []
    for step in path:
        if step.startswith("k:"):
            inner = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(step[2:]).items())
            parts.append(f"[{inner}]")
        else:
            parts.append(f"[={step[2:]}]" if step.startswith("v:") else f".{step[2:]}")
    return "".join(parts)


def _describe(entry: Json) -> str:
    description = json.dumps(entry["manager"])
    if subresource := entry.get("subresource"):
        description += f' with subresource "{subresource}"'
    if entry["operation"] == "Update":
        description += f" using {entry['apiVersion']} at {entry['time']}"
    return description


def _entry(manager: str, operation: str, subresource: str, api_version: str, paths: set[Path]) -> Json:
    entry: Json = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": timestamp()}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": encode(paths)}
    return entry | {"subresource": subresource} if subresource else entry


def _is(entry: Json, manager: str, operation: str, subresource: str) -> bool:
    identity = entry["manager"], entry["operation"], entry.get("subresource", "")
    return identity == (manager, operation, subresource)


def apply(live: Json, applied: Json, manager: str, *, subresource: str, force: bool, custom: bool) -> Json:
    """Merge an applied configuration into the live object and return the result with its managedFields.

    Raises ApiError 409 with one cause per field that another manager owns with another value, unless force.
    """
    applied_leaves = leaves(applied, custom=custom)
    current = leaves(live, custom=custom)
    mine: set[Path] = set()
    other_managers: list[tuple[Json, set[Path]]] = []
    for entry in live["metadata"].get("managedFields", []):
        if _is(entry, manager, "Apply", subresource):
            mine = decode(entry["fieldsV1"])
        else:
            other_managers.append((entry, decode(entry["fieldsV1"])))
    changed = {path for path, value in applied_leaves.items() if current.get(path, _MEMBER) != value}
    conflicts = [(entry, path) for entry, paths in other_managers for path in sorted(paths & changed)]
    if conflicts and not force:
        raise _conflict(conflicts)
    result: Json = _merge(live, applied, "", builtin=not custom)
    owned = set(applied_leaves).union(*(paths for _, paths in other_managers))
    # Shortest first: an element goes as a whole, before its key field could.
    for path in sorted(mine - owned, key=len):
        _remove(result, path)
    entries = [
        entry if not paths & changed else entry | {"fieldsV1": encode(paths - changed)}
        for entry, paths in other_managers
        if paths - changed
    ]
    own = _entry(manager, "Apply", subresource, applied["apiVersion"], set(applied_leaves))
    previous = next(
        (e for e in live["metadata"].get("managedFields", []) if _is(e, manager, "Apply", subresource)), None
    )
    if previous is not None and previous["fieldsV1"] == own["fieldsV1"]:
        own = previous
    # Who applies nothing owns nothing, and is forgotten.
    result["metadata"]["managedFields"] = [*entries, own] if applied_leaves else entries
    return result


def track_update(old: Json | None, new: Json, manager: str, *, subresource: str, custom: bool) -> list[Json]:
    """The managedFields after a create, update or patch: its manager owns what it changed, others lose that."""
    new_leaves = leaves(new, custom=custom)
    old_leaves = leaves(old, custom=custom) if old else {}
    changed = {path for path, value in new_leaves.items() if path not in old_leaves or old_leaves[path] != value}
    mine, previous = set(changed), None
    entries: list[Json] = []
    for entry in old["metadata"].get("managedFields", []) if old else []:
        paths = decode(entry["fieldsV1"])
        if _is(entry, manager, "Update", subresource):
            previous = entry
            mine |= paths & new_leaves.keys()
            continue
        remaining = {path for path in paths - changed if path in new_leaves or _is_container(path, new_leaves)}
        if remaining:
            entries.append(entry if remaining == paths else entry | {"fieldsV1": encode(remaining)})
    if mine:
        own = _entry(manager, "Update", subresource, new["apiVersion"], mine)
        entries.append(previous if previous and not changed and previous["fieldsV1"] == own["fieldsV1"] else own)
    return entries


def _is_container(path: Path, new_leaves: Leaves) -> bool:
    """Whether a path that was an empty map or list is now the parent of fields, and so still owned."""
    return path not in new_leaves and any(leaf[: len(path)] == path for leaf in new_leaves)


def _conflict(conflicts: list[tuple[Json, Path]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {_describe(entry)}", "field": render(path)}
        for entry, path in conflicts
    ]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines: dict[str, list[str]] = {}
        for entry, path in conflicts:
            lines.setdefault(_describe(entry), []).append(f"- {render(path)}")
        summary = "\n".join(f"conflicts with {who}:\n" + "\n".join(fields) for who, fields in sorted(lines.items()))
        message = f"Apply failed with {len(causes)} conflicts: {summary}"
    return ApiError(409, "Conflict", message, {"causes": causes})


def _merge(live: Any, applied: Any, name: str, *, builtin: bool) -> Any:
    associative = builtin or name in ("metadata", "ownerReferences", "finalizers", "labels", "annotations")
    if isinstance(live, dict) and isinstance(applied, dict) and not (associative and name in ATOMIC_MAPS):
        merged = {key: clone(value) for key, value in live.items() if key not in applied}
        for key, value in applied.items():
            merged[key] = _merge(live[key], value, key, builtin=builtin) if key in live else clone(value)
        return merged
    if isinstance(live, list) and isinstance(applied, list) and associative:
        if name in SETS:
            return [*live, *(item for item in applied if item not in live)]
        if (keys := list_keys(name, applied)) and (not live or list_keys(name, live) == keys):
            return _merge_elements(live, applied, keys, builtin=builtin)
    return clone(applied)


def _merge_elements(live: list[Any], applied: list[Any], keys: tuple[str, ...], *, builtin: bool) -> list[Any]:
    waiting = {element_key(item, keys): item for item in applied}
    merged = []
    for item in live:
        match = waiting.pop(element_key(item, keys), None)
        merged.append(clone(item) if match is None else _merge(item, match, "", builtin=builtin))
    return merged + [clone(item) for item in waiting.values()]


def _remove(node: Any, path: Path) -> None:
    """Remove a field from the (already copied) object, and the maps and lists that it leaves empty."""
    place = _locate(node, path[0])
    if place is None:
        return
    if len(path) > 1:
        _remove(node[place], path[1:])
    if len(path) == 1 or node[place] in ({}, []):
        del node[place]


def _locate(node: Any, step: str) -> Any:
    if step.startswith("f:"):
        return step[2:] if isinstance(node, dict) and step[2:] in node else None
    if not isinstance(node, list):
        return None
    key = json.loads(step[2:])
    for index, part in enumerate(node):
        if step.startswith("v:") and part == key:
            return index
        if step.startswith("k:") and all(
            (part.get(k) or ("TCP" if k == "protocol" else None)) == v for k, v in key.items()
        ):
            return index
    return None
