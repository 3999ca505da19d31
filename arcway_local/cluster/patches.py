"""The patch types other than apply: JSON merge patch, strategic merge patch and JSON patch.

Pure functions from an object and a patch to a new object.
"""

from typing import Any

from arcway_local.cluster.errors import ApiError, bad_request
from arcway_local.cluster.structure import SETS, patch_key
from arcway_local.cluster.values import clone
from arcway_local.json_documents import Json

_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_PRIMITIVES = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


def merge_patch(item: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(item) if isinstance(item, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge_patch(item: Any, patch: Json) -> Json:
    """Kubernetes' merge patch: lists with a merge key merge by element; understands $patch, $retainKeys and order."""
    if patch.get(_DIRECTIVE) == "replace":
        return {key: clone(value) for key, value in patch.items() if key != _DIRECTIVE}
    result: Json = dict(item) if isinstance(item, dict) else {}
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_PRIMITIVES):
            name = key.removeprefix(_PRIMITIVES)
            result[name] = [entry for entry in result.get(name, []) if entry not in value]
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None or (isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"):
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic_merge_patch(result.get(key), value)
        elif isinstance(value, list):
            result[key] = _merge_list(key, result.get(key) or [], value)
        else:
            result[key] = value
    for key, order in patch.items():
        if key.startswith(_ORDER):
            _reorder(result, key.removeprefix(_ORDER), order)
    return result


def _merge_list(name: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if name in SETS:
        return [*current, *(entry for entry in patch if entry not in current)]
    key = patch_key(name, [*patch, *current])
    if key is None or not all(isinstance(entry, dict) for entry in patch):
        return clone(patch)
    if any(entry.get(_DIRECTIVE) == "replace" for entry in patch):
        return [clone(entry) for entry in patch if _DIRECTIVE not in entry]
    result = list(current)
    for entry in patch:
        place = next((i for i, element in enumerate(result) if element.get(key) == entry.get(key)), None)
        if entry.get(_DIRECTIVE) == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(strategic_merge_patch({}, entry))
        else:
            result[place] = strategic_merge_patch(result[place], entry)
    return result


def _reorder(result: Json, name: str, order: list[Any]) -> None:
    items = result.get(name)
    if not isinstance(items, list):
        return
    key = patch_key(name, [*items, *order])
    ranks = [entry.get(key) if isinstance(entry, dict) and key else entry for entry in order]

    def rank(entry: Any) -> int:
        value = entry.get(key) if isinstance(entry, dict) and key else entry
        return ranks.index(value) if value in ranks else len(ranks)

    result[name] = sorted(items, key=rank)


def json_patch(item: Json, operations: Any) -> Json:
    """RFC 6902. Raises ApiError 422 when an operation cannot be done, as the API server does, 400 for no list."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    result = clone(item)
    for operation in operations:
        try:
            _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ApiError(
                422, "Invalid", f"the server rejected our request due to an error in our request: {error!r}"
            ) from error
    return result


def _operate(document: Json, operation: Json) -> None:
    action, path = operation["op"], _pointer(operation["path"])
    if action in ("move", "copy"):
        source = _pointer(operation["from"])
        value = clone(_read(document, source))
        if action == "move":
            _delete(document, source)
        _add(document, path, value)
    elif action == "add":
        _add(document, path, clone(operation["value"]))
    elif action == "remove":
        _delete(document, path)
    elif action == "replace":
        _read(document, path)
        parent = _read(document, path[:-1])
        parent[_index(parent, path[-1])] = clone(operation["value"])
    elif action == "test":
        if _read(document, path) != operation["value"]:
            raise ValueError(f"testing value {operation['path']} failed")
    else:
        raise ValueError(f"unexpected kind: {action}")


def _pointer(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _index(parent: Any, step: str) -> Any:
    return int(step) if isinstance(parent, list) else step


def _read(document: Any, path: list[str]) -> Any:
    for step in path:
        document = document[_index(document, step)]
    return document


def _add(document: Any, path: list[str], value: Any) -> None:
    parent = _read(document, path[:-1])
    if not isinstance(parent, list):
        parent[path[-1]] = value
        return
    place = len(parent) if path[-1] == "-" else int(path[-1])
    if place > len(parent):
        raise IndexError(f"index {place} out of bounds")
    parent.insert(place, value)


def _delete(document: Any, path: list[str]) -> None:
    parent = _read(document, path[:-1])
    del parent[_index(parent, path[-1])]
