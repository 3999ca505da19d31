"""Runs the controllers of one cluster: turns changes into reconciliations of objects, one at a time, on the event loop.

Nothing polls: only changes and timers start work.
"""

import asyncio
from collections.abc import Callable

from arcway_local.cluster.behaviour import Behaviour
from arcway_local.cluster.controllers import deployments, jobs, lifecycle, pods
from arcway_local.cluster.controllers.context import Context
from arcway_local.cluster.kinds import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    SECRET,
)
from arcway_local.cluster.resources import Resources
from arcway_local.cluster.store import Change
from arcway_local.cluster.values import ResourceKey, controller_of, name_of, namespace_of
from arcway_local.json_documents import Json

type _Work = tuple[str, str, str]

_CONTROLLERS: dict[str, Callable[[Context, str, str], None]] = {
    "deployments": deployments.reconcile_deployment,
    "replicasets": deployments.reconcile_replica_set,
    "pods": pods.reconcile_pod,
    "gonepods": pods.forget_pod,
    "jobs": jobs.reconcile_job,
    "deadlines": jobs.reconcile_deadline,
    "expiries": jobs.reconcile_expiry,
    "namespaces": lifecycle.reconcile_namespace,
    "definitions": lifecycle.reconcile_definition,
    "garbage": lifecycle.collect_garbage,
}
_OWN: dict[ResourceKey, str] = {
    DEPLOYMENT.key: "deployments",
    REPLICA_SET.key: "replicasets",
    POD.key: "pods",
    JOB.key: "jobs",
    NAMESPACE.key: "namespaces",
    CUSTOM_RESOURCE_DEFINITION.key: "definitions",
}
_BY_OWNER_KIND = {"Deployment": "deployments", "ReplicaSet": "replicasets", "Job": "jobs"}


class Controllers:
    """The controllers of one cluster; they start with the first change and must be stopped to drop their timers."""

    def __init__(self, resources: Resources, behaviour: Behaviour, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._resources = resources
        self._context = Context(resources, behaviour, loop.time, self._later)
        self._queue: dict[_Work, None] = {}
        self._timers: dict[_Work, asyncio.TimerHandle] = {}
        self._scheduled = False
        self._stopped = False
        self._silence = resources.store.listen(self._follow)

    def stop(self) -> None:
        """Drop all work and timers."""
        self._stopped = True
        self._silence()
        self._queue.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def look_again(self, namespace: str = "") -> None:
        """Reconcile every pod (of one namespace), because their ordered behaviour changed."""
        for pod in self._resources.store.objects(POD.key, namespace):
            self._add("pods", namespace_of(pod), name_of(pod))

    def _add(self, controller: str, namespace: str, name: str) -> None:
        self._queue[controller, namespace, name] = None
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            self._loop.call_soon(self._work)

    def _later(self, seconds: float, controller: str, namespace: str, name: str) -> None:
        work = controller, namespace, name
        timer = self._timers.pop(work, None)
        if timer is not None:
            timer.cancel()
        self._timers[work] = self._loop.call_later(seconds, self._ring, work)

    def _ring(self, work: _Work) -> None:
        self._timers.pop(work, None)
        self._add(*work)

    def _work(self) -> None:
        """One piece of work; requests get their turn between two pieces. A fault is reported by the event loop."""
        self._scheduled = False
        if not self._queue:
            return
        work = next(iter(self._queue))
        del self._queue[work]
        if self._queue:
            self._scheduled = True
            self._loop.call_soon(self._work)
        controller, namespace, name = work
        _CONTROLLERS[controller](self._context, namespace, name)

    def _follow(self, change: Change) -> None:
        item, key = change.object, change.key
        namespace, name = namespace_of(item), name_of(item)
        if own := _OWN.get(key):
            self._add(own, namespace, name)
        if owner := controller_of(item):
            controller = _BY_OWNER_KIND.get(owner["kind"])
            if controller:
                self._add(controller, namespace, owner["name"])
        self._follow_owners(change)
        if key in (SECRET.key, CONFIG_MAP.key) and change.type == "ADDED":
            self._wake_pods(namespace, lambda pod: pod["status"].get("phase") == "Pending")
        elif key == NODE.key:
            self._wake_pods("", lambda pod: not pod["spec"].get("nodeName"))
        if key == POD.key and change.type == "DELETED":
            self._add("gonepods", "", item["metadata"]["uid"])
        if namespace and change.type != "ADDED" and self._context.is_terminating(namespace):
            self._add("namespaces", "", namespace)
        if change.type == "DELETED" and self._resources.store.get(
            CUSTOM_RESOURCE_DEFINITION.key, "", f"{key[1]}.{key[0]}"
        ):
            self._add("definitions", "", f"{key[1]}.{key[0]}")

    def _follow_owners(self, change: Change) -> None:
        metadata = change.object["metadata"]
        if change.type == "DELETED" or "deletionTimestamp" in metadata:
            self._add("garbage", "", metadata["uid"])
        for owner in metadata.get("ownerReferences", ()):
            if change.type == "DELETED" or self._resources.store.find_uid(owner["uid"]) is None:
                self._add("garbage", "", owner["uid"])

    def _wake_pods(self, namespace: str, waits: Callable[[Json], bool]) -> None:
        for pod in self._resources.store.objects(POD.key, namespace):
            if waits(pod):
                self._add("pods", namespace_of(pod), name_of(pod))
