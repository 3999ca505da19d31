"""One simulated cluster, put together: objects, rules, controllers, access, orders and faults.

The API and the control API are two views of it.
"""

import asyncio

from arcway_local.cluster.authorization import Access, User
from arcway_local.cluster.behaviour import Behaviour
from arcway_local.cluster.bootstrap import furnish
from arcway_local.cluster.controllers.manager import Controllers
from arcway_local.cluster.kinds import NODE, Registry
from arcway_local.cluster.resources import Resources, Write
from arcway_local.cluster.store import Store
from arcway_local.cluster.values import clone, set_condition
from arcway_local.json_documents import Json


class Cluster:
    """The state of one cluster. Must be made on a running event loop; `stop` drops its timers."""

    def __init__(self, name: str, admin_token: str) -> None:
        self.name = name
        self.store = Store()
        self.registry = Registry()
        self.resources = Resources(self.store, self.registry)
        self.behaviour = Behaviour()
        self.access = Access(self.store)
        self.controllers = Controllers(self.resources, self.behaviour, asyncio.get_running_loop())
        self.access.add(User("admin", ("system:masters", "system:authenticated")), admin_token)
        furnish(self.resources, name)
        self.store.compact()

    def stop(self) -> None:
        """Stop the controllers."""
        self.controllers.stop()

    def admit(self, name: str, groups: list[str], rules: list[Json]) -> str:
        """Add a user and return the bearer token."""
        return self.access.add(User(name, (*groups, "system:authenticated"), tuple(rules)))

    def note_read(self, resource: str, namespace: str) -> None:
        """Count a client's read of pods or their workloads."""
        if resource in ("pods", "deployments", "replicasets", "jobs") and self.behaviour.note_read(namespace):
            self.controllers.look_again(namespace)

    def change_node(self, name: str, change: Json) -> Json:
        """Set a node's `os`, `labels`, `taints`, `providerID` or `ready`. Raises ApiError 404."""
        node = clone(self.resources.get(NODE, "", name))
        labels = node["metadata"].setdefault("labels", {})
        labels.update(change.get("labels", {}))
        if "os" in change:
            node["status"]["nodeInfo"]["operatingSystem"] = change["os"]
            labels.update({"kubernetes.io/os": change["os"], "beta.kubernetes.io/os": change["os"]})
        for field in ("taints", "providerID"):
            if field in change:
                node["spec"][field] = change[field]
        if "ready" in change:
            status, reason = ("True", "KubeletReady") if change["ready"] else ("False", "KubeletNotReady")
            set_condition(node["status"]["conditions"], "Ready", status, reason)
        status_part = node["status"]
        updated = self.resources.update(NODE, "", name, node, Write())
        return self.resources.set_status(NODE, updated, status_part)
