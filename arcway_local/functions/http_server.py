"""The host's HTTP endpoint: routes to functions, the admin endpoints of the Core Tools, and the management API.

It knows how a request reaches a function and what a client sees when one fails; stack traces go to the log only.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from uuid import uuid4

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from arcway_local.functions.dispatcher import ACTIVITY, ENTITY, ORCHESTRATION
from arcway_local.functions.http_messages import to_response, to_rpc
from arcway_local.functions.management import ManagementApi
from arcway_local.functions.protos import TypedData
from arcway_local.functions.routes import Route, find
from arcway_local.functions.timers import TIMER, timer_data
from arcway_local.functions.traces import from_headers, texts
from arcway_local.functions.worker import Function, InvocationError, Worker
from arcway_local.json_documents import read_json
from arcway_local.own_site import refuse_other_sites

_LINE_LIMIT = 64 * 1024
_BODY_LIMIT = 100 * 1024 * 1024
BODY_SECONDS = 60
# Also how long a connection may idle between two requests.
HEADER_SECONDS = 60.0
_SERVICE_BUS = "serviceBusTrigger"
_NOT_BY_ADMIN = frozenset(("httpTrigger", ORCHESTRATION, ENTITY))

_log = logging.getLogger(__name__)


class HttpServer:
    """Serves one app. `grace`: seconds that calls in progress get at the end; `home`: the path that `/` leads to;
    `headers`: what every answer gets that has not got it.
    """

    def __init__(
        self,
        worker: Worker,
        routes: Sequence[Route],
        management: ManagementApi,
        grace: float,
        home: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = dict(headers or {})
        self._worker = worker
        self._grace = grace
        self._home = home
        self._routes = routes
        self._calls: set[asyncio.Task[None]] = set()
        application = web.Application(
            client_max_size=_BODY_LIMIT, middlewares=[_refuse_unreadable, refuse_other_sites("/admin", "/runtime")]
        )
        application.on_response_prepare.append(self._add_headers)
        management.add_to(application)
        if home:
            application.router.add_get("/", self._to_home)
        application.router.add_get("/admin/host/status", self._status)
        application.router.add_post("/admin/functions/{name}", self._admin)
        # Not `.*`: a path may have an encoded line break.
        application.router.add_route("*", r"/{path:[\s\S]*}", self._function)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=grace,
            keepalive_timeout=HEADER_SECONDS,
            # The real host hands a compressed body on as it came.
            auto_decompress=False,
            # Functions refuse what is too long for them in their own words.
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
        )

    async def start(self, host: str, port: int) -> int:
        """Listen on `port`, or on a free one for 0; returns the port. Raises OSError when the address cannot be had."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Accept nothing more; give calls in progress the grace period."""
        await self._runner.cleanup()
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=self._grace)
            for call in late:
                call.cancel()

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)

    async def _function(self, request: web.Request) -> web.Response:
        match = find(self._routes, request.method, request.rel_url.raw_path)
        if match is None:
            return web.Response(status=404)
        function, values = match
        try:
            data = to_rpc(request, await request.read(), values)
            return to_response(await self._worker.invoke(function, data, trace=texts(from_headers(request.headers))))
        except InvocationError as error:
            _log.error("Function %s failed: %s\n%s", function.name, error, error.stack_trace)
            return web.Response(status=500)

    async def _to_home(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": str(self._home)})

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"state": "Running"})

    async def _admin(self, request: web.Request) -> web.Response:
        name = request.match_info["name"].lower()
        function = next((candidate for candidate in self._worker.functions if candidate.name.lower() == name), None)
        if function is None:
            return web.Response(status=404)
        if function.trigger_type in _NOT_BY_ADMIN:
            return web.Response(status=400, text=f"Functions with a {function.trigger_type} cannot be run this way.")
        try:
            document = read_json(await request.text() or "{}")
        except ValueError:
            return web.Response(status=400, text="The body must be JSON.")
        if not isinstance(document, dict):
            return web.Response(status=400, text='The body must be an object such as {"input": "text"}.')
        call = asyncio.create_task(self._run(function, document.get("input", "")))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return web.Response(status=202)

    async def _run(self, function: Function, value: object) -> None:
        metadata = _message_metadata() if function.trigger_type == _SERVICE_BUS else None
        try:
            await self._worker.invoke(function, _admin_data(function, value), metadata)
        except InvocationError as error:
            _log.error("Function %s failed: %s\n%s", function.name, error, error.stack_trace)


@web.middleware
async def _refuse_unreadable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the real host's own HTTP server refuses: a Host that is none, a body whose form is broken or never ends.

    A chunk that is broken and did not come along with the headers keeps aiohttp's reader waiting without end.
    """
    try:
        urlsplit(str(request.url))
        async with asyncio.timeout(BODY_SECONDS):
            await request.read()
    except TimeoutError:
        return web.Response(status=408)
    except (ValueError, web.RequestPayloadError, ClientPayloadError, HttpProcessingError) as error:
        _log.info("A request was refused: %r", str(error))
        return web.Response(status=400)
    return await handler(request)


def _message_metadata() -> dict[str, TypedData]:
    return {
        "MessageId": TypedData(string=str(uuid4())),
        "DeliveryCount": TypedData(json="1"),
        "UserProperties": TypedData(json="{}"),
        "ApplicationProperties": TypedData(json="{}"),
    }


def _admin_data(function: Function, value: object) -> TypedData:
    if function.trigger_type == TIMER:
        return timer_data()
    content = value if isinstance(value, str) else json.dumps(value)
    return TypedData(json=content) if function.trigger_type == ACTIVITY else TypedData(string=content)
