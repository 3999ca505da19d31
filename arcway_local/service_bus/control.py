"""The control API, HTTP on loopback: statistics and faults. Paths and bodies are in the package's docstring."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from arcway_local.json_documents import read_json
from arcway_local.service_bus.faults import Fault, Faults
from arcway_local.service_bus.model import EntityNotFound

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Controlled(Protocol):
    """What the control API controls."""

    @property
    def faults(self) -> Faults:
        """The injected faults."""

    @property
    def connections(self) -> int:
        """How many clients are connected."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Messages per entity."""

    def drop_links(self, path: str, condition: str, description: str) -> int:
        """End all links to an entity; returns their number."""

    def drop_connections(self) -> int:
        """End all connections; returns their number."""

    def expire_locks(self, path: str, sequence: int | None) -> int:
        """Expire locks now; returns their number. Raises EntityNotFound."""


def control_routes(bus: Controlled) -> list[web.RouteDef]:
    """The routes below /control."""
    view = _Control(bus)
    return [
        web.get("/control/entities", _guarded(view.entities)),
        web.get("/control/faults", _guarded(view.list_faults)),
        web.post("/control/faults", _guarded(view.add_fault)),
        web.delete("/control/faults", _guarded(view.clear_faults)),
        web.post("/control/links/drop", _guarded(view.drop_links)),
        web.post("/control/connections/drop", _guarded(view.drop_connections)),
        web.post("/control/locks/expire", _guarded(view.expire_locks)),
    ]


def _guarded(handler: _Handler) -> _Handler:
    """Turn what can go wrong into an answer: 400 for a bad body, 404 for an unknown entity."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except EntityNotFound as error:
            return web.json_response({"message": str(error)}, status=404)
        except (KeyError, ValueError, TypeError) as error:
            return web.json_response({"message": f"Not understood: {error}"}, status=400)

    return guarded


class _Control:
    def __init__(self, bus: Controlled) -> None:
        self._bus = bus

    async def entities(self, _: web.Request) -> web.Response:
        return web.json_response({"entities": self._bus.counts(), "connections": self._bus.connections})

    async def list_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"faults": [dataclasses.asdict(fault) for fault in self._bus.faults.listed()]})

    async def add_fault(self, request: web.Request) -> web.Response:
        fault = Fault(**await request.json(loads=read_json))
        self._bus.faults.add(fault)
        return web.json_response(dataclasses.asdict(fault), status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._bus.faults.clear()
        return web.Response(status=204)

    async def drop_links(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json(loads=read_json)
        path = body["entity"].strip("/").lower()
        condition = body.get("condition", "amqp:link:detach-forced")
        dropped = self._bus.drop_links(path, condition, body.get("description", "A fault was ordered."))
        return web.json_response({"dropped": dropped})

    async def drop_connections(self, _: web.Request) -> web.Response:
        return web.json_response({"dropped": self._bus.drop_connections()})

    async def expire_locks(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json(loads=read_json)
        return web.json_response({"expired": self._bus.expire_locks(body["entity"], body.get("sequenceNumber"))})
