"""Label and field selectors, as query parameters and as the LabelSelector structure write them.

They are parsed once into predicates over objects.
"""

import re
from collections.abc import Callable

from arcway_local.cluster.errors import bad_request
from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.values import ResourceKey
from arcway_local.json_documents import Json

type Predicate = Callable[[Json], bool]
type _LabelTest = Callable[[dict[str, str]], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=]*)$")
_ORDER = re.compile(r"^(?P<key>[^\s<>]+)\s*(?P<operator>[<>])\s*(?P<value>-?\d+)$")
_KEY = re.compile(r"^(?P<not>!?)\s*(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)$")

_FIELDS: dict[ResourceKey, tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("batch", "jobs"): ("status.successful",),
    ("apps", "replicasets"): ("status.replicas",),
}  # fmt: skip


def parse_label_selector(selector: str) -> Predicate:
    """A predicate for a `labelSelector` parameter. Raises ApiError 400 for one that cannot be read."""
    tests = [_label_test(part.strip()) for part in re.split(r",(?![^(]*\))", selector) if part.strip()]
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def _label_test(part: str) -> _LabelTest:
    if match := _SET.match(part):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(part):
        key, value = match["key"], match["value"]
        if match["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _ORDER.match(part):
        operator = "Gt" if match["operator"] == ">" else "Lt"
        expression = {"key": match["key"], "operator": operator, "values": [match["value"]]}
        return lambda labels: _meets(expression, labels)
    if match := _KEY.match(part):
        key = match["key"]
        if match["not"]:
            return lambda labels: key not in labels
        return lambda labels: key in labels
    raise bad_request(f"unable to parse requirement: {part!r}")


def matches_label_selector(selector: Json | None, labels: dict[str, str]) -> bool:
    """Whether labels match a LabelSelector structure; a missing selector matches nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return matches_expressions(selector.get("matchExpressions", []), labels)


def matches_expressions(expressions: list[Json], labels: dict[str, str]) -> bool:
    """Whether labels meet every expression (In, NotIn, Exists, DoesNotExist, Gt, Lt)."""
    return all(_meets(expression, labels) for expression in expressions)


def _meets(expression: Json, labels: dict[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values", [])
    present = key in labels
    if operator == "In":
        return bool(present and labels[key] in values)
    if operator == "NotIn":
        return bool(not present or labels[key] not in values)
    if operator in ("Exists", "DoesNotExist"):
        return bool(present == (operator == "Exists"))
    if not present or not labels[key].lstrip("-").isdigit():
        return False
    number, bound = int(labels[key]), int(values[0])
    return number > bound if operator == "Gt" else number < bound


def parse_field_selector(selector: str, kind: Kind) -> Predicate:
    """A predicate for a `fieldSelector` parameter. Raises ApiError 400 for a field the kind does not offer."""
    selectable = ("metadata.name", "metadata.namespace", *_FIELDS.get(kind.key, ()))
    tests: list[Predicate] = []
    for part in filter(None, selector.split(",")):
        match = re.match(r"^([^!=]+)(==|=|!=)(.*)$", part)
        if match is None:
            raise bad_request(f"invalid selector: {part!r}; can't understand {part!r}")
        field, operator, value = match.groups()
        if field not in selectable or (field == "metadata.namespace" and not kind.namespaced):
            raise bad_request(f'field label not supported: "{field}"')
        tests.append(_field_test(field, value, expected=operator != "!="))
    return lambda item: all(test(item) for test in tests)


def _field_test(field: str, value: str, *, expected: bool) -> Predicate:
    path = field.split(".")
    if field == "source":
        path = ["source", "component"]
    if field == "status.successful":
        path = ["status", "succeeded"]

    def test(item: Json) -> bool:
        actual: object = item
        for step in path:
            actual = actual.get(step) if isinstance(actual, dict) else None
        actual_text = str(actual).lower() if isinstance(actual, bool) else str(actual if actual is not None else "")
        if field in ("spec.unschedulable", "spec.hostNetwork") and actual is None:
            actual_text = "false"
        return (actual_text == value) == expected

    return test
