"""Labels and annotations that a cluster's policies require on namespaces and pods, set in addition to the chart's.

Namespaces get them when they are made, because a policy looks then. Pods get them through their Deployments' templates:
Helm leaves alone what another field manager put there, so that they stay through upgrades.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.constants import NAMESPACE, RELEASE_NAMESPACE
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, OnboardRequest

_NAMESPACES = "/api/v1/namespaces"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"

type Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Marks:
    """What namespaces and pods are to have."""

    namespace_labels: Texts = field(default_factory=dict)
    namespace_annotations: Texts = field(default_factory=dict)
    pod_labels: Texts = field(default_factory=dict)
    pod_annotations: Texts = field(default_factory=dict)

    @classmethod
    def of(cls, request: AnyRequest) -> "Marks":
        """What the request asks for."""
        if not isinstance(request, OnboardRequest):
            return cls()
        agents = request.agents
        return cls(agents.namespace_labels, agents.namespace_annotations, agents.pod_labels, agents.pod_annotations)

    def on_namespace(self, metadata: Json) -> Json:
        """The metadata of a namespace that is to be made, with these."""
        return _with(metadata, self.namespace_labels, self.namespace_annotations)

    def on_pod(self, metadata: Json) -> Json:
        """The metadata of a pod that is to be made, with these."""
        return _with(metadata, self.pod_labels, self.pod_annotations)


def mark_namespaces(api: ClusterApi, marks: Marks, release_namespace: str) -> bool:
    """The agents' namespaces have what they are to have; the release's is made if it is to have anything.

    A foreign namespace (an old release may be in any) is left unchanged. Whether anything was changed.
    """
    desired = marks.on_namespace({})
    if not desired:
        return False
    changed = False
    for name in (NAMESPACE, *((RELEASE_NAMESPACE,) if release_namespace == RELEASE_NAMESPACE else ())):
        path = at(_NAMESPACES, name)
        if namespace := api.get(path):
            changed |= _merge(api, path, namespace["metadata"], desired, ())
        elif name == RELEASE_NAMESPACE:
            metadata = marks.on_namespace({"name": name})
            api.create(_NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            changed = True
    return changed


def mark_pods(api: ClusterApi, marks: Marks) -> bool:
    """The agents' Deployments give their pods what these are to have. Whether anything was changed."""
    desired = marks.on_pod({})
    if not desired:
        return False
    changed = False
    for deployment in api.items(_DEPLOYMENTS):
        current = deployment["spec"].get("template", {}).get("metadata") or {}
        path = at(_DEPLOYMENTS, deployment["metadata"]["name"])
        changed |= _merge(api, path, current, desired, ("spec", "template"))
    return changed


def _with(metadata: Json, labels: Texts, annotations: Texts) -> Json:
    marked = dict(metadata)
    for name, texts in (("labels", labels), ("annotations", annotations)):
        if texts:
            marked[name] = {**(metadata.get(name) or {}), **texts}
    return marked


def _merge(api: ClusterApi, path: str, current: Json, desired: Json, where: tuple[str, ...]) -> bool:
    if all(texts.items() <= (current.get(name) or {}).items() for name, texts in desired.items()):
        return False
    body: Json = {"metadata": desired}
    for name in reversed(where):
        body = {name: body}
    api.merge(path, body)
    return True
