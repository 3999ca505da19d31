"""What the API server fills in when an object is created or changed: the defaults of the built-in kinds.

The values are those of Kubernetes' `pkg/apis/*/v1/defaults.go` and of the create strategies.
"""

import base64
import itertools
from collections.abc import Callable

from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.values import ResourceKey, set_condition
from arcway_local.json_documents import Json

_service_addresses = itertools.count(1)


def complete(kind: Kind, item: Json) -> None:
    """Fill in the defaults of a kind, in place."""
    defaults = _DEFAULTS.get(kind.key)
    if defaults is not None:
        defaults(item)


def start_status(kind: Kind, item: Json) -> None:
    """Give a new object the status that its create strategy sets; what the client sent there is dropped."""
    if kind.status:
        item.pop("status", None)
    if kind.key == ("", "namespaces"):
        item["status"] = {"phase": "Active"}
        item["spec"] = {"finalizers": ["kubernetes"]}
    elif kind.key == ("", "pods"):
        item["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    elif kind.key == ("apps", "replicasets"):
        item["status"] = {"replicas": 0}
    elif kind.key in (("apps", "deployments"), ("batch", "jobs")):
        item["status"] = {}
    elif kind.key == ("", "services"):
        item["status"] = {"loadBalancer": {}}
    elif kind.key == ("apiextensions.k8s.io", "customresourcedefinitions"):
        conditions: list[Json] = []
        set_condition(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
        set_condition(conditions, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
        stored = [version["name"] for version in item["spec"].get("versions", []) if version.get("storage")]
        names = item["spec"].get("names", {})
        item["status"] = {"conditions": conditions, "acceptedNames": dict(names), "storedVersions": stored}


def _namespace(item: Json) -> None:
    item["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = item["metadata"].get("name", "")


def _secret(item: Json) -> None:
    item.setdefault("type", "Opaque")
    for key, value in item.pop("stringData", {}).items():
        item.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()


def _service(item: Json) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] != "ExternalName" and "clusterIP" not in spec:
        number = next(_service_addresses)
        spec["clusterIP"] = f"10.96.{number // 250 % 250}.{number % 250 + 1}"
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))


def _deployment(item: Json) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    _pod_spec(spec.get("template", {}).setdefault("spec", {}))


def _replica_set(item: Json) -> None:
    item.setdefault("spec", {}).setdefault("replicas", 1)
    _pod_spec(item["spec"].setdefault("template", {}).setdefault("spec", {}))


def _job(item: Json) -> None:
    spec = item.setdefault("spec", {})
    for key, value in (("completions", 1), ("parallelism", 1), ("backoffLimit", 6), ("suspend", False)):
        spec.setdefault(key, value)
    spec.setdefault("completionMode", "NonIndexed")
    uid = item["metadata"].get("uid")
    if uid and "selector" not in spec:
        labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": item["metadata"]["name"]}
        labels |= {"controller-uid": uid, "job-name": item["metadata"]["name"]}
        metadata = spec.setdefault("template", {}).setdefault("metadata", {})
        metadata.setdefault("labels", {}).update(labels)
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _pod(item: Json) -> None:
    spec = item.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("enableServiceLinks", True)
    seconds = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(toleration.get("key") in (key, None) for toleration in tolerations):
            tolerations.append({"key": key, **seconds})


def _pod_spec(spec: Json) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        image = container.get("image", "")
        latest = ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("resources", {})
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")
    for volume in spec.get("volumes", []):
        for source in ("secret", "configMap", "projected"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)


def _definition(item: Json) -> None:
    spec = item.setdefault("spec", {})
    names = spec.setdefault("names", {})
    names.setdefault("singular", names.get("kind", "").lower())
    names.setdefault("listKind", f"{names.get('kind', '')}List")
    spec.setdefault("conversion", {"strategy": "None"})


def _binding(item: Json) -> None:
    item.get("roleRef", {}).setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in item.get("subjects", []):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _network_policy(item: Json) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])


_DEFAULTS: dict[ResourceKey, Callable[[Json], None]] = {
    ("", "namespaces"): _namespace,
    ("", "secrets"): _secret,
    ("", "services"): _service,
    ("", "pods"): _pod,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("batch", "jobs"): _job,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
    ("rbac.authorization.k8s.io", "rolebindings"): _binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding,
    ("networking.k8s.io", "networkpolicies"): _network_policy,
}
