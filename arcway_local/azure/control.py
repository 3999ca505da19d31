"""The test controls of the simulated Azure, under /control: paces, faults, permissions, subscriptions, request log.

GET  /control/requests                           the latest requests
DELETE /control/requests                         forget them
PUT  /control/paces        {"registration": {"reads": 2, "seconds": 0}, …}
PUT  /control/faults       [{"path": regex, "method": "PUT", "times": 2, "status": 429, "headers": {…}, "text": …,
                             "delay": seconds, "drop": true, "after": true}]    replaces all faults. "times": null:
                           always; "skip": N: N requests pass before; "code" and "message": an error in Azure's form
                           (a 404 ResourceNotFound for what exists, say); "retryAfterDate": N: a Retry-After that is
                           the date in N seconds
PUT  /control/subscriptions/{id}    {"actions": […], "notActions": […], "state": "Disabled"}     creates or changes
PUT  /control/providers/{subscription}/{namespace}   {"state": "NotRegistered"}
PUT  /control/groups/{subscription}/{group}  {"gone": {"reads": 2}}     being deleted; without `gone` without end
PUT  /control/guards       {"locks": [{"scope": id, "level": "CanNotDelete" or "ReadOnly"}], "denyAssignments":
                           [{"scope": id, "name": …, "actions": […]}], "policies": [{"scope": id, "name": …,
                           "types": […], "requiredTags": […], "allowedLocations": […]}]}     replaces all guards;
                           a restart forgets them
PUT  /control/patches      {"asynchronous": true}    a PATCH answers 202 with a Location to follow
PUT  /control/provisioning-failures {"<resource id>": {"code": …, "message": …}}
PUT  /control/extension-failures {"<extension id>": {"message": …, "code": …}, "<extension id>": {"hang": true}}
                           what the agents meet when they install it; replaces all such orders
PUT  /control/extensions   {"<extension id>": {"provisioningState": "Failed", any property}, "<extension id>": null}
                           what the service says of it; null: its record vanishes
PUT  /control/flux-failures {"<configuration id>": {"message": …, "code": …}}     provisioning fails; {"hang": true}:
                           nothing acts on it; {"pending": true}: never compliant; {"condition": {"kind": …, "name": …,
                           "reason": …, "message": …}}: Non-Compliant, kind GitRepository (or another source),
                           Kustomization or HelmRelease. Replaces all such orders; agents act on a changed one at once
PUT  /control/flux-configurations {"<configuration id>": {any property}, "<configuration id>": null}
                           what the service says of it; null: its record vanishes
PUT  /control/connectivity {"<resource id>": "Offline"}   the connectivity of a cluster until its next heartbeat;
                           an Expired one has no more heartbeats, as its identity has run out
PUT  /control/clusters     {"<resource id>": {"provisioningState": "Deleting", "connectivityStatus": …, any property,
                             "gone": {"reads": 2, "seconds": 0}}}       with `gone`, when the record vanishes on its own
PUT  /control/buckets/{subscription}   {"writes": {"size": 20, "perSecond": 1}, …}     full buckets that answer 429 when
                           they are empty; kinds that are not named only report, as all do at first
PUT  /control/retry-after  {"seconds": 2}        Retry-After of operations under way; null for none
PUT  /control/settings     {"dotted.key": "value"}   additional Helm settings of the data plane
POST /control/rotate-key   {"keep": true}        sign tokens with a new key; keep: tokens of earlier ones stay valid
PUT  /control/applications {"<client id>": "<secret>", "<client id>": {"secret": …, "name": …, "roles": […]}}
PUT  /control/users        {"<user>": {"name": …, "roles": […]}}     who may sign in; both add to those that are there
POST /control/tokens       {"user": "<user>", "claims": {…}}         an access token for the API, with claims changed
                           {"application": "<client id>", …}         (null: left out); {"access_token": …}
"""

import re
from typing import Any

from aiohttp import web

from arcway_local.azure.budget import Budget
from arcway_local.azure.connected_clusters import ConnectedClusters
from arcway_local.azure.data_plane import DataPlane
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Fault, RequestLog, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.guards import Guards
from arcway_local.azure.managed_resources import ManagedResources
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Subscription
from arcway_local.azure.transitions import Pace
from arcway_local.azure.world import World
from arcway_local.json_documents import read_json


class Control:
    """The routes of the controls. They are open to every process on this machine, as everything local is."""

    def __init__(
        self,
        world: World,
        entra: Entra,
        gate: Gate,
        connected_clusters: ConnectedClusters,
        data_plane: DataPlane,
        log: RequestLog,
        budget: Budget,
    ) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate
        self._connected_clusters = connected_clusters
        self._data_plane = data_plane
        self._log = log
        self._budget = budget
        self.faults: list[Fault] = []

    def routes(self, routes: Routes) -> None:
        """Register the routes of the controls."""
        routes.add("GET", r"/control/requests", self._requests)
        routes.add("DELETE", r"/control/requests", self._forget)
        routes.add("PUT", r"/control/paces", self._paces)
        routes.add("PUT", r"/control/faults", self._faults)
        routes.add("PUT", r"/control/subscriptions/(?P<id>[^/]+)", self._subscription)
        routes.add("PUT", r"/control/providers/(?P<id>[^/]+)/(?P<namespace>[^/]+)", self._provider)
        routes.add("PUT", r"/control/provisioning-failures", self._failures)
        routes.add("PUT", r"/control/extension-failures", self._extension_failures)
        routes.add("PUT", r"/control/extensions", self._extensions)
        routes.add("PUT", r"/control/flux-failures", self._flux_failures)
        routes.add("PUT", r"/control/flux-configurations", self._flux)
        routes.add("PUT", r"/control/connectivity", self._connectivity)
        routes.add("PUT", r"/control/groups/(?P<id>[^/]+)/(?P<group>[^/]+)", self._group)
        routes.add("PUT", r"/control/guards", self._guards)
        routes.add("PUT", r"/control/patches", self._patches)
        routes.add("PUT", r"/control/clusters", self._clusters)
        routes.add("PUT", r"/control/buckets/(?P<id>[^/]+)", self._buckets)
        routes.add("PUT", r"/control/retry-after", self._retry_after)
        routes.add("PUT", r"/control/settings", self._settings)
        routes.add("POST", r"/control/rotate-key", self._rotate_key)
        routes.add("PUT", r"/control/applications", self._applications)
        routes.add("PUT", r"/control/users", self._users)
        routes.add("POST", r"/control/tokens", self._tokens)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that applies to this request, or None; counts the request against it."""
        for fault in self.faults:
            if fault.take(method, path):
                return fault
        return None

    async def _requests(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(list(self._log.entries))

    async def _forget(self, exchange: Exchange) -> web.StreamResponse:
        self._log.entries.clear()
        return web.json_response({})

    async def _paces(self, exchange: Exchange) -> web.StreamResponse:
        try:
            self._world.paces.update(exchange.json())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refusal(400, "BadControl", f"Not a pace: {error}") from error
        return web.json_response({})

    async def _faults(self, exchange: Exchange) -> web.StreamResponse:
        try:
            specification = read_json(exchange.body)
            self.faults = [_fault(item) for item in specification]
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise Refusal(400, "BadControl", f"Not a list of faults: {error}") from error
        return web.json_response({})

    async def _subscription(self, exchange: Exchange) -> web.StreamResponse:
        key, body = exchange.parts["id"].lower(), exchange.json()
        subscription = self._world.subscriptions.setdefault(key, Subscription(key))
        self._world.touch("subscription", key)
        subscription.actions = body.get("actions", subscription.actions)
        subscription.not_actions = body.get("notActions", subscription.not_actions)
        subscription.state = body.get("state", subscription.state)
        return web.json_response({})

    async def _group(self, exchange: Exchange) -> web.StreamResponse:
        parts, body = exchange.parts, exchange.json()
        gone = Pace.parse(body["gone"]) if "gone" in body else None
        self._world.delete_group(parts["id"], parts["group"], gone)
        return web.json_response({})

    async def _guards(self, exchange: Exchange) -> web.StreamResponse:
        body = exchange.json()
        try:
            named = {"deny_assignments" if name == "denyAssignments" else name: body[name] for name in body}
            self._gate.guards = Guards(**named)
        except TypeError as error:
            raise Refusal(400, "BadControl", f"Not guards: {error}") from error
        return web.json_response({})

    async def _patches(self, exchange: Exchange) -> web.StreamResponse:
        self._connected_clusters.slow_patches = bool(exchange.json()["asynchronous"])
        return web.json_response({})

    async def _provider(self, exchange: Exchange) -> web.StreamResponse:
        parts = exchange.parts
        self._world.set_provider(parts["id"], parts["namespace"], exchange.json()["state"])
        return web.json_response({})

    async def _failures(self, exchange: Exchange) -> web.StreamResponse:
        self._world.fail_provisioning = {key.lower(): error for key, error in exchange.json().items()}
        return web.json_response({})

    async def _extension_failures(self, exchange: Exchange) -> web.StreamResponse:
        self._world.extensions.orders = {key.lower(): order for key, order in exchange.json().items()}
        return web.json_response({})

    async def _flux_failures(self, exchange: Exchange) -> web.StreamResponse:
        orders = {key.lower(): order for key, order in exchange.json().items()}
        if not all(
            isinstance(order, dict) and isinstance(order.get("condition", {}), dict) for order in orders.values()
        ):
            raise Refusal(400, "BadControl", "An order is an object, and so is its condition.")
        self._world.flux.set_orders(orders)
        return web.json_response({})

    async def _extensions(self, exchange: Exchange) -> web.StreamResponse:
        return _change(self._world.extensions, exchange)

    async def _flux(self, exchange: Exchange) -> web.StreamResponse:
        return _change(self._world.flux, exchange)

    async def _connectivity(self, exchange: Exchange) -> web.StreamResponse:
        for resource_id, status in exchange.json().items():
            self._world.set_properties(resource_id, {"connectivityStatus": status})
        return web.json_response({})

    async def _clusters(self, exchange: Exchange) -> web.StreamResponse:
        for resource_id, changes in exchange.json().items():
            gone = Pace.parse(changes.pop("gone")) if "gone" in changes else None
            self._world.set_properties(resource_id, changes, gone)
        return web.json_response({})

    async def _buckets(self, exchange: Exchange) -> web.StreamResponse:
        try:
            self._budget.set_sizes(exchange.parts["id"], exchange.json())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refusal(400, "BadControl", f"Not buckets: {error}") from error
        return web.json_response({})

    async def _retry_after(self, exchange: Exchange) -> web.StreamResponse:
        self._connected_clusters.retry_after = exchange.json()["seconds"]
        return web.json_response({})

    async def _settings(self, exchange: Exchange) -> web.StreamResponse:
        self._data_plane.extra_settings = exchange.json()
        return web.json_response({})

    async def _rotate_key(self, exchange: Exchange) -> web.StreamResponse:
        self._entra.rotate_key(keep=bool(exchange.json().get("keep")))
        return web.json_response({})

    async def _applications(self, exchange: Exchange) -> web.StreamResponse:
        self._entra.add_applications(exchange.json())
        return web.json_response({})

    async def _users(self, exchange: Exchange) -> web.StreamResponse:
        self._entra.add_users(exchange.json())
        return web.json_response({})

    async def _tokens(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"access_token": self._entra.api_token(exchange.json())})


def _change(resources: ManagedResources, exchange: Exchange) -> web.StreamResponse:
    for key, properties in exchange.json().items():
        if properties is None:
            resources.remove([key.lower()])
        else:
            resources.set_properties(key.lower(), properties)
    return web.json_response({})


def _fault(item: dict[str, Any]) -> Fault:
    named = {"retry_after_date" if name == "retryAfterDate" else name: value for name, value in item.items()}
    return Fault(**{**named, "path": re.compile(item["path"], re.IGNORECASE)})
