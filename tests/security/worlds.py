"""A cluster as plain values: every path that steps read, to be spoilt at any place."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from arcway.cluster.access.kubeconfig import Access

type Json = dict[str, Any]

NOW = "2026-01-01T00:00:00Z"
ACCESS = Access("https://api.example.com:6443", "", token="t0ken-of-the-cluster-1234")
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ARC, RELEASE = "/api/v1/namespaces/azure-arc", "/api/v1/namespaces/azure-arc-release"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def named(name: str, **extra: Any) -> Json:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": NOW, "labels": {}}, **extra}


def node(name: str) -> Json:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node-role.kubernetes.io/control-plane": "x"}
    status = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"memory": "4Gi"}}
    spec = {"podCIDRs": ["10.244.0.0/24"], "providerID": "kind://x"}
    created = named(name, spec=spec, status={**status, "nodeInfo": {"architecture": "amd64"}})
    created["metadata"].update(labels=labels, annotations={"a": "b"})
    return created


def pod(name: str) -> Json:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    container = {"name": "main", "image": "registry/image:1", "restartCount": 1, "ready": False, "state": waiting}
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": NOW}
    ready = {"type": "Ready", "status": "False", "message": "no"}
    spec = {"containers": [{"name": "main", "image": "registry/image:1"}], "nodeName": "n1", "volumes": []}
    return named(
        name,
        spec=spec,
        status={"phase": "Running", "containerStatuses": [container], "conditions": [ready, unschedulable]},
    )


def deployment(name: str) -> Json:
    status = {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1, "replicas": 1, "availableReplicas": 1}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {"spec": {"containers": []}}}
    return named(name, spec=spec, status=status)


def definition(name: str) -> Json:
    group = name.partition(".")[2]
    spec = {"group": group, "names": {"plural": name.partition(".")[0]}, "versions": [{"name": "v1", "served": True}]}
    condition = {"type": "Terminating", "status": "True", "reason": "InstanceDeletionFailed", "message": "waiting"}
    created = named(name, spec=spec, status={"conditions": [condition]})
    created["metadata"].update(deletionTimestamp=NOW, resourceVersion="5")
    return created


def record() -> Json:
    created = named("sh.helm.release.v1.azure-arc.v1")
    created["metadata"]["labels"] = {"version": "1", "status": "deployed"}
    return created


def of(*items: Json) -> Json:
    return {"metadata": {}, "items": list(items)}


def cluster() -> Json:
    """What there is by path: the agents of one connected cluster, not all of them well."""
    owner = {
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": "clusters",
        "AZURE_RESOURCE_NAME": "shop",
        "AZURE_ARC_AUTOUPDATE": "false",
    }
    lease = named("arcway", spec={"holderIdentity": "other", "renewTime": NOW, "leaseDurationSeconds": 300})
    kubeadm = "networking: {serviceSubnet: 10.96.0.0/16, podSubnet: 10.244.0.0/16}"
    namespace = named("azure-arc", status={"phase": "Active", "conditions": []})
    return {
        "/version": {"gitVersion": "v1.30.2"},
        REVIEWS: {"status": {"allowed": True}},
        "/api/v1/nodes": of(node("n1"), node("n2")),
        "/api/v1/pods": of(pod("busy")),
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway": lease,
        "/apis/networking.k8s.io/v1/servicecidrs": of(named("k", spec={"cidrs": ["10.96.0.0/12"]})),
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config": {"data": {"ClusterConfiguration": kubeadm}},
        f"{ARC}/configmaps/azure-clusterconfig": {"metadata": {"name": "x"}, "data": owner},
        ARC: namespace,
        RELEASE: copy.deepcopy(namespace),
        f"{ARC}/pods": of(pod("agent-1")),
        f"{ARC}/secrets/azure-arc-connect-privatekey": named("k", data={"privateKey": "bm8ga2V5"}),
        "/apis/apps/v1/namespaces/azure-arc/deployments": of(deployment("agent")),
        "/api/v1/secrets": of(record()),
        f"{RELEASE}/secrets": of(record()),
        CRDS: of(definition("arccertificates.clusterconfig.azure.com")),
        "/apis/rbac.authorization.k8s.io/v1/clusterroles": of(named("azure-arc")),
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": of(named("azure-arc")),
        "/apis": {"groups": [{"preferredVersion": {"groupVersion": "apps/v1"}}]},
        "/api/v1": {"resources": [{"name": "pods", "namespaced": True, "verbs": ["list", "update"]}]},
        "/api/v1/namespaces/arcway-check/pods": of(pod("check")),
        "/apis/batch/v1/namespaces/arcway-check/jobs/arcway-check": named("arcway-check", status={"conditions": []}),
    }


class Client:
    """The official client over a world of values, and connections that give it out."""

    def __init__(self, world: Json, paths: list[str] | None = None) -> None:
        self.world = world
        self.paths = [] if paths is None else paths

    def call_api(self, method: str, url: str, headers: Any, body: Any = None, **_: Any) -> Any:
        path = urlsplit(url).path
        self.paths.append(f"{method} {path}")
        if method == "DELETE":
            self.world.pop(path, None)
        elif method == "POST" and path.endswith("/leases"):
            path = f"{path}/{body['metadata']['name']}"
            self.world[path] = body
        result = path in self.world and not (path == REVIEWS and method != "POST")
        data = json.dumps(self.world[path] if result else {"message": "none"}).encode()
        if path.endswith("/log"):
            data = str(self.world.get("log", "a line")).encode(errors="surrogatepass")
        response = SimpleNamespace(data=data, stream=lambda *_, **__: iter([data]), close=lambda: None)
        status = 200 if result or path.endswith("/log") or method in ("DELETE", "PATCH") else 404
        return SimpleNamespace(status=status, headers={}, response=response)

    @contextmanager
    def to(self, access: Access) -> Iterator["Client"]:
        yield self


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a value at which something else could stand."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def spoilt(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """The value with something else at one place."""
    created = copy.deepcopy(value)
    branch = created
    for key in place[:-1]:
        branch = branch[key]
    branch[place[-1]] = junk
    return created


def texts(value: Any) -> Iterator[str]:
    """All texts in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from texts(item)
