"""Puts the parts together: one function app, its engine, HTTP endpoint and timers, started and stopped in order.

The only module that knows all of them. It runs inside an event loop and never ends the process.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from arcway_local.functions.dispatcher import (
    ACTIVITY,
    ENTITY,
    ORCHESTRATION,
    Dispatcher,
    durable_functions,
    durable_name,
)
from arcway_local.functions.engine import Engine
from arcway_local.functions.errors import HostError, JournalError, WorkLeftBehind
from arcway_local.functions.http_server import HttpServer
from arcway_local.functions.journal import FILE_NAME, Journal
from arcway_local.functions.journaled import JournaledEngine
from arcway_local.functions.keys import management_key
from arcway_local.functions.management import PATH, ManagementApi, management_urls
from arcway_local.functions.queues import SERVICE_BUS, Queues
from arcway_local.functions.routes import build_routes
from arcway_local.functions.second_worker import SecondWorker
from arcway_local.functions.settings import HostSettings, load_host_json, load_values
from arcway_local.functions.timers import TIMER, Timers
from arcway_local.functions.worker import DURABLE_CLIENT, Worker

_FIRED = frozenset(("httpTrigger", ORCHESTRATION, ACTIVITY, ENTITY, TIMER, SERVICE_BUS))
_SERVED = frozenset((DURABLE_CLIENT, "http"))

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to serve and where. `port` 0 takes a free one; `grace` is the seconds work in flight gets at the end.

    `data` is the folder of the journal; without one, what is durable lasts as long as the host. `home` is the path that
    `/` leads to; without one there is nothing at `/`.
    """

    app: Path
    host: str = "127.0.0.1"
    port: int = 0
    grace: float = 5.0
    data: Path | None = None
    home: str | None = None
    lost_events: int = 0
    """A test control: one of so many events that orchestrations send is lost; 0: none is."""


@dataclass(frozen=True)
class Running:
    """A host that is ready: its base URL without a slash at the end, and the names of all functions.

    `failure` ends with a JournalError when the journal cannot be written any more: the host refuses everything then.
    """

    url: str
    functions: tuple[str, ...]
    failure: asyncio.Future[None]
    management_key: str
    """What the management API wants as `code`."""


@asynccontextmanager
async def serve(options: Options) -> AsyncIterator[Running]:
    """Run the function app in `options.app` until the block is left.

    Raises HostError, with one sentence, when the app or its settings are wrong, the journal cannot be used or the port
    is taken. The worker library keeps its state in module globals: one app per process, once. Raises
    WorkLeftBehind at the end when a synchronous function would not finish within the grace period.
    """
    # The worker library works in the app's folder from here on.
    app, data = options.app.resolve(), options.data and options.data.absolute()
    if not app.is_dir():
        raise HostError(f"{options.app} is not a folder.")
    # As every Functions host does; an app may refuse to serve others than this machine without a sign-in.
    os.environ["WEBSITE_HOSTNAME"] = f"{_bracketed(options.host)}:{options.port}"
    load_values(app)
    settings = load_host_json(app)
    worker = Worker()
    worker.function_timeout = settings.function_timeout
    second = SecondWorker(app, settings.function_timeout) if settings.workers > 1 else None
    if second:
        await second.start()
    try:
        await worker.load(app)
        if second:
            await second.ready()
        routes = build_routes(worker.functions, settings.route_prefix)
        timers = Timers(worker)
        queues = Queues(worker, settings.messages)
        _warn(worker)
        engine = _engine(worker, settings.default_version, data)
        engine.loses_every = options.lost_events
        failure = _failure_of(engine)
        code = management_key(data)
        key = f"code={code}"
        management = ManagementApi(engine, code)
        server = HttpServer(worker, routes, management, options.grace, options.home, settings.custom_headers)
        dispatcher = Dispatcher(engine, worker, settings.concurrency, second)
        try:
            port = await _listen(server, options)
            url = f"http://{_bracketed(options.host)}:{port}"
            worker.client_configuration = client_configuration(settings, url, engine.start(), key)
            if second:
                second.client_configuration = worker.client_configuration
            if isinstance(engine, JournaledEngine):
                engine.resume()
            timers.start()
            queues.start()
            yield Running(url, tuple(function.name for function in worker.functions), failure, code)
        finally:
            # Messages first: what they start must still find an engine.
            await queues.stop(options.grace)
            await asyncio.gather(timers.stop(options.grace), server.stop(), dispatcher.stop(options.grace))
            engine.stop(0)
    finally:
        finished = worker.close()
        if second:
            await second.stop()
    if not finished:
        raise WorkLeftBehind


def client_configuration(settings: HostSettings, url: str, rpc_address: str, required_query: str) -> str:
    """The JSON that a durableClient binding receives, as the extension sends it.

    Without `maxGrpcMessageSizeInBytes`, which not every version of the extension names: what the app asks of the engine
    has to fit into gRPC's default of 4 MiB here, too.
    """
    base = url + PATH
    creation = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]?{required_query}"
    return json.dumps(
        {
            "taskHubName": settings.hub_name,
            "connectionName": "Storage",
            "creationUrls": {"createNewInstancePostUri": creation},
            "managementUrls": management_urls(base, "INSTANCEID", required_query),
            "baseUrl": base,
            "httpBaseUrl": base,
            "requiredQueryStringParameters": required_query,
            "rpcBaseUrl": f"http://{rpc_address}",
            "useForwardedHost": False,
            "grpcHttpClientTimeout": "00:01:40",
        }
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _engine(worker: Worker, version: str | None, data: Path | None) -> Engine:
    orchestrators = {
        key: durable_name(function) for key, function in durable_functions(worker.functions, ORCHESTRATION).items()
    }
    if data is None:
        return Engine(orchestrators, version)
    try:
        journal = Journal(data / FILE_NAME)
        try:
            return JournaledEngine(orchestrators, version, journal)
        except JournalError:
            journal.close()
            raise
    except JournalError as error:
        raise HostError(str(error)) from error


def _failure_of(engine: Engine) -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[None] = loop.create_future()

    def fail(error: JournalError) -> None:
        loop.call_soon_threadsafe(failure.set_exception, error)

    if isinstance(engine, JournaledEngine):
        # Once: an engine that has failed refuses to be tried again.
        engine.on_failure(fail)
    return failure


async def _listen(server: HttpServer, options: Options) -> int:
    try:
        return await server.start(options.host, options.port)
    except OSError as error:
        raise HostError(f"Cannot listen on {options.host}:{options.port}: {_reason(error)}.") from error


def _reason(error: OSError) -> str:
    # asyncio rewords the error, address included; a failed look-up has no errno of the system's, others have none.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def _warn(worker: Worker) -> None:
    for function in worker.functions:
        if function.trigger_type not in _FIRED:
            _log.warning("Function %s will not fire: this host has no %s.", function.name, function.trigger_type)
        for binding in function.bindings:
            if binding["type"] not in _SERVED and binding["name"] != "$return":
                _log.warning("Function %s: this host does not serve %s bindings.", function.name, binding["type"])
