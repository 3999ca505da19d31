"""Connecting a cluster again: what the request leaves out stays as it is, in Azure and in the agents' release."""

import json

import pytest

from tests.e2e.conftest import Arcway, Command, Json, SimulatedCluster
from tests.e2e.test_half_finished_worlds import connected
from tests.e2e.test_update import change, values

# What others may have given the connected cluster, none of which a request of Arcway's can name.
_OF_OTHERS: Json = {
    "azureHybridBenefit": "True",
    "gateway": {"enabled": True, "resourceId": "/subscriptions/s/resourceGroups/g/providers/p/gateways/one"},
    "oidcIssuerProfile": {"enabled": True, "selfHostedIssuerUrl": "https://issuer.example"},
    "securityProfile": {"workloadIdentity": {"enabled": True}},
    "aadProfile": {"enableAzureRBAC": True, "adminGroupObjectIDs": ["group"], "tenantID": "tenant"},
    "privateLinkState": "Disabled",
    "arcAgentryConfigurations": [{"feature": "logging", "settings": {"level": "debug"}}],
}


def given_by_others(arcway: Arcway, cluster: SimulatedCluster) -> Json:
    """The connected cluster after others have changed all of it that one may write."""
    resource = arcway.resource(cluster)
    assert resource
    properties = resource["properties"]
    body = {
        "location": resource["location"],
        "identity": {"type": "SystemAssigned"},
        "kind": "AWS",
        "tags": {"cost": "42"},
        "properties": {
            "agentPublicKeyCertificate": properties["agentPublicKeyCertificate"],
            # The agents report these two again, as their release says.
            "distribution": properties["distribution"],
            "infrastructure": properties["infrastructure"],
            "arcAgentProfile": {"agentAutoUpgrade": "Disabled"},
            **_OF_OTHERS,
        },
    }
    assert arcway.arm("PUT", resource["id"], body).status_code in (200, 201)
    changed = arcway.resource(cluster)
    assert changed
    return changed


def plan(arcway: Arcway, cluster: SimulatedCluster, **changes: object) -> list[str]:
    """What a connect would change."""
    answer = arcway.start(arcway.request(cluster, **changes), params={"dryRun": "true"})
    assert answer.status_code == 200, answer.text
    result: Json = answer.json()["result"]
    assert result["ready"], result
    planned: list[str] = result["plan"]
    return planned


def lasting(resource: Json | None) -> Json:
    """What of a resource is not of the moment."""
    assert resource
    moment = ("connectivityStatus", "lastConnectivityTime", "managedIdentityCertificateExpirationTime")
    properties = {name: value for name, value in resource["properties"].items() if name not in moment}
    ages = ("heartbeatAgeSeconds", "certificateDaysLeft", "systemData", "properties")
    return {**{name: value for name, value in resource.items() if name not in ages}, "properties": properties}


def test_nothing_is_changed_by_connecting_again(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, tags={"team": "shop"}))
    proxy = {"https": "http://proxy:3128", "skipRange": "10.0.0.0/8,.corp"}
    run = change(arcway, cluster, tags={"cost": "42"}, autoUpgrade=False, distribution="eks", proxy=proxy)
    assert run["state"] == "Succeeded", run["error"]
    resource_before, release = lasting(arcway.resource(cluster)), values(cluster)
    assert plan(arcway, cluster) == []
    run = arcway.connect(cluster)
    connected(run)
    assert (run["changed"], run["leftovers"]) == (False, [])
    assert lasting(arcway.resource(cluster)) == resource_before
    assert values(cluster) == release


def test_what_others_gave_the_resource_stays_when_something_is_changed(
    arcway: Arcway, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    resource_before = lasting(given_by_others(arcway, cluster))
    assert {name: resource_before["properties"].get(name) for name in _OF_OTHERS} == _OF_OTHERS
    assert plan(arcway, cluster) == []
    request_body = {"tags": {"team": "shop"}, "infrastructure": "azure"}
    assert plan(arcway, cluster, **request_body) == [
        "change global.kubernetesInfra of release azure-arc",
        f"change infrastructure of connected cluster c-{cluster.name}",
        f"change tags of connected cluster c-{cluster.name}",
    ]
    run = arcway.connect(cluster, **request_body)
    connected(run)
    assert run["changed"] is True
    expected = {
        **resource_before,
        "tags": {"team": "shop"},
        "properties": {**resource_before["properties"], "infrastructure": "azure"},
    }
    assert lasting(arcway.resource(cluster)) == expected


@pytest.mark.parametrize(
    ("agents", "name", "expected"),
    [
        ({"autoUpgrade": True}, "autoUpdate", True),
        ({"autoUpgrade": False}, "autoUpdate", False),
        ({"train": "stable"}, "releaseTrain", "stable"),
        ({}, "autoUpdate", False),
        ({}, "releaseTrain", "preview"),
    ],
)
def test_only_what_is_named_of_the_agents_is_changed(
    arcway: Arcway, cluster: SimulatedCluster, agents: Json, name: str, expected: object
) -> None:
    connected(arcway.connect(cluster, agents={"autoUpgrade": False, "train": "preview"}))
    connected(arcway.connect(cluster, agents=agents))
    assert values(cluster)["systemDefaultValues"]["azureArcAgents"][name] == expected


def test_a_release_that_others_configured_keeps_its_values(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, proxy={"https": "http://proxy:3128", "skipRange": "10.9.0.0/16"}))
    values_before = values(cluster)
    run = arcway.connect(cluster, proxy={"https": "http://other:3128"})
    connected(run)
    assert run["changed"] is True
    values_after = values(cluster)
    assert values_after["global"].pop("httpsProxy") == "http://other:3128"
    assert values_before["global"].pop("httpsProxy") == "http://proxy:3128"
    assert values_after == values_before


def test_the_command_line_says_whether_anything_was_changed(
    arcway: Arcway, cluster: SimulatedCluster, command: Command
) -> None:
    where = ("-g", "clusters", "--subscription", arcway.subscription, "-n", f"c-{cluster.name}", "-l", "eastus")
    connect = ("connect", *where, "--kubeconfig-secret", cluster.secret, "--quiet")
    first = command(*connect, "--tags", "a=b", "-o", "json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["changed"] is True
    repeated = command(*connect)
    assert repeated.returncode == 0, repeated.stderr
    assert "Nothing was changed." in repeated.stderr
    cleared = command(*connect, "--tags", "", "-o", "json")
    assert cleared.returncode == 0, cleared.stderr
    output = json.loads(cleared.stdout)
    assert (output["changed"], output["tags"]) == (True, {})
