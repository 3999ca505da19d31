"""Features of a connected cluster: turned on and off, waited for, kept by a second connect, refused where excluded."""

import json
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster, phase
from tests.e2e.test_connect_again import lasting, plan
from tests.e2e.test_half_finished_worlds import connected
from tests.e2e.test_update import body, change, values, writes

OID = "51dfe1e8-70c6-4de5-a08e-e18aff23d815"
PREFIX = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute"
GATEWAY = f"{PREFIX}/gateways/one"
CUSTOM: Json = {"enabled": True, "objectId": OID}
ALL: Json = {
    "clusterConnect": True,
    "customLocations": CUSTOM,
    "oidcIssuer": {"enabled": True},
    "workloadIdentity": True,
    "gateway": {"resourceId": GATEWAY},
    "azureRbac": {"enabled": True, "skipAuthorizationFor": ["a@b.example", "system:serviceaccount:x:y"]},
}


@pytest.fixture(autouse=True)
def _undisturbed(azure: Control) -> Any:
    yield
    azure.put("feature-reports", {})
    azure.put("patches", {"asynchronous": False})
    azure.put("paces", {"features": {"reads": 0}})


def linked(arcway: Arcway, cluster: SimulatedCluster) -> str | None:
    """The gateway that the connected cluster is linked to."""
    resource = arcway.resource(cluster)
    assert resource
    setting = f"{resource['id']}/providers/Microsoft.HybridCompute/settings/default"
    answer = arcway.arm("GET", setting, version="2025-02-19-preview")
    gateway: str | None = None
    if answer.status_code == 200:
        gateway = answer.json()["properties"]["gatewayProperties"]["gatewayResourceId"]
    return gateway


def connects(cluster: SimulatedCluster) -> bool:
    """Whether cluster connect is on."""
    enabled: bool = values(cluster)["systemDefaultValues"]["clusterconnect-agent"]["enabled"]
    return enabled


def links(arcway: Arcway) -> int:
    """How often a link to a gateway was written."""
    return sum(item["method"] == "PUT" for item in arcway.asked("HybridCompute/settings/"))


def dry_run(arcway: Arcway, cluster: SimulatedCluster, features: Json) -> Json:
    """What a check of an update has as its result."""
    answer = arcway.http.post("/updates", json=body(arcway, cluster, features=features), params={"dryRun": "true"})
    assert answer.status_code == 200, answer.text
    result: Json = answer.json()["result"]
    return result


def test_a_connect_with_all_features_sets_each_once_and_hands_out_the_issuer(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    azure.put("paces", {"features": {"reads": 4}})
    run = arcway.connect(cluster, features=ALL)
    connected(run)
    properties, issuer = run["result"]["properties"], run["result"]["features"]["oidcIssuer"]
    assert issuer["issuerUrl"] == properties["oidcIssuerProfile"]["issuerUrl"]
    assert issuer["apiServerFlag"] == f"--service-account-issuer={issuer['issuerUrl']}"
    assert properties["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert (properties["gateway"], properties["aadProfile"]) == ({"enabled": True}, {"enableAzureRBAC": True})
    assert linked(arcway, cluster) == GATEWAY
    assert phase(run, "waitForFeatures")["detail"] == f"set up; the issuer is {issuer['issuerUrl']}"
    release = values(cluster)
    assert release["global"]["enableOidcIssuer"] is True
    assert release["systemDefaultValues"]["customLocations"] == {"enabled": True, "oid": OID}
    guard = {"enabled": True, "authnMode": "arc", "skipAuthzCheck": "a@b.example,system:serviceaccount:x:y"}
    assert release["systemDefaultValues"]["guard"] == guard
    for namespace in ("Microsoft.ExtendedLocation", "Microsoft.HybridCompute"):
        provider = arcway.arm(
            "GET", f"/subscriptions/{arcway.subscription}/providers/{namespace}", version="2024-11-01"
        )
        assert provider.json()["registrationState"] == "Registered"
    assert {item["code"] for item in run["findings"]} >= {Code.FEATURE_NEEDS_ADMINISTRATOR}

    agents = arcway.http.get(f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/agents").json()
    assert agents["features"] == ["cluster connect", "custom locations", "Azure RBAC"]
    resource_before, revisions, written = lasting(arcway.resource(cluster)), cluster.revisions(), len(writes(arcway))
    for features in ({"features": ALL}, {}):
        assert plan(arcway, cluster, **features) == []
        again = arcway.connect(cluster, **features)
        connected(again)
        assert (again["changed"], again["leftovers"]) == (False, [])
    again = change(arcway, cluster, features=ALL)
    assert (again["state"], again["changed"], again["leftovers"]) == ("Succeeded", False, []), again["error"]
    assert again["result"]["features"]["oidcIssuer"] == issuer
    assert (cluster.revisions(), len(writes(arcway)), links(arcway)) == (revisions, written, 1)
    assert lasting(arcway.resource(cluster)) == resource_before
    assert values(cluster) == release


def test_an_update_turns_features_on_and_off_and_names_each_before(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    release_before = values(cluster)
    result = dry_run(arcway, cluster, ALL)
    name = f"connected cluster c-{cluster.name}"
    expected = [
        *(f"register provider namespace Microsoft.{item}" for item in ("ExtendedLocation", "HybridCompute")),
        f"change aadProfile.enableAzureRBAC of {name}",
        f"change gateway.enabled of {name}",
        f"change gateway.resourceId of {name}",
        f"change oidcIssuerProfile.enabled of {name}",
        f"change securityProfile.workloadIdentity.enabled of {name}",
        "change global.enableGateway of release azure-arc",
        "change global.enableOidcIssuer of release azure-arc",
        "change global.enableWorkloadIdentity of release azure-arc",
        "change systemDefaultValues.customLocations.enabled of release azure-arc",
        "change systemDefaultValues.customLocations.oid of release azure-arc",
        "change systemDefaultValues.guard.authnMode of release azure-arc",
        "change systemDefaultValues.guard.enabled of release azure-arc",
        "change systemDefaultValues.guard.skipAuthzCheck of release azure-arc",
    ]
    assert sorted(result["plan"]) == sorted(expected)
    assert (values(cluster), linked(arcway, cluster)) == (release_before, None)
    run = change(arcway, cluster, features=ALL)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["features"]["oidcIssuer"]["issuerUrl"]
    assert dry_run(arcway, cluster, ALL)["plan"] == []
    off: Json = {
        "clusterConnect": False,
        "customLocations": {"enabled": False},
        "oidcIssuer": {"enabled": False},
        "workloadIdentity": False,
        "gateway": {"enabled": False},
        "azureRbac": {"enabled": False},
    }
    run = change(arcway, cluster, features=off)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert "waitForFeatures" not in [item["name"] for item in run["phases"]]
    system = values(cluster)["systemDefaultValues"]
    assert (connects(cluster), system["customLocations"]) == (False, {"enabled": False, "oid": ""})
    assert (system["guard"]["enabled"], values(cluster)["global"]["enableOidcIssuer"]) == (False, False)
    properties = run["result"]["properties"]
    assert (properties["gateway"]["enabled"], properties["oidcIssuerProfile"]) == (False, {"enabled": False})
    connected(arcway.connect(cluster))
    assert connects(cluster) is False
    assert change(arcway, cluster, features=off)["changed"] is False


def test_what_others_set_stays_when_one_feature_is_changed(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster, features={"oidcIssuer": {"enabled": True}, "clusterConnect": False}))
    resource = arcway.resource(cluster)
    assert resource
    azure.put("patches", {"asynchronous": True})
    run = change(arcway, cluster, features={"gateway": {"resourceId": GATEWAY}})
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    after = arcway.resource(cluster)
    assert after
    assert after["properties"]["oidcIssuerProfile"] == resource["properties"]["oidcIssuerProfile"]
    assert (after["properties"]["gateway"], writes(arcway)[-1]) == ({"enabled": True}, "PATCH")
    assert connects(cluster) is False
    other = change(arcway, cluster, features={"gateway": {"resourceId": f"{PREFIX}/gateways/two"}})
    assert (other["state"], other["changed"], linked(arcway, cluster)) == ("Succeeded", True, f"{PREFIX}/gateways/two")


def test_errors_of_the_agents_end_the_run_and_a_second_one_continues(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster
) -> None:
    connected(arcway.connect(cluster))
    resource = arcway.resource(cluster)
    assert resource
    azure.put("feature-reports", {resource["id"]: {"errors": [{"component": "webhook", "message": "no image"}]}})
    run = change(arcway, cluster, features={"oidcIssuer": {"enabled": True}})
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.FEATURES_FAILED)
    assert run["error"]["message"] == "The agents could not set up the features: webhook: no image"
    assert (run["error"]["phase"], run["changed"]) == ("waitForFeatures", True)
    assert [item["reason"] for item in run["leftovers"]] == ["Changed"]
    azure.put("clusters", {resource["id"]: {"arcAgentProfile": {"agentAutoUpgrade": "Enabled"}}})
    again = change(arcway, cluster, features={"oidcIssuer": {"enabled": True}})
    assert (again["state"], again["changed"]) == ("Succeeded", False), again["error"]
    assert again["result"]["features"]["oidcIssuer"]["issuerUrl"]


@pytest.mark.parametrize(
    ("before", "features", "code"),
    [
        ({"clusterConnect": False}, {"customLocations": CUSTOM}, Code.FEATURES_EXCLUDE),
        ({"customLocations": CUSTOM}, {"clusterConnect": False}, Code.FEATURES_EXCLUDE),
        ({}, {"privateLink": {"scopeResourceId": f"{PREFIX}/privateLinkScopes/p"}}, Code.FEATURES_EXCLUDE),
    ],
)
def test_what_the_agents_have_excludes_what_is_asked_for(
    arcway: Arcway, cluster: SimulatedCluster, before: Json, features: Json, code: Code
) -> None:
    connected(arcway.connect(cluster, features=before))
    release, written = values(cluster), len(writes(arcway))
    for run in (change(arcway, cluster, features=features), arcway.connect(cluster, features=features)):
        assert (run["state"], run["error"]["code"], run["error"]["phase"]) == ("Failed", code, "checkCluster")
    assert (values(cluster), len(writes(arcway))) == (release, written)


def test_issuer_of_a_detected_distribution_must_be_given(arcway: Arcway, cluster: SimulatedCluster) -> None:
    (node, *_) = cluster.get("/api/v1/nodes")["items"]
    node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] = "one"
    assert cluster.send("PUT", f"/api/v1/nodes/{node['metadata']['name']}", node) == 200
    features: Json = {"oidcIssuer": {"enabled": True}, "azureRbac": {"enabled": True}}
    run = arcway.connect(cluster, features=features)
    assert run["state"] == "Failed"
    codes = [item["code"] for item in run["findings"] if item["level"] == "error"]
    assert codes == [Code.SELF_HOSTED_ISSUER_MISSING, Code.FEATURE_NOT_SUPPORTED]
    own = "https://oidc.eks.example/id/1A"
    run = arcway.connect(cluster, features={"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": own}})
    connected(run)
    assert run["result"]["features"] == {"oidcIssuer": {"issuerUrl": own}}


def test_new_agents_with_a_private_link_have_no_cluster_connect(arcway: Arcway, cluster: SimulatedCluster) -> None:
    scope = f"{PREFIX}/privateLinkScopes/p"
    run = arcway.connect(cluster, features={"privateLink": {"scopeResourceId": scope}})
    connected(run)
    properties = run["result"]["properties"]
    assert (properties["privateLinkState"], properties["privateLinkScopeResourceId"]) == ("Enabled", scope)
    assert connects(cluster) is False
    refused = change(arcway, cluster, features={"clusterConnect": True})
    assert refused["error"]["code"] == Code.FEATURES_EXCLUDE
    run = change(arcway, cluster, features={"clusterConnect": True, "privateLink": {"enabled": False}})
    assert (run["state"], run["result"]["properties"]["privateLinkState"]) == ("Succeeded", "Disabled"), run["error"]


@pytest.mark.parametrize(
    "missing", ["Microsoft.HybridCompute/settings/write", "Microsoft.HybridCompute/register/action"]
)
def test_missing_permission_is_reported_before_anything_is_changed(
    arcway: Arcway, azure: Control, cluster: SimulatedCluster, missing: str
) -> None:
    connected(arcway.connect(cluster))
    azure.put(f"subscriptions/{arcway.subscription}", {"notActions": [missing]})
    run = change(arcway, cluster, features={"gateway": {"resourceId": GATEWAY}})
    expected = Code.PROVIDER_NOT_REGISTERED if "register" in missing else Code.AZURE_PERMISSION_MISSING
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == ("Failed", expected, "checkCluster")
    assert linked(arcway, cluster) is None


def test_a_canceled_wait_keeps_what_was_changed(arcway: Arcway, azure: Control, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster))
    resource = arcway.resource(cluster)
    assert resource
    azure.put("feature-reports", {resource["id"]: {"hang": True}})
    answer = arcway.http.post("/updates", json=body(arcway, cluster, features={"workloadIdentity": True}))
    run = arcway.wait_until(answer.json()["id"], lambda run: phase(run, "waitForFeatures")["state"] == "Waiting")
    assert phase(run, "waitForFeatures")["detail"] == "the agents have not reported yet"
    assert arcway.http.post(f"/runs/{run['id']}/cancel").status_code == 202
    run = arcway.finish(run["id"])
    assert (run["state"], run["changed"]) == ("Canceled", True)
    azure.put("feature-reports", {})
    again = arcway.finish(arcway.http.post(f"/runs/{run['id']}/retry").json()["id"])
    assert (again["state"], again["changed"]) == ("Succeeded", False), again["error"]


def test_command_line_turns_features_on(arcway: Arcway, cluster: SimulatedCluster, command: Command) -> None:
    where = ("-g", "clusters", "--subscription", arcway.subscription, "-n", f"c-{cluster.name}")
    secret = ("--kubeconfig-secret", cluster.secret, "--quiet")
    first = command("connect", *where, "-l", "eastus", *secret, "--enable-oidc-issuer", "--enable-workload-identity")
    assert first.returncode == 0, first.stderr
    assert "--service-account-issuer=https://" in first.stdout + first.stderr
    features = ("--enable-features", "custom-locations azure-rbac", "--custom-locations-oid", OID)
    second = command("update", *where, *secret, *features, "--skip-azure-rbac-list", "a,b", "-o", "json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["changed"] is True
    system = values(cluster)["systemDefaultValues"]
    assert system["customLocations"] == {"enabled": True, "oid": OID}
    assert system["guard"]["skipAuthzCheck"] == "a,b"
    wrong = command("update", *where, *secret, "--enable-features", "custom-locations")
    assert wrong.returncode != 0
    assert "az ad sp show --id bc313c14-388c-4e7d-a58e-70017303ee3b" in wrong.stderr


def test_a_fleet_plans_features_of_a_csv_file_and_keeps_to_the_plan(
    arcway: Arcway, cluster: SimulatedCluster, command: Command, tmp_path: Path
) -> None:
    connected(arcway.connect(cluster))
    file, plan_file = tmp_path / "fleet.csv", tmp_path / "fleet.plan"
    file.write_text(
        "name,kubeconfig.secret,features.gateway.resourceId,features.clusterConnect\n"
        f"c-{cluster.name},{cluster.secret},{GATEWAY},false\n"
    )
    defaults = (f"subscriptionId={arcway.subscription}", "resourceGroup=clusters")
    options = ["-f", str(file), "--name", f"features-{cluster.name}", "--operation", "update", "--quiet"]
    options += [item for default in defaults for item in ("--set", default)]
    around = ["gateway.enabled", "gateway.resourceId", "provider Microsoft.HybridCompute"]
    of_agents = ["agents.global.enableGateway", "agents.systemDefaultValues.clusterconnect-agent.enabled"]
    for depth, changes in (("azure", ["agents", around[0], around[2]]), ("cluster", [*of_agents, *around])):
        planned = command("fleet", "plan", *options, "--depth", depth, "--out", str(plan_file), "-o", "jsonl")
        assert planned.returncode == 2, planned.stderr
        line = json.loads(plan_file.read_text().splitlines()[1])
        assert (line["class"], line["changes"]) == ("change", changes)
    assert (linked(arcway, cluster), connects(cluster)) == (None, True)
    applied = command("fleet", "apply", *options, "--plan", str(plan_file))
    assert applied.returncode == 0, applied.stderr
    assert (linked(arcway, cluster), connects(cluster)) == (GATEWAY, False)
    assert values(cluster)["global"]["enableGateway"] is True
