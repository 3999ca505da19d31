"""The agents taken out of a cluster: what of them is there, one step towards none, and waiting for an earlier removal.

Helm uninstalls without hooks, because a hook's Job never ends on a cluster whose nodes are gone; what Helm leaves is
deleted here. Every function may be repeated. Must not know Azure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arcway.cluster import lease, permissions
from arcway.cluster.api import ClusterApi, at
from arcway.cluster.finalizers import strip_instances, strip_namespace
from arcway.cluster.findings import lacking
from arcway.cluster.helm import Helm
from arcway.cluster.key_pair import NAMESPACE, RELEASE, RELEASE_NAMESPACE, public_key
from arcway.cluster.kubeconfig import Access
from arcway.cluster.leftovers import DEFINITIONS, is_of_the_release
from arcway.cluster.preflight import belongs_to_another
from arcway.cluster.release import RECORDS, Target, records
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.ids import ClusterId
from arcway.domain.text import listed, shown

_ASKED = "arcway.dev/asked-again"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_NAMED = 20
_PRESENT = 100
_KINDS = (
    ("CRD", DEFINITIONS),
    ("ClusterRole", f"{_RBAC}/clusterroles"),
    ("ClusterRoleBinding", f"{_RBAC}/clusterrolebindings"),
)

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """One object of the agents outside their namespaces, or one of these namespaces."""

    kind: str
    path: str
    item: Json

    @property
    def name(self) -> str:
        return f"{self.kind} {shown(self.item['metadata']['name'])}"

    @property
    def is_going(self) -> bool:
        return "deletionTimestamp" in self.item["metadata"]


def inspect(api: ClusterApi, installation: str, cluster: ClusterId) -> tuple[list[Json], list[str], str | None]:
    """Findings that speak against removing the agents of `cluster`, what of the agents is there, and their public key.

    Raises `ArcError` when the API server does not answer or another installation of Arcway works on the cluster.
    """
    missing = permissions.missing(api, permissions.TO_DISCONNECT)
    if missing:
        return lacking(missing), [], None
    lease.check(api, installation)
    refuse = belongs_to_another(api, cluster)
    return [finding("ARC-2011", refuse)] if refuse else [], _present(api), public_key(api)


def remove(target: Target, cluster: ClusterId, *, force: bool) -> tuple[list[str], str | None]:
    """One step towards a cluster without agents: what is still there, and why the namespaces are if they say so.

    `force` removes the finalizers of everything that is only waiting for them, and goes on when Helm cannot uninstall.
    Raises `ArcError` ARC-2011 when the agents belong to another connected cluster.
    """
    if refuse := belongs_to_another(target.api, cluster):
        raise ArcError("ARC-2011", refuse)
    api = target.api
    if records(api):
        try:
            _uninstall(target.helm, api, target.access)
        except ArcError as error:
            if not force or error.retryable:
                raise
    left = list(_parts(api))
    for part in left:
        if not part.is_going:
            api.delete(part.path)
            continue
        _ask_again(api, part)
        if force:
            _strip(api, part)
    return [part.name for part in left], _reason(left)


def finish(helm: Helm, api: ClusterApi, access: Access) -> str | None:
    """One look at a removal that began earlier; finishes an uninstall and returns what is still going, if anything."""
    found = records(api)
    if found and found[-1]["metadata"]["labels"].get("status") in ("uninstalling", "uninstalled"):
        _uninstall(helm, api, access)
    going = [part for part in (*_namespaces(api), *_objects(api, "CRD", DEFINITIONS)) if part.is_going]
    for part in going:
        _ask_again(api, part)
    return listed([part.name for part in going], _NAMED) or None


def _present(api: ClusterApi) -> list[str]:
    release = [f"release {RELEASE}"] if records(api) else []
    found = release + [part.name for part in _parts(api)]
    more = [f"{len(found) - _PRESENT} more"] if len(found) > _PRESENT else []
    return found[:_PRESENT] + more


def _uninstall(helm: Helm, api: ClusterApi, access: Access) -> None:
    helm.uninstall(access, RELEASE, RELEASE_NAMESPACE)
    # An uninstall that was cut off once leaves records that a second one does not touch.
    for record in records(api):
        api.delete(at(RECORDS, record["metadata"]["name"]))


def _parts(api: ClusterApi) -> Iterator[_Part]:
    yield from _namespaces(api)
    for kind, path in _KINDS:
        yield from _objects(api, kind, path)


def _objects(api: ClusterApi, kind: str, path: str) -> Iterator[_Part]:
    for item in api.items(path):
        if is_of_the_release(item, definition=kind == "CRD"):
            yield _Part(kind, at(path, item["metadata"]["name"]), item)


def _namespaces(api: ClusterApi) -> Iterator[_Part]:
    for name in (NAMESPACE, RELEASE_NAMESPACE):
        path = f"/api/v1/namespaces/{name}"
        if item := api.get(path):
            yield _Part("namespace", path, item)


def _ask_again(api: ClusterApi, part: _Part) -> None:
    """Have the API server try once more to delete a definition whose instances it could not list or delete.

    A conflict between its own two writes can make it forget the definition until it looks at all of them again, minutes
    later; any other change has it look at once (CRDFinalizer of k8s.io/apiextensions-apiserver, v0.37.1).
    """
    if part.kind == "CRD" and _condition(part.item, "Terminating").get("reason") == "InstanceDeletionFailed":
        api.annotate(part.path, {_ASKED: part.item["metadata"]["resourceVersion"]})


def _strip(api: ClusterApi, part: _Part) -> None:
    if part.kind == "CRD":
        strip_instances(api, part.item)
    elif part.kind == "namespace" and _condition(part.item, "NamespaceFinalizersRemaining"):
        strip_namespace(api, part.item["metadata"]["name"])


def _reason(left: list[_Part]) -> str | None:
    """What the API server says of one that stays: finalizers, or instances of a CRD that it could not delete yet."""
    kinds = {"namespace": "NamespaceFinalizersRemaining", "CRD": "Terminating"}
    found = [_condition(part.item, kinds[part.kind]) for part in left if part.kind in kinds]
    return next((str(one.get("message") or one["type"]) for one in found if one), None)


def _condition(item: Json, kind: str) -> Json:
    """The condition of this type if it holds, an empty one otherwise."""
    for condition in (item.get("status") or {}).get("conditions") or []:
        if condition["type"] == kind and condition["status"] == "True":
            found: Json = condition
            return found
    return {}
