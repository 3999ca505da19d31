"""The agents' namespaces and their objects outside of these, each with the reason if its deletion is blocked.

Must not change anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.agents.finalizers import own_finalizers
from arcway.cluster.agents.leftovers import Releases
from arcway.cluster.constants import BINDINGS, DEFINITIONS, NAMESPACE, RELEASE_NAMESPACE
from arcway.domain.leftovers import leftover
from arcway.domain.text import counted, excerpt, listed, sentence

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KINDS = (
    ("CRD", DEFINITIONS),
    ("ClusterRole", f"{_RBAC}/clusterroles"),
    ("ClusterRoleBinding", BINDINGS),
)
_KUBERNETES_KINDS = {"CRD": "CustomResourceDefinition", "namespace": "Namespace"}
_REASONS, _REASON_LENGTH = 5, 200
_DEAD_API = "NamespaceDeletionDiscoveryFailure"
_DEAD_API_REMEDY = (
    "An aggregated API of the cluster does not respond, so namespaces cannot be deleted: `kubectl get apiservices` "
    "shows which one; repair its server or delete the APIService."
)
# Conditions of a namespace that are not about its end.
_ABOUT_THE_END = "Namespace"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One object of the agents outside their namespaces, or one of these namespaces."""

    kind: str
    path: str
    item: Json

    @property
    def name(self) -> str:
        """Kind and name, to be shown."""
        return f"{self.kind} {excerpt(self.item['metadata']['name'])}"

    @property
    def leftover(self) -> Json:
        """The part as what a removal has not removed yet."""
        kind, name = _KUBERNETES_KINDS.get(self.kind, self.kind), excerpt(self.item["metadata"]["name"])
        return leftover(kind, name, reason="Terminating" if self.is_going else "NotRemovedYet")

    @property
    def is_going(self) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.item["metadata"]

    def conditions(self) -> dict[str, Json]:
        """The conditions that hold and say why it is not gone yet, by type."""
        conditions = (self.item.get("status") or {}).get("conditions") or []
        prefix = _ABOUT_THE_END if self.kind == "namespace" else "Terminating"
        return {
            condition["type"]: condition
            for condition in conditions
            if condition["status"] == "True" and condition["type"].startswith(prefix)
        }

    def reasons(self) -> list[str]:
        """Why it stays: what the API server says, and the finalizers that it has itself."""
        if not self.is_going:
            return []
        reasons = [
            sentence(str(condition.get("message") or kind), _REASON_LENGTH)
            for kind, condition in self.conditions().items()
        ]
        own = own_finalizers(self.item)
        return [
            *reasons,
            *([f"{self.name} has the {'finalizer' if len(own) == 1 else 'finalizers'} {listed(own)}"] if own else []),
        ]


def everywhere(api: ClusterApi, releases: Releases) -> Iterator[Part]:
    """All parts: namespaces, definitions, roles and their bindings."""
    yield from namespaces(api)
    for kind, path in _KINDS:
        yield from _of_kind(api, kind, path, releases)


def that_block_a_new_one(api: ClusterApi, releases: Releases) -> Iterator[Part]:
    """The parts whose deletion an installation must not run into."""
    yield from namespaces(api)
    yield from _of_kind(api, "CRD", DEFINITIONS, releases)


def namespaces(api: ClusterApi) -> Iterator[Part]:
    """The agents' own namespaces; one in which a release of theirs is beside others is not theirs."""
    for name in (NAMESPACE, RELEASE_NAMESPACE):
        path = f"/api/v1/namespaces/{name}"
        if item := api.get(path):
            yield Part("namespace", path, item)


def reason(parts: Sequence[Part]) -> str | None:
    """Why these stay, in one line; None when no reason is known."""
    reasons = list(dict.fromkeys(message for part in parts for message in part.reasons()))
    remainder = [counted(len(reasons) - _REASONS, "more reason")] if len(reasons) > _REASONS else []
    return "; ".join([*reasons[:_REASONS], *remainder]) or None


def remedy(parts: Sequence[Part]) -> str | None:
    """What helps where no finalizer is the cause."""
    return _DEAD_API_REMEDY if any(_DEAD_API in part.conditions() for part in parts if part.is_going) else None


def _of_kind(api: ClusterApi, kind: str, path: str, releases: Releases) -> Iterator[Part]:
    for item in api.items(path):
        if releases.own(item, definition=kind == "CRD"):
            yield Part(kind, at(path, item["metadata"]["name"]), item)
