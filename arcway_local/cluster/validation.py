"""What the API server refuses about an object's content: names, required fields and fields that may not change.

Covers the mistakes a chart or client can plausibly make, not every rule of Kubernetes' validation packages.
"""

import re
from collections.abc import Callable, Iterator

from arcway_local.cluster.errors import invalid
from arcway_local.cluster.kinds import RBAC, Kind
from arcway_local.cluster.requests import is_base64
from arcway_local.cluster.selectors import matches_label_selector
from arcway_local.cluster.values import ResourceKey
from arcway_local.json_documents import Json

type Causes = Iterator[tuple[str, str]]

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_QUALIFIED = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
_MICRO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$")
_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_DATA_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character"
)


def validate(kind: Kind, item: Json, old: Json | None) -> None:
    """Raise ApiError 422 with one cause per problem of a new (old is None) or changed object."""
    causes = [*_metadata(kind, item["metadata"])]
    rule = _RULES.get(kind.key)
    if rule is not None:
        causes += rule(item, old)
    if causes:
        raise invalid(kind.group, kind.kind, item["metadata"].get("name", ""), causes)


def _name(kind: Kind, name: str) -> Causes:
    if not name:
        yield "metadata.name", "Required value: name or generateName is required"
    elif kind.group == RBAC:
        if "/" in name or "%" in name:
            yield "metadata.name", f"Invalid value: \"{name}\": may not contain '/' or '%'"
    elif kind.key in (("", "namespaces"), ("", "services")):
        if len(name) > 63 or not _LABEL.match(name):
            yield "metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is at most 63 of [-a-z0-9]'
    elif len(name) > 253 or not _SUBDOMAIN.match(name):
        yield "metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_RULE}'


def _metadata(kind: Kind, metadata: Json) -> Causes:
    yield from _name(kind, metadata.get("name", ""))
    for key, value in metadata.get("labels", {}).items():
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.match(value):
            yield "metadata.labels", f'Invalid value: "{value}": a valid label ({key}) is at most 63 of [-A-Za-z0-9_.]'
    for field in ("labels", "annotations"):
        for key in metadata.get(field, {}):
            if not _QUALIFIED.match(key if field == "labels" else key.lower()):
                yield f"metadata.{field}", f'Invalid value: "{key}": name part must consist of [-A-Za-z0-9_.]'
    for index, finalizer in enumerate([] if kind.custom else metadata.get("finalizers", [])):
        if "/" not in finalizer and finalizer not in _FINALIZERS:
            message = "name is neither a standard finalizer name nor is it fully qualified"
            yield f"metadata.finalizers[{index}]", f'Invalid value: "{finalizer}": {message}'


def _secret(item: Json, old: Json | None) -> Causes:
    for key, value in item.get("data", {}).items():
        if not is_base64(value):
            yield f"data[{key}]", "Invalid value: not base64"
        yield from _data_key(key)
    if item.get("type") == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in item.get("data", {}):
                yield f"data[{key}]", "Required value"
    if old is not None and item.get("type") != old.get("type"):
        yield "type", f'Invalid value: "{item.get("type")}": field is immutable'
    yield from _immutable_data(item, old)


def _config_map(item: Json, old: Json | None) -> Causes:
    for key, value in item.get("data", {}).items():
        if not isinstance(value, str):
            yield f"data[{key}]", f"Invalid value: {value!r}: must be a string"
        yield from _data_key(key)
    yield from _immutable_data(item, old)


def _data_key(key: str) -> Causes:
    if not _DATA_KEY.match(key):
        yield f"data[{key}]", f'Invalid value: "{key}": a valid config key is made of [-._a-zA-Z0-9]'


def _immutable_data(item: Json, old: Json | None) -> Causes:
    if old is not None and old.get("immutable") and (item.get("data") != old.get("data") or not item.get("immutable")):
        yield "data", "Forbidden: field is immutable when `immutable` is set"


def _workload(item: Json, old: Json | None) -> Causes:
    spec = item.get("spec", {})
    selector, template = spec.get("selector"), spec.get("template", {})
    if spec.get("replicas", 0) < 0:
        yield "spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0"
    if not selector:
        yield "spec.selector", "Required value"
    elif not matches_label_selector(selector, template.get("metadata", {}).get("labels", {})):
        yield "spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`"
    if old is not None and selector != old["spec"].get("selector"):
        yield "spec.selector", "Invalid value: field is immutable"
    yield from _containers(template.get("spec", {}), "spec.template.spec")


def _job(item: Json, old: Json | None) -> Causes:
    pod_spec = item["spec"]["template"].get("spec", {})
    if pod_spec.get("restartPolicy") not in ("OnFailure", "Never"):
        yield "spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'
    if old is not None and item["spec"]["template"] != old["spec"]["template"]:
        yield "spec.template", "Invalid value: field is immutable"
    yield from _containers(pod_spec, "spec.template.spec")


def _pod(item: Json, old: Json | None) -> Causes:
    yield from _containers(item["spec"], "spec")


def _containers(spec: Json, path: str) -> Causes:
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    for index, container in enumerate(spec.get("containers", [])):
        for field in ("name", "image"):
            if not container.get(field):
                yield f"{path}.containers[{index}].{field}", "Required value"


def _binding(item: Json, old: Json | None) -> Causes:
    if not item.get("roleRef", {}).get("name"):
        yield "roleRef.name", "Required value"
    if item.get("roleRef", {}).get("apiGroup", RBAC) != RBAC:
        yield "roleRef.apiGroup", f'Unsupported value: "{item["roleRef"]["apiGroup"]}": supported values: "{RBAC}"'
    if old is not None and item.get("roleRef") != old.get("roleRef"):
        yield "roleRef", "Invalid value: cannot change roleRef"


def _role(item: Json, old: Json | None) -> Causes:
    for index, rule in enumerate(item.get("rules") or []):
        needed = ("verbs",) if rule.get("nonResourceURLs") else ("verbs", "apiGroups", "resources")
        for field in needed:
            if not rule.get(field):
                yield f"rules[{index}].{field}", "Required value: must contain at least one value"


def _lease(item: Json, old: Json | None) -> Causes:
    spec = item.get("spec", {})
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield "spec.leaseDurationSeconds", f"Invalid value: {spec['leaseDurationSeconds']}: must be greater than 0"
    if spec.get("leaseTransitions", 0) < 0:
        yield "spec.leaseTransitions", f"Invalid value: {spec['leaseTransitions']}: must not be negative"
    for field in ("acquireTime", "renewTime"):
        if not _MICRO_TIME.match(spec.get(field, "2000-01-01T00:00:00.000000Z")):
            yield f"spec.{field}", f'Invalid value: "{spec[field]}": a time with six decimals is needed'


def _definition(item: Json, old: Json | None) -> Causes:
    spec = item["spec"]
    names = spec.get("names", {})
    expected = f"{names.get('plural')}.{spec.get('group')}"
    if item["metadata"].get("name") != expected:
        yield (
            "metadata.name",
            f'Invalid value: "{item["metadata"].get("name")}": must be spec.names.plural+"."+spec.group',
        )
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield "spec.scope", 'Unsupported value: supported values: "Cluster", "Namespaced"'
    if sum(bool(version.get("storage")) for version in spec.get("versions", [])) != 1:
        yield "spec.versions", "Invalid value: must have exactly one version marked as storage version"
    for index, version in enumerate(spec.get("versions", [])):
        if not version.get("schema", {}).get("openAPIV3Schema"):
            yield f"spec.versions[{index}].schema.openAPIV3Schema", "Required value: schemas are required"
    if old is not None and spec.get("scope") != old["spec"].get("scope"):
        yield "spec.scope", "Invalid value: field is immutable"


def _event(item: Json, old: Json | None) -> Causes:
    namespace = item.get("involvedObject", {}).get("namespace", "")
    if namespace and namespace != item["metadata"].get("namespace"):
        yield "involvedObject.namespace", f'Invalid value: "{namespace}": does not match event.namespace'


_RULES: dict[ResourceKey, Callable[[Json, Json | None], Causes]] = {
    ("", "secrets"): _secret,
    ("", "configmaps"): _config_map,
    ("", "pods"): _pod,
    ("", "events"): _event,
    ("apps", "deployments"): _workload,
    ("apps", "replicasets"): _workload,
    ("batch", "jobs"): _job,
    ("coordination.k8s.io", "leases"): _lease,
    (RBAC, "roles"): _role,
    (RBAC, "clusterroles"): _role,
    (RBAC, "rolebindings"): _binding,
    (RBAC, "clusterrolebindings"): _binding,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
