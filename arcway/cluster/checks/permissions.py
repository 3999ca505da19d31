"""What Arcway and Helm do in a cluster, verb by verb: the tables that preflight checks a credential with.

The role of a credential for one run is made of them, too.

Helm applies each object of the chart on the server's side, which takes `create` and `patch`, reads it before, and
deletes what a later chart no longer has; its records are Secrets that it creates, updates and deletes
(https://helm.sh/docs/topics/advanced/#storage-backends).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.release_namespace import release_namespace
from arcway.cluster.constants import NAMESPACE, RELEASE_NAMESPACE

_RBAC = "rbac.authorization.k8s.io"
_CRDS = ("customresourcedefinitions", "apiextensions.k8s.io", "")
NETWORK_NAMESPACE = "arcway-check"


class Permission(NamedTuple):
    """One verb on the objects of one resource, in one namespace unless that is empty, one of them if it has a name."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def where(self) -> str:
        """What the verb is about, in words."""
        resource = self.resource + (f".{self.group}" if self.group else "")
        resource += f" {self.name}" if self.name else ""
        return resource + (f" in namespace {self.namespace}" if self.namespace else "")


def _each(verbs: Sequence[str], resource: str, group: str = "", namespace: str = "") -> tuple[Permission, ...]:
    return tuple(Permission(verb, resource, group, namespace) for verb in verbs)


LIST_NODES = Permission("list", "nodes")
LIST_PODS = Permission("list", "pods")
GET_LEASES = Permission("get", "leases", "coordination.k8s.io", "kube-system")
GET_NAMESPACES = Permission("get", "namespaces")
GET_CONFIG = Permission("get", "configmaps", "", NAMESPACE)
GET_KEY = Permission("get", "secrets", "", NAMESPACE)
_GET_LOG = Permission("get", "pods/log", "", NAMESPACE)
_LIST_EVENTS = Permission("list", "events", "", NAMESPACE)
LIST_RECORDS = Permission("list", "secrets", "", RELEASE_NAMESPACE)
LIST_CRDS = Permission("list", *_CRDS)
# A release that another client put elsewhere is looked for in all namespaces.
LIST_ALL_RECORDS = Permission("list", "secrets")

_LEASE = (GET_LEASES, *_each(("create", "update", "delete"), *GET_LEASES[1:4]))
_LEASE_ELSEWHERE = "default"
_RECORDS = _each(("get", "list", "create", "update", "delete"), *LIST_RECORDS[1:4])
_WATCHED = (Permission("list", "deployments", "apps", NAMESPACE), Permission("list", "pods", "", NAMESPACE))
_CHART = (
    ("namespaces", "", ""),
    ("serviceaccounts", "", NAMESPACE),
    ("secrets", "", NAMESPACE),
    ("configmaps", "", NAMESPACE),
    ("services", "", NAMESPACE),
    ("deployments", "apps", NAMESPACE),
    ("networkpolicies", "networking.k8s.io", NAMESPACE),
    _CRDS,
    ("clusterroles", _RBAC, ""),
    ("clusterrolebindings", _RBAC, ""),
)
_APPLIED = tuple(item for kind in _CHART for item in _each(("get", "create", "patch", "delete"), *kind))
# The chart binds its ServiceAccount to cluster-admin, which RBAC lets only those do who may bind it or have all that
# it grants (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#restrictions-on-role-binding-creation-or-update).
_BIND = Permission("bind", "clusterroles", _RBAC, "", "cluster-admin")

# With custom locations the chart makes a role of this name for Azure's service principal and binds it; RBAC lets only
# those do so who have all that it grants, or these verbs on it.
_CUSTOM_LOCATIONS_ROLE = "AzureArc-Microsoft.ExtendedLocation-RP-Role"
TO_GRANT_CUSTOM_LOCATIONS = tuple(
    Permission(verb, "clusterroles", _RBAC, "", _CUSTOM_LOCATIONS_ROLE) for verb in ("escalate", "bind")
)

TO_CONNECT = (LIST_NODES, *_LEASE, *_RECORDS, *_WATCHED, *_APPLIED, LIST_CRDS, _BIND)
TO_CHANGE = (*_LEASE, *_RECORDS, *_WATCHED, *_APPLIED, _BIND)
# Helm reads and deletes each object of the release.
_DELETED = tuple(item for kind in _CHART for item in _each(("get", "delete"), *kind))

TO_DISCONNECT = (
    *_LEASE,
    GET_CONFIG,
    GET_KEY,
    *_DELETED,
    *_each(("get", "list", "update", "delete"), *LIST_RECORDS[1:4]),
    *_each(("list", "patch"), *_CRDS),
    *_each(("list",), "clusterroles", _RBAC),
    *_each(("list",), "clusterrolebindings", _RBAC),
)
TO_CHECK_THE_NETWORK = (
    *_each(("get", "create", "delete"), "namespaces"),
    *_each(("get", "create"), "jobs", "batch", NETWORK_NAMESPACE),
    Permission("list", "pods", "", NETWORK_NAMESPACE),
    Permission("list", "events", "", NETWORK_NAMESPACE),
)
TO_LOOK = (GET_CONFIG, *_WATCHED, GET_KEY, _GET_LOG, _LIST_EVENTS)
# The Deployments of an extension are where its chart puts them.
_TO_SEE_EXTENSIONS = (
    Permission("list", "deployments", "apps"),
    Permission("get", "extensionconfigs", "clusterconfig.azure.com", NAMESPACE),
)
_TO_READ_EXTENSIONS = (
    *_TO_SEE_EXTENSIONS,
    LIST_PODS,
    Permission("list", "events"),
    Permission("get", "pods/log"),
)
# Without these a check says less; preflight does not ask for them.
_TO_SAY_MORE = (
    LIST_PODS,
    _GET_LOG,
    _LIST_EVENTS,
    LIST_ALL_RECORDS,
    Permission("get", "configmaps", "", "kube-system"),
    Permission("list", "servicecidrs", "networking.k8s.io"),
)
# Finalizers are taken off whatever is left in the namespaces of the agents, of any kind, and what Helm cannot delete is
# deleted without it.
_TO_FORCE = _each(("get", "list", "update", "delete"), "*", "*")
_ROLES = {
    # What a run made is undone when it was asked to roll back.
    "onboard": (*TO_CONNECT, *TO_DISCONNECT, *_TO_SAY_MORE),
    "check": (*TO_CONNECT, *TO_DISCONNECT, *_TO_SAY_MORE),
    "update": (*TO_CHANGE, *_TO_SAY_MORE),
    "upgrade": (*TO_CHANGE, *_TO_SAY_MORE),
    "applyExtension": (GET_CONFIG, *_TO_READ_EXTENSIONS),
    "deleteExtension": (GET_CONFIG, *_TO_SEE_EXTENSIONS),
    "applyGitops": (GET_CONFIG, *_TO_READ_EXTENSIONS),
    "deleteGitops": (GET_CONFIG, *_TO_SEE_EXTENSIONS),
    "enablePolicy": (GET_CONFIG, *_TO_READ_EXTENSIONS, Permission("get", *_CRDS)),
    "disablePolicy": (GET_CONFIG, *_TO_SEE_EXTENSIONS),
    "offboard": (*TO_DISCONNECT, LIST_ALL_RECORDS, *_TO_SEE_EXTENSIONS),
    "agents": TO_LOOK,
}


def role_for(
    operation: str, *, network: bool = False, force: bool = False, gitops: bool = False, custom_locations: bool = False
) -> tuple[Permission, ...]:
    """What a credential for one run of the operation needs, each permission once; `agents` is reading their state.

    `gitops`: a connect that applies a Flux configuration.
    """
    needed = (
        *_ROLES[operation],
        *(TO_CHECK_THE_NETWORK if network else ()),
        *(_TO_FORCE if force else ()),
        *(_TO_READ_EXTENSIONS if gitops else ()),
        *(TO_GRANT_CUSTOM_LOCATIONS if custom_locations else ()),
    )
    return tuple(dict.fromkeys(needed))


def rules(permissions: Sequence[Permission]) -> list[dict[str, Any]]:
    """The rules of a ClusterRole that grants these, in every namespace: those of the agents need not exist yet."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for item in permissions:
        verbs.setdefault((item.group, item.resource, item.name), []).append(item.verb)
    return [
        {
            "apiGroups": [group],
            "resources": [resource],
            "verbs": list(dict.fromkeys(granted)),
            **({"resourceNames": [name]} if name else {}),
        }
        for (group, resource, name), granted in verbs.items()
    ]


def missing(api: ClusterApi, needed: Sequence[Permission]) -> list[Permission]:
    """Those of `needed` that the credential lacks. If the credential is an administrator's, one request is enough."""
    if api.may("*", "*", "*"):
        return []
    lacking = [item for item in dict.fromkeys(needed) if not api.may(*item)]
    if any(item in _LEASE for item in lacking):
        elsewhere = [item._replace(namespace=_LEASE_ELSEWHERE) for item in _LEASE]
        if all(api.may(*item) for item in elsewhere):
            return [item for item in lacking if item not in _LEASE]
    return lacking


def missing_at_its_place(api: ClusterApi, needed: Sequence[Permission]) -> list[Permission]:
    """As `missing`, and what is lacking in the namespace where the agents' release is, if that is another one."""
    lacking = missing(api, needed)
    if LIST_RECORDS in lacking or (namespace := release_namespace(api)) == RELEASE_NAMESPACE:
        return lacking
    moved = [item._replace(namespace=namespace) for item in needed if item.namespace == RELEASE_NAMESPACE]
    return [*lacking, *missing(api, moved)]


def in_words(lacking: Sequence[Permission]) -> list[str]:
    """One text for each resource: its verbs, then what they are about."""
    verbs: dict[str, list[str]] = {}
    for item in lacking:
        verbs.setdefault(item.where, []).append(item.verb)
    return [f"{', '.join(verb_names)} {where}" for where, verb_names in verbs.items()]
