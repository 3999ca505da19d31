"""Fleets as the workflow engine has them: started, read, commanded; and the pages that keep their lists.

A fleet's instance is its name's, so that fleets of one name exclude one another. Its list is in the inputs of page
orchestrations that wait until the fleet is over: every back end keeps those, and no input is larger than a page.
"""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationQuery, OrchestrationState

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.commands import obey, retryable
from arcway.domain.fleets.document import OVER, document_of, status_of
from arcway.domain.fleets.request import Fleet, FleetRequest, digest_of, member_body
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import FleetId, Origin, fleet_instance, page_instance
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, parse_request
from arcway.domain.text import excerpt
from arcway.domain.timestamps import timestamp
from arcway.runs.reader import get_instance, input_of, is_over
from arcway.runs.starter import Author

PAGE = 100
"""Members of a page."""
_AT_ONCE = 8
# The output of a large fleet has up to 130 kB, and a gRPC client takes 4 MiB by default.
_LISTED = 20
_TRIES = 3


@dataclass(frozen=True, slots=True)
class StartedFleet:
    """The fleet of a request; `finished` if it had already ended."""

    fleet: FleetId
    finished: bool


async def start_fleet(
    client: df.DurableFunctionsClient, fleet: Fleet, key: str, origin: Origin, author: Author, *, checks: bool = False
) -> StartedFleet:
    """Start the fleet for the author, or return the one that the same key or an equal request started.

    With `checks` its members are only checked, beside a fleet of the name that may be in progress. Raises `ArcError`:
    ARC-7003 another fleet of the name is in progress, ARC-6009 the key was used for another request, ARC-6007 the
    engine does not respond.
    """
    instance = fleet_instance(check_name(fleet.request.fleet) if checks else fleet.request.fleet)
    for _ in range(_TRIES):
        state = await get_instance(client, instance)
        if state and (same := _same_fleet(state, fleet.digest, key)):
            payload = input_of(state)
        else:
            payload = _payload(instance, fleet, key, origin, author)
            if checks:
                payload |= {**check_fields(fleet.request.fleet), "plannedStages": fleet.stages}
            same = None
            try:
                await client.schedule_new_orchestration("fleet", input=payload, instance_id=instance)
            except grpc.RpcError:
                continue  # another request may have started one in the meantime: read again
        started = same or StartedFleet(FleetId(instance, payload["run"]), finished=False)
        if not started.finished:
            await _store_pages(client, fleet, payload)
        return started
    raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine rejected the start of the fleet.")


async def known_fleet(client: df.DurableFunctionsClient, request: FleetRequest, key: str) -> StartedFleet | None:
    """The existing fleet that `start_fleet` would return, if its list is complete; None otherwise.

    What the request selects may be another list by now. Raises `ArcError` as `start_fleet` does.
    """
    state = await get_instance(client, fleet_instance(request.fleet))
    same = _same_fleet(state, digest_of(request), key) if state else None
    if state is None or same is None or (not same.finished and await FleetList(client, input_of(state)).missing()):
        return None
    return same


def check_name(name: str) -> str:
    """The name of the fleet that checks the fleet of this name; a slash is in no name of a request."""
    return f"{name}/check"


def check_fields(name: str) -> Json:
    """What the input of a fleet that only checks has of its own.

    Each member is tried once, whatever others show, and no event is sent.
    """
    own = {"name": check_name(name), "checks": True, "stages": []}
    return {**own, "start": "all", "parkFor": 0, "source": None}


async def restart_fleet(client: df.DurableFunctionsClient, state: OrchestrationState, retry: Json) -> FleetId:
    """Start an ended fleet again, from the state in which it ended and with the command to retry members.

    Raises `ArcError`: ARC-7003 its last events are not sent yet, ARC-7004 it has none to retry, ARC-6007.
    """
    earlier, output, run = input_of(state), state.get_output(), uuid.uuid4().hex[:12]
    if not is_over(state):
        raise ArcError(Code.FLEET_IN_PROGRESS, f"Fleet {earlier['id']} has ended, but not all of its events are sent.")
    if not isinstance(output, dict):
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, "The fleet was terminated: send its request again.")
    fleet = FleetState.read(output["state"])
    fleet.canceled = fleet.paused = fleet.given_up = None
    fleet.rollout.reopen()
    if not retryable(fleet, retry["members"], retry["codes"]):
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, "The fleet has no such members to retry.")
    obey(fleet, retry, datetime.now(UTC).timestamp())
    again = {"state": fleet.as_json(), "run": run, "id": str(FleetId(state.instance_id, run))}
    payload = {**earlier, **again, "key": str(uuid.uuid4()), "createdAt": timestamp(datetime.now(UTC))}
    payload.pop("swept", None)
    try:
        await client.schedule_new_orchestration("fleet", input=payload, instance_id=state.instance_id)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine rejected the start of the fleet.") from error
    return FleetId(state.instance_id, run)


async def fleet_state_of(client: df.DurableFunctionsClient, fleet: str) -> OrchestrationState:
    """The orchestration of a fleet, by its public id or its name.

    Raises `ArcError`: ARC-7001 unknown, ARC-7002 superseded by a later fleet of its name, ARC-6007.
    """
    by_id = FleetId.parse(fleet)
    state = await get_instance(client, by_id.instance if by_id else fleet_instance(fleet))
    if state is None:
        raise ArcError(Code.FLEET_NOT_FOUND, f"Fleet {excerpt(fleet, 80)} does not exist.")
    later = input_of(state)["id"]
    if by_id and later != str(by_id):
        details = [{"fleet": later, "href": f"/api/fleets/{later}"}]
        raise ArcError(Code.FLEET_SUPERSEDED, f"Fleet {by_id} was superseded by {later}.", details=details)
    return state


def fleet_document(state: OrchestrationState) -> Json:
    """The fleet's document."""
    payload = input_of(state)
    status: Any = state.get_custom_status()
    if not isinstance(status, dict) or status.get("id") != payload["id"]:
        status = status_of(payload, FleetState.of(payload), datetime.now(UTC).timestamp(), "Accepted")
    if is_over(state) and status["state"] not in OVER:
        ended = timestamp(state.last_updated_at)
        error = {"code": Code.RUN_TERMINATED, "message": "The fleet was terminated from outside Arcway."}
        status = {**status, "state": "Canceled", "finishedAt": ended, "updatedAt": ended, "error": error}
    return document_of(payload, status)


async def list_fleets(client: df.DurableFunctionsClient) -> list[Json]:
    """The latest fleet of each name, the newest first. Raises `ArcError` ARC-6007."""
    query = OrchestrationQuery(instance_id_prefix="fleet-", max_instance_count=_LISTED, fetch_inputs_and_outputs=True)
    try:
        states = await client.get_all_orchestration_states(query)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error
    documents = [fleet_document(state) for state in states]
    return sorted(documents, key=lambda item: str(item["createdAt"]), reverse=True)


async def send_command(client: df.DurableFunctionsClient, document: Json, command: Json) -> None:
    """Tell a fleet in progress what to do. Raises `ArcError` ARC-6007, ARC-7004 when it is over by now."""
    data = {**command, "fleet": document["id"]}
    try:
        await client.raise_orchestration_event(document["id"].partition(".")[0], "command", data=data)
    except grpc.RpcError as error:
        raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine does not respond.") from error


class FleetList:
    """The members of one fleet; each page is read once."""

    def __init__(self, client: df.DurableFunctionsClient, payload: Json) -> None:
        self._client = client
        self._payload = payload
        self._pages: dict[int, Json | None] = {}

    async def entry(self, index: int) -> Json:
        """A member as it was given. Raises `ArcError` ARC-7005 when the list does not have it any more."""
        page = await self.page_of(index)
        entry: Json = page["members"][index % PAGE]
        return entry

    async def request(self, index: int) -> AnyRequest:
        """A member's request. Raises `ArcError` as `entry` does."""
        page, entry = await self.page_of(index), await self.entry(index)
        return parse_request(member_body(page["operation"], page["defaults"], entry))

    async def planned(self, index: int) -> Json | None:
        """What the fleet's plan says of a member; None without a plan. Raises `ArcError` as `entry` does."""
        page = await self.page_of(index)
        planned: Json | None = page["planned"][index % PAGE] if "planned" in page else None
        return planned

    async def missing(self) -> int:
        """The number of pages that are not there."""
        states = [await get_instance(self._client, self._instance(number)) for number in range(self._payload["pages"])]
        return sum(state is None for state in states)

    async def page_of(self, index: int) -> Json:
        """The page that a member is on, with the fleet's operation and defaults. Raises `ArcError` as `entry` does."""
        return await self._page(index // PAGE)

    async def _page(self, number: int) -> Json:
        if number not in self._pages:
            state = await get_instance(self._client, self._instance(number))
            self._pages[number] = input_of(state) if state else None
        if (page := self._pages[number]) is None:
            raise ArcError(Code.FLEET_LIST_INCOMPLETE, f"Page {number} of the fleet's list does not exist any more.")
        return page

    def _instance(self, number: int) -> str:
        return page_instance(self._payload["list"], number)


async def _store_pages(client: df.DurableFunctionsClient, fleet: Fleet, payload: Json) -> None:
    """Store the pages that are not there yet. A request that comes again completes a list that was cut off."""
    slots, request, planned = asyncio.Semaphore(_AT_ONCE), fleet.request, fleet.planned

    async def store(number: int) -> None:
        instance = page_instance(payload["list"], number)
        span = slice(number * PAGE, (number + 1) * PAGE)
        page: Json = {"operation": request.operation, "defaults": request.defaults, "members": request.members[span]}
        page |= {"planned": planned[span]} if planned is not None else {}
        async with slots:
            if await get_instance(client, instance) is None:
                try:
                    await client.schedule_new_orchestration("fleet_page", input=page, instance_id=instance)
                except grpc.RpcError as error:
                    if await get_instance(client, instance) is None:
                        message = "The workflow engine rejected a page of the fleet's list."
                        raise ArcError(Code.ENGINE_UNREACHABLE, message) from error

    await asyncio.gather(*(store(number) for number in range(payload["pages"])))


def _same_fleet(state: OrchestrationState, digest: str, key: str) -> StartedFleet | None:
    instance, earlier, over = state.instance_id, input_of(state), is_over(state)
    # Readers see a fleet as ended before its last events are sent.
    finished = over or fleet_document(state)["state"] in OVER
    if key == earlier["key"] and digest != earlier["digest"]:
        message = f"This Idempotency-Key started fleet {earlier['id']} with another request."
        raise ArcError(Code.IDEMPOTENCY_KEY_REUSED, message)
    if key == earlier["key"] or (not finished and digest == earlier["digest"]):
        return StartedFleet(FleetId(instance, earlier["run"]), finished=finished)
    if not over:
        ended = "has ended, but not all of its events are sent" if finished else "is in progress"
        message = f"Fleet {earlier['id']} ({earlier['name']}) {ended}."
        details = [{"fleet": earlier["id"], "href": f"/api/fleets/{earlier['id']}"}]
        raise ArcError(Code.FLEET_IN_PROGRESS, message, details=details)
    return None


def _payload(instance: str, fleet: Fleet, key: str, origin: Origin, author: Author) -> Json:
    request, run = fleet.request, uuid.uuid4().hex[:12]
    return {
        "id": str(FleetId(instance, run)),
        "run": run,
        "list": run,
        "name": request.fleet,
        "operation": request.operation,
        "key": key,
        "digest": fleet.digest,
        "size": len(request.members),
        "pages": -(-len(request.members) // PAGE),
        "window": request.window,
        "stages": fleet.stages,
        "countsRefused": "refused" in request.count,
        "start": request.start,
        "parkFor": request.park_for,
        "createdAt": timestamp(datetime.now(UTC)),
        "correlationId": origin.correlation_id,
        "traceparent": origin.traceparent,
        "source": author.event_source,
        "startedBy": author.identity.as_json(),
        "roles": sorted(author.roles),
        **({"planned": True} if fleet.planned is not None else {}),
    }
