"""start_members: starts the runs of some members of a fleet, each under a key that makes a repetition harmless."""

from activities.step import FleetCall
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.plan import Forecast
from arcway.domain.fleets.steps import MemberStart
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.runs.fleets import FleetList
from arcway.runs.outcomes import outcome_of
from arcway.runs.starter import Author, start_run


async def start_members(call: FleetCall) -> list[MemberStart]:
    """One answer for each member: the `run` that was started or found, a `report` if it has ended.

    A run that was found may be another caller's with an equal request: it is `adopted`. `again` instead is the code why
    the member could not be started now.
    """
    members = FleetList(call.client, call.payload)
    return [await _start(call, members, index, attempt) for index, attempt in call.payload["members"]]


async def _start(call: FleetCall, members: FleetList, index: int, attempt: int) -> MemberStart:
    payload = call.payload
    fleet: Json = {"id": payload["id"], "member": index, "attempt": attempt}
    key = f"{payload['run']}/{index}/{attempt}"
    origin = Origin(payload["correlationId"], payload["traceparent"])
    try:
        request = await members.request(index)
        if payload.get("checks"):
            fleet |= {"checks": True, "since": payload["createdAt"]}
            request = request.model_copy(update={"operation": "check"})
        if index in payload.get("held", ()) and (planned := await members.planned(index)) is not None:
            fleet["planned"] = planned
        started = await start_run(call.client, request, key, origin, Author.of(payload), fleet=fleet)
    except ArcError as error:
        return _refused(error, is_check=bool(payload.get("checks")))
    run = str(started.run)
    result: MemberStart = {"run": run, "adopted": not started.same_key}
    if started.finished:
        result["report"] = await outcome_of(call.client, run)
    return result


def _refused(error: ArcError, *, is_check: bool) -> MemberStart:
    """The run of another request or of a later one is in the way: the member is tried again later.

    A check is not: that another check is in progress is what it tells of the member.
    """
    if error.code == Code.ENGINE_UNREACHABLE:
        return {"again": error.code}
    if is_check:
        ended = {"outcome": "Succeeded", "changed": None, "code": None, "phase": None}
        return {"report": {**ended, "forecast": Forecast.of_error(error.code).as_json()}}
    outcome = "Superseded" if error.code == Code.RUN_SUPERSEDED else "Failed"
    return {"report": {"outcome": outcome, "changed": None, "code": error.code, "phase": None}}
