"""What a fresh cluster contains: namespaces, two ready Linux nodes, the cluster-admin role."""

from arcway_local.cluster.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    NODE,
    RBAC,
    Kind,
)
from arcway_local.cluster.resources import Resources, Write
from arcway_local.cluster.values import name_of, timestamp
from arcway_local.json_documents import Json

KUBERNETES_VERSION = "v1.36.3"
_RESOURCES = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def furnish(resources: Resources, cluster: str) -> None:
    """Put the initial objects into an empty cluster."""
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        _create(resources, NAMESPACE, {"metadata": {"name": name}})
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    _create(resources, CLUSTER_ROLE, {"metadata": {"name": "cluster-admin"}, "rules": rules})
    subject = {"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": "cluster-admin"}, "subjects": [subject], "roleRef": reference}
    _create(resources, CLUSTER_ROLE_BINDING, binding)
    for name, address in (("control-plane", "172.18.0.2"), ("worker", "172.18.0.3")):
        node = _create(resources, NODE, _node(cluster, name))
        resources.set_status(NODE, node, _node_status(name_of(node), address))


def _create(resources: Resources, kind: Kind, item: Json) -> Json:
    return resources.create(kind, "", {"apiVersion": kind.api_version, "kind": kind.kind} | item, Write())


def _node(cluster: str, name: str) -> Json:
    full = f"{cluster}-{name}"
    labels = {"kubernetes.io/hostname": full}
    for prefix in ("kubernetes.io", "beta.kubernetes.io"):
        labels |= {f"{prefix}/os": "linux", f"{prefix}/arch": "amd64"}
    return {"metadata": {"name": full, "labels": labels}, "spec": {"providerID": f"kind://docker/{cluster}/{full}"}}


def _node_status(name: str, address: str) -> Json:
    now = timestamp()
    condition = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    pressure = [
        {"type": type_, "status": "False", "reason": f"KubeletHas{fact}", "message": f"kubelet has {message}"}
        for type_, fact, message in (
            ("MemoryPressure", "SufficientMemory", "sufficient memory available"),
            ("DiskPressure", "NoDiskPressure", "no disk pressure"),
            ("PIDPressure", "SufficientPID", "sufficient PID available"),
        )
    ]
    return {
        "capacity": dict(_RESOURCES),
        "allocatable": dict(_RESOURCES),
        "conditions": [item | condition for item in (*pressure, ready)],
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "kubeletVersion": KUBERNETES_VERSION,
            "kubeProxyVersion": "",
            "containerRuntimeVersion": "containerd://2.1.4",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.12.0",
            "machineID": name,
            "systemUUID": name,
            "bootID": name,
        },
    }
