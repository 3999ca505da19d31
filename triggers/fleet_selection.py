"""Expands what a fleet selects into members: by Azure's lists, by runs, by the list of another fleet."""

import asyncio
from datetime import UTC, datetime, timedelta

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.member_map import MemberState, decode
from arcway.domain.fleets.request import Fleet, FleetRequest, fleet_of, member_body
from arcway.domain.fleets.selection import SelectedConnectedClusters, SelectedMembers, SelectedRuns, Selection
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.runs.fleets import FleetList, fleet_document, fleet_state_of
from arcway.runs.reader import get_instance, input_of, list_runs
from triggers.services import Invocation

_READS_AT_ONCE = 16
# What is wrong with the name of a fleet in a request is wrong with the request.
_NO_MEMBERS = (Code.FLEET_NOT_FOUND, Code.FLEET_SUPERSEDED, Code.FLEET_LIST_INCOMPLETE)


async def select_members(invocation: Invocation, request: FleetRequest) -> Fleet:
    """The fleet of a request with the members that it selects now.

    Raises `ArcError`: ARC-1001 with the problems of all members, or why a selection cannot be read.
    """
    tags: dict[str, dict[str, str]] = {}
    selected = await _select(invocation, request, tags) if request.select else []
    return await in_thread(fleet_of, request, selected, tags)


async def _select(invocation: Invocation, request: FleetRequest, tags: dict[str, dict[str, str]]) -> list[Json]:
    """The selected members; `tags` is given those that connected clusters have in Azure."""
    selection = request.select or Selection()
    if selection.connected_clusters:
        members = await _connected_clusters(invocation, selection.connected_clusters, tags)
    elif selection.runs:
        members = await _runs(invocation, selection.runs)
    else:
        members = await _members(invocation, request, selection.fleet or SelectedMembers(id=""))
    return [member for member in members if not selection.leaves_out(member["name"], _cluster(member).resource_id)]


async def _connected_clusters(
    invocation: Invocation, chosen: SelectedConnectedClusters, tags: dict[str, dict[str, str]]
) -> list[Json]:
    members: list[Json] = []
    for subscription in dict.fromkeys(chosen.subscriptions):
        group = chosen.resource_groups[0] if len(chosen.resource_groups) == 1 else None
        resources = await in_thread(queries.connected_clusters_in, invocation.installation, subscription, group)
        for resource in filter(chosen.takes, resources):
            _, _, own_subscription, _, own_group, *_ = resource["id"].split("/")
            place = {"subscriptionId": own_subscription.lower(), "resourceGroup": own_group}
            member = {**place, "name": resource["name"]}
            tags[_cluster(member).key] = resource.get("tags") or {}
            members.append(member)
    return members


async def _runs(invocation: Invocation, chosen: SelectedRuns) -> list[Json]:
    """The clusters of the runs, with the kubeconfig that each run had, unless it was for that run alone."""
    since = datetime.now(UTC) - timedelta(seconds=chosen.since)
    runs = await list_runs(invocation.services.runs, invocation.client, since)
    instances = [run.state.instance_id for run in runs if chosen.takes(run.summary)]
    slots = asyncio.Semaphore(_READS_AT_ONCE)

    async def member(instance: str) -> Json | None:
        async with slots:
            state = await get_instance(invocation.client, instance)
        if state is None:
            return None
        request = input_of(state)["request"]
        cluster = {name: request[name] for name in ("subscriptionId", "resourceGroup", "name")}
        kubeconfig = request.get("kubeconfig")
        return cluster if not kubeconfig or kubeconfig["temporary"] else {**cluster, "kubeconfig": kubeconfig}

    return [member for member in await asyncio.gather(*map(member, instances)) if member is not None]


async def _members(invocation: Invocation, request: FleetRequest, chosen: SelectedMembers) -> list[Json]:
    """Members of another fleet: their whole requests for the same operation, else their clusters and kubeconfigs.

    Raises `ArcError` ARC-1001 naming the field when there is no such fleet, or its list is gone.
    """
    try:
        return await _members_of(invocation, request, chosen)
    except ArcError as error:
        if error.code not in _NO_MEMBERS:
            raise
        details = [{"field": "select.fleet.id", "message": error.message}]
        raise ArcError(
            Code.INVALID_FIELDS, "The fleet selects members of a fleet that has none.", details=details
        ) from error


async def _members_of(invocation: Invocation, request: FleetRequest, chosen: SelectedMembers) -> list[Json]:
    state = await fleet_state_of(invocation.client, chosen.id)
    payload, document = input_of(state), fleet_document(state)
    members, whole = FleetList(invocation.client, payload), payload["operation"] == request.operation
    selected: list[Json] = []
    for index, value in enumerate(decode(document["map"], document["size"])):
        if MemberState(value).label in chosen.states:
            page, entry = await members.page_of(index), await members.entry(index)
            body = member_body(page["operation"], page["defaults"], entry)
            names = body.keys() - {"operation"} if whole else ("subscriptionId", "resourceGroup", "name", "kubeconfig")
            selected.append({name: body[name] for name in names if name in body})
    return selected


def _cluster(member: Json) -> ClusterId:
    return ClusterId(member["subscriptionId"], member["resourceGroup"], member["name"])
