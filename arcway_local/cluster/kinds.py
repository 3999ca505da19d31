"""The kinds a cluster serves: the built-in ones and those its CustomResourceDefinitions add.

A kind is plain data (names, scope, subresources).
"""

from dataclasses import dataclass, field

from arcway_local.cluster import columns
from arcway_local.cluster.columns import Column
from arcway_local.cluster.values import ResourceKey, find_condition
from arcway_local.json_documents import Json

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind in one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    status: bool = False
    scale: bool = False
    generation: bool = False
    custom: bool = False
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    singular: str = ""
    columns: tuple[Column, ...] = field(default=(), compare=False)
    """Of a custom kind; those of built-in ones are known."""

    @property
    def key(self) -> ResourceKey:
        """The key of its objects in the store; all versions of a kind share it."""
        return self.group, self.plural

    @property
    def api_version(self) -> str:
        """Group and version as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def subresources(self) -> tuple[str, ...]:
        """Names of the served subresources."""
        names = [name for name, served in (("status", self.status), ("scale", self.scale)) if served]
        if self.key == ("", "namespaces"):
            names.append("finalize")
        if self.key == ("", "pods"):
            names.append("log")
        if self.key == ("", "serviceaccounts"):
            names.append("token")
        return tuple(names)


RBAC = "rbac.authorization.k8s.io"
AUTHORIZATION = "authorization.k8s.io"

NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",), status=True)
NODE = Kind("", "v1", "nodes", "Node", namespaced=False, short_names=("no",), status=True)
POD = Kind("", "v1", "pods", "Pod", short_names=("po",), status=True, generation=True, categories=("all",))
SERVICE = Kind("", "v1", "services", "Service", short_names=("svc",), status=True, categories=("all",))
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",))
SECRET = Kind("", "v1", "secrets", "Secret")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
EVENT = Kind("", "v1", "events", "Event", short_names=("ev",))
DEPLOYMENT = Kind(
    "apps", "v1", "deployments", "Deployment",
    short_names=("deploy",), status=True, scale=True, generation=True, categories=("all",),
)  # fmt: skip
REPLICA_SET = Kind(
    "apps", "v1", "replicasets", "ReplicaSet",
    short_names=("rs",), status=True, scale=True, generation=True, categories=("all",),
)  # fmt: skip
JOB = Kind("batch", "v1", "jobs", "Job", status=True, generation=True, categories=("all",))
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
ROLE = Kind(RBAC, "v1", "roles", "Role")
ROLE_BINDING = Kind(RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLE = Kind(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
NETWORK_POLICY = Kind(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",), generation=True
)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
    namespaced=False, short_names=("crd", "crds"), status=True, generation=True,
)  # fmt: skip

_REVIEWS = tuple(
    Kind(AUTHORIZATION, "v1", plural, kind, namespaced=False, verbs=("create",))
    for plural, kind in (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    )
)

BUILT_IN: tuple[Kind, ...] = (
    NAMESPACE, NODE, POD, SERVICE, SERVICE_ACCOUNT, SECRET, CONFIG_MAP, EVENT, DEPLOYMENT, REPLICA_SET, JOB, LEASE,
    ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, NETWORK_POLICY, CUSTOM_RESOURCE_DEFINITION, *_REVIEWS,
)  # fmt: skip


@dataclass(slots=True)
class Registry:
    """The kinds of one cluster."""

    _custom: dict[str, list[Kind]] = field(default_factory=dict)
    generation: int = 0

    def kinds(self) -> list[Kind]:
        """All kinds, built-in ones first."""
        return [*BUILT_IN, *(kind for kinds in self._custom.values() for kind in kinds)]

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind a path names, or None."""
        identity = (group, version, plural)
        kind = _BUILT_IN_BY_PATH.get(identity)
        return kind or next((k for k in self._custom_kinds() if (k.group, k.version, k.plural) == identity), None)

    def find_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind an owner reference names, or None."""
        return next((k for k in self.kinds() if k.api_version == api_version and k.kind == kind), None)

    def find_key(self, key: ResourceKey) -> Kind | None:
        """The first served version of a kind, or None."""
        return _BUILT_IN_BY_KEY.get(key) or next((k for k in self._custom_kinds() if k.key == key), None)

    def define(self, definition: Json) -> None:
        """Serve what a CRD defines, as soon as it is established."""
        name = definition["metadata"]["name"]
        established = find_condition(definition, "Established")
        kinds = _custom_kinds(definition) if established and established["status"] == "True" else []
        changed = kinds != self._custom.get(name)
        # Columns may change without what is served.
        self._custom[name] = kinds
        if changed:
            self.generation += 1

    def undefine(self, definition: Json) -> None:
        """Stop serving what a CRD defined."""
        if self._custom.pop(definition["metadata"]["name"], None) is not None:
            self.generation += 1

    def _custom_kinds(self) -> list[Kind]:
        return [kind for kinds in self._custom.values() for kind in kinds]


_BUILT_IN_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in BUILT_IN}
_BUILT_IN_BY_KEY = {kind.key: kind for kind in BUILT_IN}


def _custom_kinds(definition: Json) -> list[Kind]:
    spec = definition["spec"]
    names = spec["names"]
    return [
        Kind(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            kind=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            short_names=tuple(names.get("shortNames", ())),
            status="status" in version.get("subresources", {}),
            generation=True,
            custom=True,
            categories=tuple(names.get("categories", ())),
            singular=names.get("singular", ""),
            columns=columns.custom(version),
        )
        for version in spec["versions"]
        if version.get("served")
    ]
