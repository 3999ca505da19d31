"""The control API: adds and removes clusters, and sets their behaviour and faults.

Paths and bodies are in the package's docstring.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from arcway_local.cluster.behaviour import PodRule, Readiness
from arcway_local.cluster.errors import ApiError
from arcway_local.cluster.faults import Fault, Faults
from arcway_local.cluster.model import Cluster
from arcway_local.cluster.responses import respond
from arcway_local.json_documents import Json, read_json

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fleet(Protocol):
    """What the control API controls."""

    def names(self) -> list[str]:
        """Names of the clusters."""

    def kubeconfig_path(self, name: str) -> str:
        """Where the cluster's admin kubeconfig is."""

    def add(self, name: str | None) -> str:
        """Add a cluster and return its name. Raises ValueError for a name that is taken or not usable."""

    def remove(self, name: str) -> None:
        """Remove a cluster. Raises KeyError."""

    def cluster(self, name: str) -> Cluster:
        """The cluster's state. Raises KeyError."""

    def faults(self, name: str) -> Faults:
        """The cluster's faults. Raises KeyError."""

    def kubeconfig(self, name: str, user: str, token: str) -> Json:
        """A kubeconfig for a user of the cluster."""

    def drop_connections(self, name: str) -> int:
        """Abort the connections that talk to a cluster; returns their number."""


def control_routes(fleet: Fleet) -> list[web.RouteDef]:
    """The routes below /control."""
    view = _Control(fleet)
    root = "/control/clusters"
    return [
        web.get(root, _guarded(view.list_clusters)),
        web.post(root, _guarded(view.add_cluster)),
        web.delete(f"{root}/{{name}}", _guarded(view.remove_cluster)),
        web.get(f"{root}/{{name}}/behaviour", _guarded(view.show_behaviour)),
        web.put(f"{root}/{{name}}/behaviour", _guarded(view.set_behaviour)),
        web.get(f"{root}/{{name}}/faults", _guarded(view.list_faults)),
        web.post(f"{root}/{{name}}/faults", _guarded(view.add_fault)),
        web.delete(f"{root}/{{name}}/faults", _guarded(view.clear_faults)),
        web.delete(f"{root}/{{name}}/connections", _guarded(view.drop_connections)),
        web.post(f"{root}/{{name}}/users", _guarded(view.add_user)),
        web.patch(f"{root}/{{name}}/nodes/{{node}}", _guarded(view.change_node)),
        web.delete(f"{root}/{{name}}/history", _guarded(view.compact)),
    ]


def _guarded(handler: _Handler) -> _Handler:
    """Turn what can go wrong into an answer: 400 for a bad body, 404 for an unknown cluster."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return respond(error.status(), error.code)
        except KeyError as error:
            return respond({"message": f"unknown: {error.args[0]}"}, 404)
        except (ValueError, TypeError) as error:
            return respond({"message": str(error)}, 400)

    return guarded


async def _body(request: web.Request) -> Json:
    body = await request.text()
    parsed = read_json(body) if body else {}
    if not isinstance(parsed, dict):
        raise TypeError("the body must be an object")
    return parsed


class _Control:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def _cluster(self, request: web.Request) -> Cluster:
        return self._fleet.cluster(request.match_info["name"])

    def _entry(self, name: str) -> Json:
        return {"name": name, "kubeconfig": self._fleet.kubeconfig_path(name)}

    async def list_clusters(self, _: web.Request) -> web.Response:
        return respond({"clusters": [self._entry(name) for name in self._fleet.names()]})

    async def add_cluster(self, request: web.Request) -> web.Response:
        return respond(self._entry(self._fleet.add((await _body(request)).get("name"))), 201)

    async def remove_cluster(self, request: web.Request) -> web.Response:
        self._fleet.remove(request.match_info["name"])
        return web.Response(status=204)

    async def show_behaviour(self, request: web.Request) -> web.Response:
        return respond(_describe(self._cluster(request)))

    async def set_behaviour(self, request: web.Request) -> web.Response:
        cluster, body = self._cluster(request), await _body(request)
        readiness = Readiness(**body.get("readiness", {}))
        if readiness.mode not in ("immediate", "reads", "seconds"):
            raise ValueError(f"readiness mode {readiness.mode!r}")
        rules = tuple(_rule(rule) for rule in body.get("pods", []))
        cluster.behaviour.readiness, cluster.behaviour.rules = readiness, rules
        cluster.behaviour.unreachable = tuple(map(str, body.get("unreachable", [])))
        cluster.controllers.look_again()
        return respond(_describe(cluster))

    async def list_faults(self, request: web.Request) -> web.Response:
        faults = self._fleet.faults(request.match_info["name"]).listed()
        return respond({"faults": [_fault_body(fault) for fault in faults]})

    async def add_fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if "retryAfterSeconds" in body:
            body["retry_after_seconds"] = body.pop("retryAfterSeconds")
        fault = Fault(**body)
        if fault.kind not in ("silent", "delay", "status", "disconnect"):
            raise ValueError(f"fault kind {fault.kind!r}")
        self._fleet.faults(request.match_info["name"]).add(fault)
        return respond(_fault_body(fault), 201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._fleet.faults(request.match_info["name"]).clear()
        return web.Response(status=204)

    async def drop_connections(self, request: web.Request) -> web.Response:
        return respond({"dropped": self._fleet.drop_connections(request.match_info["name"])})

    async def add_user(self, request: web.Request) -> web.Response:
        cluster, body = self._cluster(request), await _body(request)
        token = cluster.admit(body["name"], body.get("groups", []), body.get("rules", []))
        kubeconfig = self._fleet.kubeconfig(cluster.name, body["name"], token)
        return respond({"name": body["name"], "token": token, "kubeconfig": kubeconfig}, 201)

    async def change_node(self, request: web.Request) -> web.Response:
        return respond(self._cluster(request).change_node(request.match_info["node"], await _body(request)))

    async def compact(self, request: web.Request) -> web.Response:
        self._cluster(request).store.compact()
        return web.Response(status=204)


def _rule(body: dict[str, Any]) -> PodRule:
    if body.get("outcome") not in ("imagePull", "crashLoop"):
        raise ValueError(f"outcome {body.get('outcome')!r}")
    labels = tuple(sorted(body.get("labels", {}).items()))
    return PodRule(
        body["outcome"], labels, body.get("namePrefix", ""), int(body.get("restarts", 1)), body.get("log", "")
    )


def _describe(cluster: Cluster) -> Json:
    rules = [
        {
            "outcome": rule.outcome,
            "labels": dict(rule.labels),
            "namePrefix": rule.name_prefix,
            "restarts": rule.restarts,
            "log": rule.log,
        }
        for rule in cluster.behaviour.rules
    ]
    behaviour = cluster.behaviour
    return {
        "readiness": dataclasses.asdict(behaviour.readiness),
        "pods": rules,
        "unreachable": list(behaviour.unreachable),
    }


def _fault_body(fault: Fault) -> Json:
    body = dataclasses.asdict(fault)
    body["retryAfterSeconds"] = body.pop("retry_after_seconds")
    return body
