"""The plan of a fleet: the class of each member by facts and findings, for every operation."""

import json
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.fleets.forecasts import Forecasts
from arcway.domain.fleets.plan import (
    CLASSES,
    Depth,
    Forecast,
    PlanClass,
    codes_of,
    counts_of,
    forecast,
)
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
BODY: Json = {
    "subscriptionId": SUBSCRIPTION,
    "resourceGroup": "clusters",
    "name": "shop",
    "kubeconfig": {"secret": "arcway-shop"},
}
NEW: Json = {"resourceGroupExists": True, "resourceExists": False, "toRegister": [], "releaseDeployed": False}
THERE: Json = {**NEW, "resourceExists": True, "releaseDeployed": True, "resourceChanges": [], "agentChanges": []}
RELEASE: Json = {"release": {"version": "1.2.3"}}


def error(code: Code, level: str = "error") -> Json:
    return {"code": code, "level": level, "message": "m", "remedy": None}


def of(operation: str, facts: Json, *findings: Json, depth: Depth = "cluster", **fields: Any) -> Forecast:
    """The forecast of a check, which is a request of the operation that says check."""
    body = {**BODY, **fields, "operation": operation} | ({"location": "eastus"} if operation == "onboard" else {})
    request = parse_request({name: value for name, value in body.items() if value is not None})
    checked = request.model_copy(update={"operation": "check"})
    result = forecast(checked, facts, findings, depth)
    assert result == forecast(request, facts, findings, depth)
    return result


def expected(kind: PlanClass, *changes: str) -> Forecast:
    return Forecast(kind, changes)


@pytest.mark.parametrize(
    ("facts", "findings", "result"),
    [
        (NEW, [], expected("create")),
        ({**NEW, "resourceGroupExists": False}, [], expected("create", "resourceGroup")),
        ({**NEW, "toRegister": ["Microsoft.Kubernetes"]}, [], expected("create", "provider Microsoft.Kubernetes")),
        # Agents that were left by a connect that failed get the connected cluster that they were for.
        ({**NEW, "releaseDeployed": True}, [], expected("create")),
        (NEW, [error(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, "info")], expected("adopt")),
        ({**THERE, "releaseDeployed": False}, [], expected("adopt")),
        ({**THERE, "takesOver": True, "resourceChanges": ["tags"]}, [], expected("adopt", "tags")),
        (THERE, [error(Code.CONNECTED_CLUSTER_TAKEN, "warning")], expected("unchanged")),
        (
            {**THERE, "resourceChanges": ["tags", "agentAutoUpgrade"]},
            [],
            expected("change", "agentAutoUpgrade", "tags"),
        ),
        ({**THERE, "agentChanges": ["chart version"]}, [], expected("change", "agents.chart version")),
        ({**THERE, "toRegister": ["Microsoft.Kubernetes"]}, [], expected("change", "provider Microsoft.Kubernetes")),
    ],
)
def test_onboarding(facts: Json, findings: list[Json], result: Forecast) -> None:
    assert of("onboard", facts, *findings) == result


@pytest.mark.parametrize(
    ("resource_exists", "agents", "fields", "result"),
    [
        (True, [{"kind": "HelmRelease"}], {}, expected("change", "agents", "connectedCluster")),
        (False, [{"kind": "HelmRelease"}], {}, expected("change", "agents")),
        (True, [], {}, expected("change", "connectedCluster")),
        (False, [], {}, expected("unchanged")),
        # With azureOnly the agents are not checked, and stay.
        (True, [{"kind": "Agents"}], {"azureOnly": True}, expected("change", "connectedCluster")),
        (False, [{"kind": "Agents"}], {"azureOnly": True}, expected("unchanged")),
        (False, [], {"agentsOnly": True}, expected("unchanged")),
    ],
)
def test_offboarding(resource_exists: bool, agents: list[Json], fields: Json, result: Forecast) -> None:
    assert of("offboard", {"resourceExists": resource_exists, "agents": agents}, **fields) == result


@pytest.mark.parametrize(
    ("facts", "result"),
    [
        ({"resourceChanges": []}, expected("unchanged")),
        ({"resourceChanges": ["tags"]}, expected("change", "tags")),
        ({"resourceChanges": ["tags"], "agentChanges": ["proxy"]}, expected("change", "agents.proxy", "tags")),
    ],
)
def test_updating(facts: Json, result: Forecast) -> None:
    assert of("update", facts, tags={"a": "b"}) == result


def test_upgrading() -> None:
    assert of("upgrade", {**RELEASE, "wanted": "1.3.0"}) == expected("change", "agents.version")
    assert of("upgrade", {**RELEASE, "wanted": "1.2.3"}) == expected("unchanged")


@pytest.mark.parametrize("operation", ["onboard", "offboard", "update", "upgrade"])
@pytest.mark.parametrize(
    ("codes", "kind", "code"),
    [
        ([Code.API_SERVER_UNREACHABLE], "unreachable", Code.API_SERVER_UNREACHABLE),
        ([Code.API_SERVER_TIMEOUT], "unreachable", Code.API_SERVER_TIMEOUT),
        ([Code.AZURE_SERVER_ERROR], "unreachable", Code.AZURE_SERVER_ERROR),
        ([Code.PHASE_TIMEOUT], "unreachable", Code.PHASE_TIMEOUT),
        ([Code.CLUSTER_LEASE_HELD], "busy", Code.CLUSTER_LEASE_HELD),
        ([Code.CONNECTED_CLUSTER_DELETING], "busy", Code.CONNECTED_CLUSTER_DELETING),
        ([Code.SECRET_UNUSABLE], "refused", Code.SECRET_UNUSABLE),
        ([Code.RESOURCE_GROUP_NOT_FOUND], "refused", Code.RESOURCE_GROUP_NOT_FOUND),
        ([Code.CONNECTED_CLUSTER_TAKEN], "refused", Code.CONNECTED_CLUSTER_TAKEN),
        ([Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER], "refused", Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER),
        ([Code.INTERNAL_ERROR], "refused", Code.INTERNAL_ERROR),
        # What must be corrected counts more than what passes, wherever it is among the findings.
        ([Code.API_SERVER_TIMEOUT, Code.RESOURCE_GROUP_NOT_FOUND], "refused", Code.RESOURCE_GROUP_NOT_FOUND),
        ([Code.CLUSTER_LEASE_HELD, Code.AZURE_SERVER_ERROR], "busy", Code.CLUSTER_LEASE_HELD),
    ],
)
def test_errors(operation: str, codes: list[Code], kind: PlanClass, code: Code) -> None:
    fields: Json = {"tags": {"a": "b"}} if operation == "update" else {}
    # A check that ended with an error has no facts.
    assert of(operation, {}, *map(error, codes), **fields) == Forecast(kind, code=code)


@pytest.mark.parametrize(
    ("operation", "fields", "facts", "result"),
    [
        ("onboard", {}, {**NEW, "releaseDeployed": True}, expected("create")),
        # Distribution and key follow from the cluster; only what the request names is compared.
        ("onboard", {"tags": {}}, {**THERE, "resourceChanges": ["distribution", "tags"]}, expected("change", "tags")),
        ("onboard", {}, {**THERE, "resourceChanges": ["tags"], "agentChanges": ["proxy"]}, expected("unchanged")),
        ("onboard", {}, {**THERE, "takesOver": True}, expected("unchanged")),
        ("onboard", {"proxy": {"https": "http://p:1"}}, THERE, expected("change", "agents")),
        ("onboard", {"agents": {"podLabels": {"a": "b"}}}, THERE, expected("change", "agents")),
        ("offboard", {}, {"resourceExists": False, "agents": []}, expected("change", "agents")),
        ("offboard", {"agentsOnly": True}, {"resourceExists": False}, expected("change", "agents")),
        ("offboard", {"azureOnly": True}, {"resourceExists": False}, expected("unchanged")),
        ("update", {"tags": {}}, {"resourceChanges": ["tags"]}, expected("change", "tags")),
        ("update", {"autoUpgrade": True}, {"resourceChanges": [], "agentChanges": ["x"]}, expected("unchanged")),
        ("update", {"disableProxy": True}, {"resourceChanges": []}, expected("change", "agents")),
        ("upgrade", {}, {"resource": {"properties": {"agentVersion": "1.2.3"}}}, expected("change", "agents")),
        (
            "upgrade",
            {"agentVersion": "1.2.3"},
            {"resource": {"properties": {"agentVersion": "1.2.3"}}},
            expected("unchanged"),
        ),
    ],
)
def test_depth_azure_has_what_azure_knows(operation: str, fields: Json, facts: Json, result: Forecast) -> None:
    assert of(operation, facts, depth="azure", **fields) == result


def test_depth_azure_leaves_out_errors_that_a_cluster_shows() -> None:
    errors = [Code.API_SERVER_TIMEOUT, Code.KUBERNETES_VERSION_UNSUPPORTED, Code.CONNECTED_CLUSTER_TAKEN]
    assert of("onboard", NEW, *map(error, errors), depth="azure") == expected("create")
    missing = of("onboard", NEW, *map(error, [*errors, Code.RESOURCE_GROUP_NOT_FOUND]), depth="azure")
    assert missing == Forecast("refused", code=Code.RESOURCE_GROUP_NOT_FOUND)
    expired = error(Code.CONNECTED_CLUSTER_EXPIRED)
    # An Expired connected cluster is connected again by another key, which Azure does not know; it is not upgraded.
    assert of("onboard", THERE, expired, depth="azure") == expected("unchanged")
    assert of("upgrade", RELEASE, expired, depth="azure").code == Code.CONNECTED_CLUSTER_EXPIRED


@pytest.mark.parametrize(
    ("planned", "current", "is_within"),
    [
        (expected("create"), expected("create"), True),
        (expected("create"), expected("unchanged"), True),
        (expected("create", "resourceGroup"), expected("create"), True),
        (expected("create"), expected("create", "resourceGroup"), False),
        (expected("create"), expected("adopt"), False),
        (expected("change", "a", "b"), expected("change", "b"), True),
        (expected("change", "a"), expected("change", "a", "b"), False),
        (expected("unchanged"), expected("change", "a"), False),
        (expected("unreachable"), expected("create"), False),
        (expected("refused"), expected("unchanged"), True),
        (expected("create"), Forecast("refused", code=Code.SUBSCRIPTION_DISABLED), False),
    ],
)
def test_a_member_may_be_done_if_nothing_more_is_changed_than_planned(
    planned: Forecast, current: Forecast, is_within: bool
) -> None:
    assert current.is_within(planned) is is_within


# --- lines ---


def test_counts_name_every_class_and_codes_the_most_frequent_first() -> None:
    busy, refused = Forecast("busy", code=Code.RUN_IN_PROGRESS), Forecast("refused", code=Code.SUBSCRIPTION_DISABLED)
    forecasts = [busy, refused, refused, expected("unchanged")]
    assert counts_of(forecasts) == dict.fromkeys(CLASSES, 0) | {"busy": 1, "refused": 2, "unchanged": 1}
    assert list(codes_of(forecasts).items()) == [(Code.SUBSCRIPTION_DISABLED, 2), (Code.RUN_IN_PROGRESS, 1)]


def test_forecasts_are_kept_as_three_letters_a_member() -> None:
    forecasts = Forecasts()
    assert Forecasts.read(json.loads(json.dumps(forecasts.as_json()))).as_json() == Forecasts.read(None).as_json() == {}
    for index in range(0, 10_000, 3):
        forecasts.put(index, Forecast("change", (f"tag {index % 5000}",)))
    forecasts.put(9999, expected("unchanged"))
    forecasts.put(3, expected("create"))
    stored = json.loads(json.dumps(forecasts.as_json()))
    assert len(stored["map"]) == 30_000
    stored_forecasts = Forecasts.read(stored)
    assert dict(stored_forecasts.items()) == dict(forecasts.items())
    assert len(dict(stored_forecasts.items())) == 3334
    assert dict(stored_forecasts.items())[3] == expected("create")
    assert dict(stored_forecasts.items())[9999] == expected("unchanged")


_GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways/a"
_LINK: Json = {"features": {"gateway": {"resourceId": _GATEWAY}}}
_LINKED: Json = {
    "resourceChanges": ["gateway.enabled", "gateway.resourceId"],
    "toRegister": ["Microsoft.HybridCompute"],
}


@pytest.mark.parametrize("operation", ["onboard", "update"])
def test_features_are_changes_of_the_connected_cluster_and_of_its_agents(operation: str) -> None:
    facts = {**THERE, **_LINKED, "agentChanges": ["global.enableGateway"]}
    around = ("gateway.enabled", "gateway.resourceId", "provider Microsoft.HybridCompute")
    assert of(operation, facts, **_LINK) == expected("change", "agents.global.enableGateway", *around)
    # The link is in no list of Azure's, and neither is what the agents have.
    by_lists = of(operation, facts, depth="azure", **_LINK)
    assert by_lists == expected("change", "agents", around[0], around[2])
    seen = {**facts, "resourceChanges": ["gateway.resourceId"], "toRegister": []}
    assert of(operation, seen, depth="azure", **_LINK) == expected("change", "agents")


@pytest.mark.parametrize("code", [Code.SELF_HOSTED_ISSUER_MISSING, Code.FEATURE_NOT_SUPPORTED])
def test_depth_azure_of_a_connect_does_not_know_the_distribution(code: Code) -> None:
    features: Json = {"features": {"oidcIssuer": {"enabled": True}}}
    assert of("onboard", NEW, error(code), depth="azure", **features) == expected("create")
    assert of("onboard", NEW, error(code), **features) == Forecast("refused", code=code)
    assert of("update", THERE, error(code), depth="azure", **features) == Forecast("refused", code=code)


CONFIGURATION: Json = {"name": "config"}
GITOPS: Json = {
    "toRegister": ["Microsoft.KubernetesConfiguration"],
    "extensionChanges": ["extension"],
    "configurationChanges": ["kustomizations.apps.path", "suspend"],
}
GITOPS_CHANGES = (
    "configuration.kustomizations.apps.path",
    "configuration.suspend",
    "extension",
    "provider Microsoft.KubernetesConfiguration",
)


def test_configurations_and_their_extension_are_changes() -> None:
    assert of("applyGitops", GITOPS, configuration=CONFIGURATION) == expected("change", *GITOPS_CHANGES)
    unchanged: Json = {"toRegister": [], "extensionChanges": [], "configurationChanges": []}
    assert of("applyGitops", unchanged, configuration=CONFIGURATION) == expected("unchanged")
    deletion = {"extensionChanges": ["extension"], "configurationChanges": ["configuration"]}
    result = of("deleteGitops", deletion, configuration=CONFIGURATION, withExtension=True)
    assert result == expected("change", "configuration", "extension")


def test_depth_azure_does_not_know_configurations() -> None:
    for operation in ("applyGitops", "deleteGitops"):
        result = of(operation, GITOPS, depth="azure", configuration=CONFIGURATION)
        assert result.changes[0] == "configuration"
    both = of("deleteGitops", {}, depth="azure", configuration=CONFIGURATION, withExtension=True)
    assert both == expected("change", "configuration", "extension")


def test_connect_with_a_configuration_has_its_changes() -> None:
    facts = {**GITOPS, "toRegister": [], "configurationChanges": ["configuration"]}
    result = of("onboard", {**NEW, **facts}, gitops=CONFIGURATION)
    assert result == expected("create", "configuration", "extension")
    assert of("onboard", {**THERE, **facts}, gitops=CONFIGURATION) == expected("change", "configuration", "extension")
    assert of("onboard", {**THERE, **facts}) == expected("unchanged")


ASSIGNED: Json = {"name": "a", "definitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{SUBSCRIPTION}"}


@pytest.mark.parametrize(
    ("facts", "result"),
    [
        ({"toRegister": [], "extensionChanges": [], "assignmentChanges": []}, expected("unchanged")),
        (
            {"toRegister": ["P"], "extensionChanges": ["extension"], "assignmentChanges": ["assignment"]},
            expected("change", "assignment", "extension", "provider P"),
        ),
        (
            {"toRegister": [], "extensionChanges": ["settings.a"], "assignmentChanges": ["parameters.effect"]},
            expected("change", "assignment.parameters.effect", "extension.settings.a"),
        ),
    ],
)
def test_forecast_of_azure_policy_names_extension_and_assignment(facts: Json, result: Forecast) -> None:
    assert of("enablePolicy", facts, assignment=ASSIGNED) == result
    assert of("disablePolicy", facts, assignment={"name": "a"}) == result


def test_forecast_of_azure_policy_by_lists_does_not_know_what_differs() -> None:
    assert of("enablePolicy", {}, depth="azure") == expected("change", "extension")
    assert of("enablePolicy", {}, depth="azure", assignment=ASSIGNED) == expected("change", "assignment", "extension")


def test_member_that_is_not_connected_is_tried_again_later() -> None:
    parked = of("enablePolicy", {}, error(Code.CLUSTER_NOT_CONNECTED))
    assert (parked.kind, parked.code) == ("unreachable", Code.CLUSTER_NOT_CONNECTED)
    assert of("enablePolicy", {}, error(Code.GATEKEEPER_OF_OTHERS)).kind == "refused"
