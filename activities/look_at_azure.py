"""look_at_azure: reads whether the clusters of a stage are in Azure as their operation left them, after its soak."""

from collections import defaultdict
from typing import Any

from activities.step import FleetCall
from arcway.azure import connected_clusters
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import DONE, decode
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, OffboardRequest, UpdateRequest
from arcway.runs.fleets import FleetList

# So many are read again, one at a time: a listing may lag. More than that are not gone by chance.
_READ_AGAIN = 50


async def look_at_azure(call: FleetCall) -> list[tuple[int, str]]:
    """The members that were done and are not as expected, each with the code why: by one listing of each group."""
    payload, members = call.payload, FleetList(call.client, call.payload)
    states = decode(payload["states"], payload["count"])
    done = [payload["first"] + number for number, state in enumerate(states) if state in DONE]
    requests = {index: await members.request(index) for index in done}
    expected = {index: request for index, request in requests.items() if _is_shown_by_azure(request)}
    lost = await in_thread(_lost, call, expected)
    return [(index, Code.CLUSTER_LOST_IN_SOAK) for index in lost]


def _is_shown_by_azure(request: AnyRequest) -> bool:
    """Whether the operation decides what Azure shows: an update in Azure alone says nothing of the agents."""
    if isinstance(request, OffboardRequest):
        return request.scope != "agents-only"
    return request.operation != "check" and not (isinstance(request, UpdateRequest) and request.scope == "azure-only")


def _lost(call: FleetCall, requests: dict[int, AnyRequest]) -> list[int]:
    azure, groups = call.installation.azure, defaultdict[tuple[str, str], dict[int, AnyRequest]](dict)
    for index, request in requests.items():
        groups[request.subscription_id, request.resource_group.lower()][index] = request
    lost: list[int] = []
    for (subscription, group), members in groups.items():
        listed = connected_clusters.list_by_key(azure, subscription, group)
        lost += [
            index for index, request in members.items() if not _is_expected(request, listed.get(request.cluster.key))
        ]
    if len(lost) <= _READ_AGAIN:
        lost = [index for index in lost if not _is_expected(requests[index], _read(call, requests[index].cluster))]
    return sorted(lost)


def _read(call: FleetCall, cluster: ClusterId) -> Json | None:
    return connected_clusters.get(call.installation.azure, cluster)


def _is_expected(request: AnyRequest, resource: dict[str, Any] | None) -> bool:
    if isinstance(request, OffboardRequest):
        return resource is None
    properties = (resource or {}).get("properties") or {}
    return str(properties.get("connectivityStatus")).lower() == "connected"
