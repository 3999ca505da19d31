"""Forecasts by Azure's lists: which lists are read, how often, and what follows from them or from a refusal."""

from types import SimpleNamespace
from typing import Any

import pytest

from arcway.azure import connected_clusters, subscriptions
from arcway.azure.fleet_forecasts import forecasts_by_lists
from arcway.azure.providers import NAMESPACES
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.plan import Forecast
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest, parse_request

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"


class World:
    """One Azure, and what it was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.requests: list[str] = []
        self.resources: list[Json] = []
        self.groups: dict[str, Json] = {}
        self.states = dict.fromkeys(NAMESPACES, "Registered")
        self.missing: dict[str, list[str]] = {}
        self.state = "Enabled"
        self.errors: dict[str, Code] = {}
        self.providers = SimpleNamespace(state=self._provider, locations=lambda *_: ["East US"])
        patch.setattr(connected_clusters, "list_in", self._list)
        patch.setattr(connected_clusters, "get", self._never)
        patch.setattr(subscriptions, "subscription", self._subscription)
        patch.setattr(subscriptions, "resource_groups", self._groups)
        patch.setattr(subscriptions, "resource_group", self._never)
        patch.setattr(subscriptions, "missing_actions", self._missing)

    def has(self, name: str, group: str = "g", subscription: str = SUBSCRIPTION, **fields: Any) -> None:
        """A connected cluster in Azure."""
        properties = {
            "provisioningState": "Succeeded",
            "connectivityStatus": "Connected",
            **fields.pop("properties", {}),
        }
        resource_id = ClusterId(subscription, group, name).resource_id
        own = {"id": resource_id, "location": "eastus", "tags": {}, "properties": properties}
        self.resources.append({**own, **fields})
        self.groups.setdefault(group, {"name": group})

    def plan(self, *requests: AnyRequest) -> dict[str, Forecast]:
        """The forecasts by name."""
        azure: Any = self
        forecasts = forecasts_by_lists(azure, requests)
        return {key.rpartition("/")[2]: item for key, item in forecasts.items()}

    def _ask(self, kind: str) -> None:
        self.requests.append(kind)
        if kind in self.errors:
            raise ArcError(self.errors[kind])

    def _never(self, *_: Any) -> None:
        raise AssertionError("a request for one member alone")

    def _list(self, _azure: Any, subscription: str, group: str | None = None) -> list[Json]:
        self._ask(f"list {group}" if group else f"list of {subscription}")
        parts = [(item, item["id"].lower().split("/")) for item in self.resources]
        return [item for item, part in parts if part[2] == subscription and group in (None, part[4])]

    def _subscription(self, _azure: Any, subscription: str) -> Any:
        self._ask(f"subscription {subscription}")
        return SimpleNamespace(state=self.state)

    def _groups(self, _azure: Any, _subscription: str) -> dict[str, Json]:
        self._ask("groups")
        return self.groups

    def _provider(self, _subscription: str, name: str) -> str:
        return self.states[name]

    def _missing(self, _azure: Any, _subscription: str, group: str, actions: tuple[str, ...]) -> list[str]:
        self._ask(f"permissions {group}")
        return [action for action in self.missing.get(group, ()) if action in actions]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def request(operation: str, name: str, group: str = "g", subscription: str = SUBSCRIPTION, **fields: Any) -> AnyRequest:
    body: Json = {"subscriptionId": subscription, "resourceGroup": group, "name": name, "operation": operation}
    body["kubeconfig"] = {"secret": f"arcway-{name.lower()}"}
    body |= {"location": "eastus"} if operation == "onboard" else {}
    return parse_request({**body, **fields})


def test_onboarding(world: World) -> None:
    world.has("same", tags={"a": "b"})
    world.has("tagged", tags={"a": "c"})
    world.has("elsewhere", location="westus")
    world.has("provisioned", kind="ProvisionedCluster")
    names = ("new", "SAME", "tagged", "elsewhere", "provisioned")
    forecasts = world.plan(*(request("onboard", name, tags={"a": "b"}) for name in names))
    assert forecasts == {
        "new": Forecast("create"),
        "same": Forecast("unchanged"),
        "tagged": Forecast("change", ("tags",)),
        "elsewhere": Forecast("refused", code=Code.LOCATION_MISMATCH),
        "provisioned": Forecast("refused", code=Code.RESOURCE_IS_PROVISIONED_CLUSTER),
    }
    assert world.requests == [f"subscription {SUBSCRIPTION}", "groups", "list g", "permissions g"]


def test_what_is_missing_around_a_member(world: World) -> None:
    world.states[NAMESPACES[0]] = "NotRegistered"
    created = world.plan(request("onboard", "a", createResourceGroup=True))["a"]
    assert created == Forecast("create", ("provider Microsoft.Kubernetes", "resourceGroup"))
    assert world.plan(request("onboard", "a"))["a"].code == Code.RESOURCE_GROUP_NOT_FOUND
    # What is not there is not asked for.
    assert not [kind for kind in world.requests if kind.startswith(("list", "permissions"))]
    world.groups["g"] = {"name": "g", "properties": {"provisioningState": "Deleting"}}
    assert world.plan(request("onboard", "a"))["a"].code == Code.RESOURCE_GROUP_DELETING
    world.groups["g"] = {"name": "g"}
    world.missing["g"] = ["Microsoft.Kubernetes/register/action"]
    assert world.plan(request("onboard", "a"))["a"].code == Code.PROVIDER_NOT_REGISTERED
    world.state = "Disabled"
    assert world.plan(request("onboard", "a"))["a"].code == Code.SUBSCRIPTION_DISABLED
    world.state = "Enabled"
    assert world.plan(request("onboard", "a", location="moon"))["a"].code == Code.LOCATION_NOT_OFFERED


GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways/one"
OID = "51dfe1e8-70c6-4de5-a08e-e18aff23d815"


def test_features_of_each_member(world: World) -> None:
    world.has("on", properties={"gateway": {"enabled": True}})
    world.has("off")
    world.states |= {"Microsoft.HybridCompute": "NotRegistered", "Microsoft.ExtendedLocation": "Registered"}
    link = {"gateway": {"resourceId": GATEWAY}}
    around = ("agents", "gateway.enabled", "provider Microsoft.HybridCompute")
    for operation in ("onboard", "update"):
        features: list[tuple[str, Json]] = [("on", link), ("off", link), ("ON2", {"clusterConnect": False})]
        world.has("ON2")
        requests = [request(operation, name, features=named) for name, named in features]
        assert world.plan(*requests) == {
            "on": Forecast("change", (around[0], around[2])),
            "off": Forecast("change", around),
            "on2": Forecast("change", ("agents",)),
        }


def test_action_that_one_members_features_need_refuses_that_member_alone(world: World) -> None:
    world.has("linked")
    world.has("other")
    world.states |= {"Microsoft.HybridCompute": "Registered", "Microsoft.ExtendedLocation": "NotRegistered"}
    world.missing["g"] = ["Microsoft.HybridCompute/settings/write"]
    custom = {"customLocations": {"enabled": True, "objectId": OID}}
    linked = request("update", "linked", features={"gateway": {"resourceId": GATEWAY}})
    other = request("update", "other", tags={"a": "b"}, features=custom)
    assert world.plan(linked, other) == {
        "linked": Forecast("refused", code=Code.AZURE_PERMISSION_MISSING),
        "other": Forecast("change", ("agents", "provider Microsoft.ExtendedLocation", "tags")),
    }
    world.missing["g"] = ["Microsoft.ExtendedLocation/register/action"]
    assert world.plan(linked, other)["other"].code == Code.PROVIDER_NOT_REGISTERED


def test_feature_that_the_connected_cluster_excludes_is_refused(world: World) -> None:
    world.has("private", properties={"privateLinkState": "Enabled"})
    world.has("aks", properties={"distribution": "AKS"})
    issuer = {"oidcIssuer": {"enabled": True}}
    requests = (
        request("update", "private", features={"clusterConnect": True}),
        request("update", "aks", features=issuer),
    )
    forecasts = world.plan(*requests)
    assert forecasts["private"] == Forecast("refused", code=Code.FEATURES_EXCLUDE)
    assert forecasts["aks"] == Forecast("refused", code=Code.SELF_HOSTED_ISSUER_MISSING)


def test_offboarding(world: World) -> None:
    world.has("there")
    world.missing["g"] = [*connected_clusters.WRITE_ACTIONS]
    forecasts = world.plan(*(request("offboard", name, azureOnly=True) for name in ("there", "gone")))
    assert forecasts == {"there": Forecast("change", ("connectedCluster",)), "gone": Forecast("unchanged")}
    world.missing["g"] = [*connected_clusters.DELETE_ACTIONS]
    refused = world.plan(*(request("offboard", name, azureOnly=True) for name in ("there", "gone")))
    assert refused == {
        "there": Forecast("refused", code=Code.AZURE_PERMISSION_MISSING),
        "gone": Forecast("unchanged"),
    }
    # With agentsOnly Azure is not asked for what it would allow.
    world.requests.clear()
    agents = world.plan(request("offboard", "there", agentsOnly=True))
    assert (agents["there"], world.requests) == (Forecast("change", ("agents",)), ["list g"])


def test_updating_and_upgrading(world: World) -> None:
    world.has("tagged", tags={"a": "b"}, properties={"agentVersion": "1.2.3"})
    world.has("bare", group="h")
    world.has("deleting", properties={"provisioningState": "Deleting"})
    world.has("expired", properties={"connectivityStatus": "Expired"})
    places = (("tagged", "g"), ("bare", "h"), ("deleting", "g"), ("gone", "g"))
    forecasts = world.plan(*(request("update", name, group, tags={"a": "b"}) for name, group in places))
    assert forecasts == {
        "tagged": Forecast("unchanged"),
        "bare": Forecast("change", ("tags",)),
        "deleting": Forecast("busy", code=Code.CONNECTED_CLUSTER_DELETING),
        "gone": Forecast("refused", code=Code.CONNECTED_CLUSTER_NOT_FOUND),
    }
    # Permissions only where something is written.
    assert sorted(world.requests) == ["list g", "list h", "permissions g", "permissions h"]
    upgrades = world.plan(request("upgrade", "tagged", agentVersion="1.2.3"), request("upgrade", "expired"))
    assert upgrades == {
        "tagged": Forecast("unchanged"),
        "expired": Forecast("refused", code=Code.CONNECTED_CLUSTER_EXPIRED),
    }


def test_a_subscription_is_listed_once_if_its_members_are_in_many_groups(world: World) -> None:
    for number in range(40):
        world.has(f"c{number}", group=f"g{number}")
    requests = [request("offboard", f"c{number}", f"g{number}", agentsOnly=True) for number in range(40)]
    assert {item.kind for item in world.plan(*requests).values()} == {"change"}
    assert world.requests == [f"list of {SUBSCRIPTION}"]
    # An identity that holds its role in the groups alone lists these.
    world.requests.clear()
    world.errors = {
        f"list of {SUBSCRIPTION}": Code.AZURE_PERMISSION_MISSING,
        "list g7": Code.AZURE_PERMISSION_MISSING,
        "list g8": Code.RESOURCE_GROUP_NOT_FOUND,
    }
    forecasts = world.plan(*(request("update", f"c{number}", f"g{number}", tags={}) for number in range(40)))
    assert len(world.requests) == 41
    assert forecasts.pop("c7") == Forecast("refused", code=Code.AZURE_PERMISSION_MISSING)
    assert forecasts.pop("c8") == Forecast("refused", code=Code.CONNECTED_CLUSTER_NOT_FOUND)
    assert {*forecasts.values()} == {Forecast("unchanged")}


def test_what_is_refused_of_one_subscription_is_about_its_members(world: World) -> None:
    world.has("a")
    world.errors = {f"subscription {OTHER}": Code.SUBSCRIPTION_NOT_FOUND}
    forecasts = world.plan(request("onboard", "a"), request("onboard", "b", subscription=OTHER))
    assert forecasts == {"a": Forecast("unchanged"), "b": Forecast("refused", code=Code.SUBSCRIPTION_NOT_FOUND)}


@pytest.mark.parametrize("place", ["groups", "list g", "list h", "permissions g", f"subscription {SUBSCRIPTION}"])
@pytest.mark.parametrize("code", [Code.AZURE_THROTTLED, Code.AZURE_UNREACHABLE])
def test_what_may_pass_is_raised(world: World, place: str, code: Code) -> None:
    world.has("a")
    world.has("b", group="h")
    world.errors = {place: code}
    with pytest.raises(ArcError) as caught:
        world.plan(request("onboard", "a"), request("onboard", "b", "h"))
    assert caught.value.code == code


def test_azure_policy_takes_extension_and_assignment(world: World) -> None:
    definition = f"/providers/Microsoft.Authorization/policyDefinitions/{SUBSCRIPTION}"
    assignment = {"name": "a", "definitionId": definition}
    world.has("a")
    assert world.plan(request("enablePolicy", "a", assignment=assignment))["a"] == Forecast(
        "change", ("assignment", "extension")
    )
    world.missing["g"] = ["Microsoft.Authorization/policyAssignments/write"]
    assert world.plan(request("enablePolicy", "a"))["a"] == Forecast("change", ("extension",))
    refused = world.plan(request("enablePolicy", "a", assignment=assignment))["a"]
    assert refused == Forecast("refused", code=Code.AZURE_PERMISSION_MISSING)
    assert world.plan(request("disablePolicy", "a", assignment={"name": "a"}))["a"].kind == "change"
    world.resources[0]["properties"]["connectivityStatus"] = "Offline"
    assert world.plan(request("disablePolicy", "a"))["a"] == Forecast("unreachable", code=Code.CLUSTER_NOT_CONNECTED)
    assert world.plan(request("disablePolicy", "a", force=True))["a"].kind == "change"
