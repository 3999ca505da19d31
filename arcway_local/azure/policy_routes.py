"""Policy assignments and built-in definitions over HTTP, at subscriptions, groups and connected clusters.

Translates between the wire and `PolicyAssignments`; keeps no state.
"""

from aiohttp import web

from arcway_local.azure.arm import GROUP_PATH, SUBSCRIPTION_PATH
from arcway_local.azure.connected_clusters import CLUSTER_PATH, writer_of
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Handler, Routes
from arcway_local.azure.gate import Gate
from arcway_local.azure.paging import list_page
from arcway_local.azure.policy_assignments import TYPE
from arcway_local.azure.policy_definitions import POLICY_DEFINITIONS, find_definition
from arcway_local.azure.policy_definitions import TYPE as DEFINITION_TYPE
from arcway_local.azure.world import World

_ASSIGNMENTS = r"/providers/microsoft\.authorization/policyassignments"
_DEFINITIONS = r"(?:/subscriptions/(?P<subscription>[^/]+))?/providers/microsoft\.authorization/policydefinitions"


class PolicyRoutes:
    """The routes of policies, which belong to Microsoft.Authorization."""

    def __init__(self, world: World, entra: Entra, gate: Gate) -> None:
        self._world = world
        self._entra = entra
        self._gate = gate

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        for scope in (SUBSCRIPTION_PATH, GROUP_PATH, CLUSTER_PATH):
            one = rf"{scope}{_ASSIGNMENTS}/(?P<assignment>[^/]+)"
            table: tuple[tuple[str, str, str, Handler], ...] = (
                ("GET", scope + _ASSIGNMENTS, "read", self._list),
                ("GET", one, "read", self._get),
                ("PUT", one, "write", self._put),
                ("DELETE", one, "delete", self._delete),
            )
            for method, pattern, action, handler in table:
                routes.add(method, pattern, self._gate.to(TYPE, f"{TYPE}/{action}", handler))
        read = f"{DEFINITION_TYPE}/read"
        routes.add("GET", _DEFINITIONS, self._gate.to(DEFINITION_TYPE, read, self._definitions))
        definition = self._gate.to(DEFINITION_TYPE, read, self._definition)
        routes.add("GET", rf"{_DEFINITIONS}/(?P<definition>[^/]+)", definition)

    async def _list(self, exchange: Exchange) -> web.StreamResponse:
        assignments = self._world.policies.listed(self._scope(exchange), exchange.query("$filter"))
        return web.json_response(list_page(self._entra.endpoint, exchange, assignments))

    async def _get(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(self._world.policies.get(self._scope(exchange), exchange.parts["assignment"]))

    async def _put(self, exchange: Exchange) -> web.StreamResponse:
        name, writer = exchange.parts["assignment"], writer_of(exchange)
        scope, tenant = self._scope(exchange), self._world.tenant
        # 201 also for what was there before, as the API describes it.
        return web.json_response(self._world.policies.put(scope, name, exchange.json(), tenant, writer), status=201)

    async def _delete(self, exchange: Exchange) -> web.StreamResponse:
        assignment = self._world.policies.delete(self._scope(exchange), exchange.parts["assignment"])
        return web.json_response(assignment) if assignment else web.Response(status=204)

    async def _definitions(self, exchange: Exchange) -> web.StreamResponse:
        definitions = [definition.form() for definition in POLICY_DEFINITIONS.values()]
        return web.json_response(list_page(self._entra.endpoint, exchange, definitions))

    async def _definition(self, exchange: Exchange) -> web.StreamResponse:
        return web.json_response(find_definition(exchange.parts["definition"]).form())

    def _scope(self, exchange: Exchange) -> str:
        """The id of what the request is about. Raises `Refusal` 404 if it does not exist."""
        parts = exchange.parts
        subscription = self._world.subscription(parts["subscription"])
        if "name" in parts:
            return str(self._world.cluster(parts["subscription"], parts["group"], parts["name"])["id"])
        if "group" in parts:
            return str(self._world.group(parts["subscription"], parts["group"])["id"])
        return f"/subscriptions/{subscription.id}"
