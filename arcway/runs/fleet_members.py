"""The members of a fleet for readers: a page of them, with the state and the last run of each."""

from dataclasses import dataclass

import azure.durable_functions as df
from durabletask.client import OrchestrationState

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.member_map import MemberState, decode
from arcway.domain.ids import RunId
from arcway.domain.json_values import Json
from arcway.domain.text import excerpt
from arcway.runs.document import to_document
from arcway.runs.fleets import PAGE, FleetList, fleet_document
from arcway.runs.index import at_once
from arcway.runs.reader import get_instance, input_of
from arcway.runs.starter import instance_of


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Which members to list: in a state, and whose last run failed with a code."""

    state: str | None = None
    code: str | None = None


async def list_members(
    client: df.DurableFunctionsClient, fleet: OrchestrationState, chosen: MemberFilter, top: int, begin: int
) -> tuple[list[Json], str | None]:
    """A page of members from index `begin` on, and the index at which the next page begins.

    Raises `ArcError`: ARC-7005 the list is gone, ARC-6007.
    """
    payload, document = input_of(fleet), fleet_document(fleet)
    states, members = decode(document["map"], document["size"]), FleetList(client, payload)
    indices = [index for index in range(begin, len(states)) if chosen.state in (None, MemberState(states[index]).label)]
    page: list[Json] = []
    while indices and len(page) < top:
        batch, indices = indices[:top], indices[top:]
        # Pages are read once, before the members that are on them are read side by side.
        for index in batch[::PAGE] + batch[-1:]:
            await members.page_of(index)
        read = await at_once(
            lambda index: _member(client, members, payload["id"], index, MemberState(states[index])), batch
        )
        matching = [member for member in read if chosen.code in (None, (member["error"] or {}).get("code"))]
        page += matching[: top - len(page)]
        if len(page) == top:
            rest = [index for index in (*batch, *indices) if index > page[-1]["index"]]
            return page, str(rest[0]) if rest else None
    return page, None


async def named_members(client: df.DurableFunctionsClient, fleet: OrchestrationState, names: list[str]) -> list[int]:
    """The indices of the members of these names, which are compared without regard to case.

    Raises `ArcError`: ARC-1001 naming the names that no member has, ARC-7005 the list is gone.
    """
    payload, requested = input_of(fleet), {name.lower() for name in names}
    members, indices, matched = FleetList(client, payload), [], set()
    for index in range(payload["size"]):
        entry = await members.entry(index)
        if (name := str(entry.get("name")).lower()) in requested:
            indices.append(index)
            matched.add(name)
    if unknown := sorted(requested - matched):
        details = [{"field": "members", "message": f"{excerpt(name, 63)} is not a member"} for name in unknown[:100]]
        raise ArcError(Code.INVALID_FIELDS, "The request names members that the fleet does not have.", details=details)
    return indices


async def _member(
    client: df.DurableFunctionsClient, members: FleetList, fleet: str, index: int, state: MemberState
) -> Json:
    request = await members.request(index)
    run = await get_instance(client, instance_of(request)) if state is not MemberState.WAITING else None
    # The cluster's instance may have another run by now, of this fleet or of another caller.
    its_fleet = (input_of(run).get("fleet") or {}) if run is not None else {}
    own = (its_fleet.get("id"), its_fleet.get("member")) == (fleet, index)
    document = to_document(run, with_result=False) if run is not None and own else None
    error = document["error"] if document else None
    if state is MemberState.FAILED and document and document["state"] == "Succeeded":
        # Its run says nothing of what was seen after the soak.
        error = {**ArcError(Code.CLUSTER_LOST_IN_SOAK).as_dict(), "phase": None}
    return {
        "index": index,
        "name": request.name,
        "resourceId": request.cluster.resource_id,
        "state": state.label,
        "run": str(RunId(run.instance_id, input_of(run)["runId"])) if run is not None and own else None,
        "phase": ((error and error["phase"]) or document["phase"]) if document else None,
        "error": {"code": error["code"], "message": error["message"], "remedy": error["remedy"]} if error else None,
    }
