"""Which clusters a selection has."""

from typing import Any

import pytest
from pydantic import ValidationError

from arcway.domain.errors import ArcError
from arcway.domain.fleets.request import fleet_of, read_fleet_request
from arcway.domain.fleets.selection import SelectedConnectedClusters, SelectedRuns, Selection
from arcway.domain.json_values import Json

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
RESOURCE: Json = {
    "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/North/providers/Microsoft.Kubernetes/connectedClusters/shop",
    "name": "shop",
    "tags": {"Team": "shop", "stage": "test"},
    "properties": {"connectivityStatus": "Connected", "agentVersion": "1.33.2"},
}


def takes(**fields: Any) -> bool:
    return SelectedConnectedClusters.model_validate({"subscriptions": [SUBSCRIPTION], **fields}).takes(RESOURCE)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"resourceGroups": ["north"]}, True),
        ({"resourceGroups": ["south"]}, False),
        ({"tags": {"TEAM": "shop"}}, True),
        ({"tags": {"team": "Shop"}}, False),
        ({"tags": {"team": "shop", "stage": "prod"}}, False),
        ({"connectivity": ["Offline", "Connected"]}, True),
        ({"connectivity": ["Offline"]}, False),
        ({"agentVersion": "<1.34"}, True),
        ({"agentVersion": "< 1.33.2"}, False),
        ({"agentVersion": "<=1.33.2"}, True),
        ({"agentVersion": ">=1.33.2"}, True),
        ({"agentVersion": ">1.33"}, True),
        ({"agentVersion": ">1.33.2"}, False),
        ({"agentVersion": "1.33.2"}, True),
        ({"agentVersion": "=1.33.1"}, False),
        ({"agentVersion": "<1.33.2-preview"}, False),
    ],
)
def test_connected_clusters_by_their_fields(fields: Json, expected: bool) -> None:
    assert takes(**fields) is expected


def test_agents_of_unknown_version_are_in_no_comparison() -> None:
    for condition in ("<1.34", ">1.34", "=1.34"):
        chosen = SelectedConnectedClusters.model_validate({"subscriptions": [SUBSCRIPTION], "agentVersion": condition})
        assert not chosen.takes({**RESOURCE, "properties": {"agentVersion": None}})


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"runs": {}, "fleet": {"id": "x"}},
        {"connectedClusters": {}},
        {"connectedClusters": {"subscriptions": [SUBSCRIPTION], "agentVersion": "new"}},
        {"connectedClusters": {"subscriptions": [SUBSCRIPTION], "connectivity": ["Lost"]}},
        {"runs": {"since": "2y"}},
        {"fleet": {"id": "x", "states": []}},
        {"fleet": {"id": "x", "states": ["gone"]}},
        {"everything": True},
    ],
)
def test_what_is_not_a_selection(selection: Json) -> None:
    with pytest.raises(ValidationError):
        Selection.model_validate(selection)


def test_what_is_left_out_by_name_or_id() -> None:
    selection = Selection.model_validate({"runs": {}, "except": ["Shop", RESOURCE["id"].replace("shop", "other")]})
    assert selection.leaves_out("shop", "x")
    assert selection.leaves_out("x", RESOURCE["id"].replace("shop", "OTHER"))
    assert not selection.leaves_out("x", RESOURCE["id"])


def test_selected_members_are_checked_like_others() -> None:
    body = {"fleet": "f", "operation": "update", "defaults": {"tags": {"a": "b"}}, "select": {"runs": {}}}
    request = read_fleet_request(body)
    member = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "north", "name": "shop"}
    fleet = fleet_of(request, [member])
    assert fleet.request.members == [member]
    assert fleet.digest == fleet_of(request, [{**member, "name": "other"}]).digest
    with pytest.raises(ArcError) as caught:
        fleet_of(request, [])
    assert caught.value.details == [{"field": "select", "message": "must have 1 to 10000 members; there are 0"}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"state": "Succeeded"}, False),
        ({"operation": "onboard"}, True),
        ({"operation": "update"}, False),
        ({"subscriptions": [SUBSCRIPTION.upper()]}, True),
        ({"subscriptions": [SUBSCRIPTION.replace("1", "2")]}, False),
        ({"resourceGroups": ["NORTH"]}, True),
        ({"resourceGroups": ["south"]}, False),
    ],
)
def test_runs_by_their_fields(fields: Json, expected: bool) -> None:
    run = {"state": "Failed", "operation": "onboard"}
    cluster = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "North"}
    assert SelectedRuns.model_validate(fields).takes({**run, "cluster": cluster}) is expected
