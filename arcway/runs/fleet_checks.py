"""Checks of fleets: members of a fleet's list are checked as a fleet of their own, and what that shows is the plan.

Nothing is changed by a check. It has no list of its own if it is started for a fleet that exists: it reads that one's.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationState

from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.check_report import check_report, summary_without_digest
from arcway.domain.fleets.forecasts import Forecasts
from arcway.domain.fleets.member_map import MemberState, decode
from arcway.domain.fleets.plan import BUSY, Forecast, codes_of, counts_of, digest_of
from arcway.domain.fleets.plan_document import plan_document
from arcway.domain.fleets.request import member_body
from arcway.domain.fleets.steps import CheckSummary
from arcway.domain.ids import ClusterId, FleetId, fleet_instance
from arcway.domain.json_values import Json
from arcway.domain.timestamps import timestamp
from arcway.runs.fleets import FleetList, check_fields, check_name, fleet_document, fleet_state_of
from arcway.runs.index import instances_in_progress
from arcway.runs.reader import get_instance, input_of, is_over

_TRIES = 3
# Another check took the place of the member's, so that what it showed is not known.
_SUPERSEDED = Forecast("busy", code=Code.RUN_SUPERSEDED)
_OF_FLEET = (
    "list",
    "operation",
    "digest",
    "size",
    "pages",
    "window",
    "correlationId",
    "traceparent",
    "startedBy",
    "roles",
)


async def start_check(
    client: df.DurableFunctionsClient, payload: Json, first: int, count: int, *, parent: str | None, attempt: int = 0
) -> FleetId:
    """Start a check of the members [first, first + count) of the fleet with this input, or find the one that there is.

    When it has ended, it sends the event `checked` to the fleet `parent` (`orchestrators/fleet_checks.py`). The same
    fleet, members and attempt find the same check; another `attempt` checks again. Raises `ArcError`: ARC-7003 another
    check of these members is in progress, ARC-6007 the engine does not respond.
    """
    name = f"{check_name(payload['name'])}/{first}-{count}"
    key, instance = f"{parent or payload['id']}/check/{first}/{count}/{attempt}", fleet_instance(name)
    for _ in range(_TRIES):
        state = await get_instance(client, instance)
        if state is not None:
            earlier = input_of(state)
            if earlier["key"] == key:
                return FleetId(instance, earlier["run"])
            if not is_over(state):
                details = [{"fleet": earlier["id"], "href": f"/api/fleets/{earlier['id']}"}]
                raise ArcError(
                    Code.FLEET_IN_PROGRESS, f"Fleet {earlier['id']} ({name}) is in progress.", details=details
                )
        run = uuid.uuid4().hex[:12]
        own = {"id": str(FleetId(instance, run)), "run": run, "key": key, "range": [first, count], "parent": parent}
        of_fleet = {field: payload[field] for field in _OF_FLEET}
        check = {**of_fleet, **check_fields(payload["name"]), **own, "name": name}
        check["attempt"] = attempt
        check["createdAt"] = timestamp(datetime.now(UTC))
        try:
            await client.schedule_new_orchestration("fleet", input=check, instance_id=instance)
        except grpc.RpcError:
            continue  # another caller may have started one in the meantime: read again
        return FleetId(instance, run)
    raise ArcError(Code.ENGINE_UNREACHABLE, "The workflow engine rejected the start of the check.")


async def report_of(client: df.DurableFunctionsClient, check: FleetId) -> Json | None:
    """What a check has shown, as its event tells; None while it is in progress.

    Raises `ArcError`: ARC-7005, ARC-6007.
    """
    state = await fleet_state_of(client, str(check))
    if not is_over(state):
        return None
    payload, output = input_of(state), state.get_output()
    # What a check has shown that was terminated is not known.
    summary: CheckSummary = {"classes": {}, "codes": {}, "digest": None}
    if isinstance(output, dict):
        summary = await summary_of(client, {**payload, "forecasts": output["state"]})
    return check_report(payload, summary, timestamp(state.last_updated_at))


async def check_state_of(client: df.DurableFunctionsClient, fleet: str) -> OrchestrationState:
    """The orchestration of a check: by its id, or the latest for a plan of the fleet of this name.

    Raises `ArcError` as `fleet_state_of` does, and ARC-7004 if the fleet of this id is not a check.
    """
    state = await fleet_state_of(client, fleet if FleetId.parse(fleet) else check_name(fleet))
    if not input_of(state).get("checks"):
        message = f"Fleet {input_of(state)['id']} is not a check, so that it has no plan."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
    return state


async def plan_of(client: df.DurableFunctionsClient, state: OrchestrationState) -> Json:
    """The plan that a check has shown. A member on whose cluster a run is in progress by now is busy.

    Raises `ArcError`: ARC-7004 the check has not ended, or has not checked every member; ARC-7005, ARC-6007.
    """
    payload, output = input_of(state), state.get_output() if is_over(state) else None
    document = fleet_document(state)
    name = document["name"]
    if not is_over(state):
        message = f"Fleet {name} is {document['state']}. Its plan can be read when it has ended."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message, retryable=True)
    forecasts = await _forecasts(client, payload, output["state"]) if isinstance(output, dict) else None
    if forecasts is None:
        message = f"Fleet {name} is {document['state']} and has not checked every member. Make a new plan."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
    fleet = name.partition("/")[0]
    # Checks of earlier versions do not know the stages that their fleet would have.
    stages = payload.get("plannedStages", [])
    return await in_thread(plan_document, fleet, payload["operation"], "cluster", forecasts, stages)


async def summary_of(client: df.DurableFunctionsClient, payload: Json) -> CheckSummary:
    """What a check tells the fleet that it was started for; `payload` is its input with its forecasts and states."""
    forecasts = await _forecasts(client, payload, payload["forecasts"])
    if forecasts is None:
        return summary_without_digest(item for _, item in Forecasts.read(payload["forecasts"]["forecasts"]).items())
    values = forecasts.values()
    return {"classes": counts_of(values), "codes": codes_of(values), "digest": digest_of(forecasts)}


async def _forecasts(client: df.DurableFunctionsClient, payload: Json, stored: Json) -> dict[str, Forecast] | None:
    """The forecasts by resource id in lower case; None if a member was not checked."""
    first, count = payload.get("range", (0, payload["size"]))
    states, by_index = decode(stored["states"], stored["size"]), dict(Forecasts.read(stored["forecasts"]).items())
    members, in_progress = FleetList(client, payload), await instances_in_progress(client)
    forecasts: dict[str, Forecast] = {}
    for index in range(first, first + count):
        forecast = by_index.get(index) or _without_report(MemberState(states[index]))
        if forecast is None:
            return None
        page, entry = await members.page_of(index), await members.entry(index)
        cluster = cluster_of(member_body(page["operation"], page["defaults"], entry))
        forecasts[cluster.key] = BUSY if cluster.instance() in in_progress else forecast
    return forecasts


def _without_report(state: MemberState) -> Forecast | None:
    return _SUPERSEDED if state in (MemberState.SUCCEEDED, MemberState.PARKED) else None


def cluster_of(body: Mapping[str, str]) -> ClusterId:
    """The cluster of a member's request in its outside form."""
    return ClusterId(body["subscriptionId"], body["resourceGroup"], body["name"])
