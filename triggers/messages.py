"""A message on the queue starts a run: the same request and the same parser as HTTP, its id is the request key.

A message that cannot become a run is answered by one `rejected` event and completed: it is never lost and never loops.
Only what may pass later is raised; the message is then delivered again and ends in the dead-letter queue.
"""

import hashlib
import re
from datetime import UTC

import azure.durable_functions as df
import azure.functions as func

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.events import rejected_event
from arcway.domain.fleets.request import read_fleet_request
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.domain.owners import QUEUE
from arcway.domain.request import AnyRequest, parse_request
from arcway.domain.secrets_held import holding
from arcway.domain.text import excerpt
from arcway.runs.reader import get_run
from arcway.runs.starter import cancel_run
from arcway.settings import Settings
from arcway.telemetry import log
from triggers.access.callers import Caller
from triggers.fleet_routes import start_from
from triggers.json_reader import read_json
from triggers.services import Invocation, Services

BODY_LIMIT = 64 * 1024
FLEET_LIMIT = 256 * 1024
# An event's id has at most 128 characters, and is made from the message's.
_PLAIN_ID = re.compile(r"[ -~]{1,100}")


def blueprint_of(services: Services) -> df.Blueprint:
    """The function that receives the messages."""
    blueprint = df.Blueprint()

    @blueprint.service_bus_queue_trigger(
        arg_name="message", queue_name="%ONBOARDING_QUEUE%", connection="ServiceBusConnection"
    )
    @services.installation.engine.input(blueprint)
    async def onboarding_message(message: func.ServiceBusMessage, client: df.DurableFunctionsClient) -> None:
        """Start the run that the message requests, or publish on the topic why not."""
        await receive(message, Invocation(services, client))

    return blueprint


async def receive(message: func.ServiceBusMessage, invocation: Invocation) -> None:
    """Start the run that the message requests, or publish on the topic why not. Raises `ArcError` that may pass."""
    key = _key(message)
    properties = message.application_properties or {}
    trace = properties.get("traceparent") or properties.get("Diagnostic-Id")
    origin = Origin.of(message.correlation_id or key, trace)
    body: object = None
    try:
        body = _body(message)
        with holding():
            await _do(invocation, body, key, origin)
    except ArcError as error:
        if error.code == Code.RUN_SUPERSEDED:
            log.info("message %s was handled by a run that a later one superseded", key)
            return
        if error.retryable and error.code not in (Code.RUN_IN_PROGRESS, Code.FLEET_IN_PROGRESS):
            raise
        event = _rejection(message, key, body, error, invocation.installation.settings)
        await in_thread(invocation.installation.events.send, [event], origin.correlation_id)


def _key(message: func.ServiceBusMessage) -> str:
    """The message's id, or a digest of it where it would not fit into an event's id."""
    key = message.message_id or f"sequence-{message.sequence_number}"
    return key if _PLAIN_ID.fullmatch(key) else f"sha256-{hashlib.sha256(key.encode(errors='replace')).hexdigest()}"


def _body(message: func.ServiceBusMessage) -> object:
    data = message.get_body()
    # A message that is too large for anything is not read: it may have been meant for a fleet.
    body = read_json(data) if len(data) <= FLEET_LIMIT else None
    limit = FLEET_LIMIT if body is None or _is_fleet(body) else BODY_LIMIT
    if len(data) > limit:
        raise ArcError(Code.BODY_TOO_LARGE, f"The message has {len(data)} bytes; the limit is {limit}.")
    return body


def _is_fleet(body: object) -> bool:
    return isinstance(body, dict) and "fleet" in body and ("members" in body or "select" in body)


async def _do(invocation: Invocation, body: object, key: str, origin: Origin) -> None:
    if isinstance(body, dict) and body.get("operation") == "cancel":
        await _cancel(invocation, body)
        return
    if _is_fleet(body):
        fleet = await in_thread(read_fleet_request, body)
        await start_from(invocation, fleet, key, origin, _sender(invocation.installation.settings))
        return
    request, sender = parse_request(body), _sender(invocation.installation.settings)

    async def check_secret() -> None:
        if request.kubeconfig is not None:
            await in_thread(queries.check_secret, invocation.installation, request.kubeconfig, sender.secret_user)

    # Not at once: the secret of a message that comes again may be gone with its run.
    await invocation.start_run(request, key, origin, sender, before=check_secret)


async def _cancel(invocation: Invocation, body: dict[str, object]) -> None:
    run_id = body.get("run")
    if not isinstance(run_id, str) or set(body) - {"operation", "run"}:
        details = [{"field": "run", "message": "must be the id of a run, and the only field besides operation"}]
        raise ArcError(Code.INVALID_FIELDS, details=details)
    instance = await get_run(invocation.client, run_id)
    if instance["finishedAt"]:
        return
    await cancel_run(invocation.client, run_id, _sender(invocation.installation.settings).identity)


def _sender(settings: Settings) -> Caller:
    """Service Bus does not say who sent a message; who may send is decided by the queue's Sender role."""
    return Caller(f"queue {settings.onboarding_queue}", None, frozenset(), other_roles=frozenset({QUEUE}))


def _rejection(message: func.ServiceBusMessage, key: str, body: object, error: ArcError, settings: Settings) -> Json:
    """The event that says why the message started no run."""
    enqueued = message.enqueued_time_utc
    time = enqueued.astimezone(UTC).isoformat().replace("+00:00", "Z") if enqueued else "1970-01-01T00:00:00Z"
    message_id = excerpt(message.message_id or key, 128)
    return rejected_event(
        message_id, error.as_dict(), key=key, source=settings.source, subject=_subject(body), time=time
    )


def _subject(body: object) -> str | None:
    """The cluster the message was about, if it is known."""
    try:
        request: AnyRequest = parse_request(body)
    except ArcError:
        return None
    return request.cluster.resource_id
