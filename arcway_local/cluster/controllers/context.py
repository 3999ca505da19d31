"""What every controller gets: the cluster's objects, its ordered behaviour, and a timer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from arcway_local.cluster.behaviour import Behaviour
from arcway_local.cluster.kinds import EVENT, NAMESPACE, Kind
from arcway_local.cluster.resources import Resources, Write
from arcway_local.cluster.values import name_of, namespace_of, timestamp
from arcway_local.json_documents import Json

type Later = Callable[[float, str, str, str], None]


@dataclass(slots=True)
class Context:
    """Shared by the controllers of one cluster.

    `later(seconds, controller, namespace, name)` reconciles an object again after that time.
    """

    resources: Resources
    behaviour: Behaviour
    clock: Callable[[], float]
    later: Later
    _events: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _count: int = 0

    def create(self, kind: Kind, namespace: str, item: Json) -> Json:
        """Create an object as a controller."""
        return self.resources.create(
            kind, namespace, {"apiVersion": kind.api_version, "kind": kind.kind} | item, Write()
        )

    def owned(self, owner: Json, kind: Kind) -> list[Json]:
        """Objects of a kind that the owner controls and that are not being deleted."""
        uid = owner["metadata"]["uid"]
        return [
            item
            for key, item in self.resources.store.dependents(uid)
            if key == kind.key and "deletionTimestamp" not in item["metadata"]
        ]

    def is_terminating(self, namespace: str) -> bool:
        """Whether a namespace is Terminating, so that nothing may be created in it."""
        namespace_object = self.resources.store.get(NAMESPACE.key, "", namespace)
        return namespace_object is None or "deletionTimestamp" in namespace_object["metadata"]

    def record(self, about: Json, type_: str, reason: str, message: str, component: str) -> None:
        """Record an event; a repeat raises its count instead."""
        namespace = namespace_of(about) or "default"
        if self.is_terminating(namespace):
            return
        metadata = about["metadata"]
        identity = metadata["uid"], reason, message
        recorded = self.resources.store.get(EVENT.key, namespace, self._events.get(identity, ""))
        if recorded is not None:
            repeated = recorded | {"count": recorded["count"] + 1, "lastTimestamp": timestamp()}
            self.resources.store.put(EVENT.key, repeated)
            return
        self._count += 1
        name = f"{name_of(about)}.{self._count:016x}"
        self._events[identity] = name
        involved = {"kind": about["kind"], "apiVersion": about["apiVersion"], "name": name_of(about)}
        involved |= {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        if namespace_of(about):
            involved["namespace"] = namespace
        now = timestamp()
        event: Json = {"metadata": {"name": name}, "involvedObject": involved, "reason": reason, "message": message}
        event |= {"source": {"component": component}, "reportingComponent": component, "reportingInstance": ""}
        event |= {"firstTimestamp": now, "lastTimestamp": now, "count": 1, "type": type_}
        self.create(EVENT, namespace, event)


def owner_reference(owner: Json) -> Json:
    """The reference that makes an object controlled by its owner."""
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name_of(owner)}
    return reference | {"uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def pod_from(template: Json, owner: Json, name: str = "") -> Json:
    """A pod as a workload makes it from its template."""
    metadata = {key: value for key, value in template.get("metadata", {}).items() if key in ("labels", "annotations")}
    metadata |= {"name": name} if name else {"generateName": f"{name_of(owner)}-"}
    return {"metadata": metadata | {"ownerReferences": [owner_reference(owner)]}, "spec": template["spec"]}


def is_ready(pod: Json) -> bool:
    """Whether the pod's Ready condition is true."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ()))
