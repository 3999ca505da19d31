"""Enabling and disabling Azure Policy: what Azure and the cluster have afterwards, and that nothing else is changed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster, phase
from tests.e2e.simulated_flux import DEFINITIONS
from tests.e2e.test_simulated_extensions import Extension

PRIVILEGED = "/providers/Microsoft.Authorization/policyDefinitions/95edb821-ddaf-4404-9732-666045e056b4"
INSTALL = "/providers/Microsoft.Authorization/policyDefinitions/0adc5395-9169-4b9b-8687-af838d69410a"
IPC = "/providers/Microsoft.Authorization/policyDefinitions/47a1ee2f-2a2a-4576-bf2a-e0e36709c2b8"
TEMPLATES = "constrainttemplates.templates.gatekeeper.sh"
PLAN = [
    "register provider namespace Microsoft.PolicyInsights",
    "create extension azurepolicy",
    "create policy assignment no-privileged",
]
AUDIT = {"effect": {"value": "Audit"}}


class Runs:
    """Runs about Azure Policy in one cluster."""

    def __init__(self, arcway: Arcway, cluster: SimulatedCluster) -> None:
        self.arcway, self.cluster = arcway, cluster
        flux = Extension(arcway, cluster)
        self.id = flux.id.replace("extensions/flux", "extensions/azurepolicy")
        self.cluster_id = self.id.partition("/providers/Microsoft.KubernetesConfiguration")[0]

    def body(self, *, kubeconfig: bool = True, **changes: Any) -> Json:
        wanted = self.arcway.offboarding(self.cluster, **changes)
        if not kubeconfig:
            del wanted["kubeconfig"]
        return wanted

    def start(self, path: str, **changes: Any) -> Json:
        response = self.arcway.http.post(f"/{path}", json=self.body(**changes))
        assert response.status_code == 202, response.text
        return self.arcway.finish(response.json()["id"])

    def enable(self, **changes: Any) -> Json:
        return self.start("policies", **changes)

    def disable(self, **changes: Any) -> Json:
        return self.start("policyDeletions", **changes)

    def plan(self, path: str = "policies", **changes: Any) -> Json:
        response = self.arcway.http.post(f"/{path}", params={"dryRun": "true"}, json=self.body(**changes))
        run: Json = response.json()
        return run

    def assignment_id(self, name: str = "no-privileged", scope: str | None = None) -> str:
        return f"{scope or self.cluster_id}/providers/Microsoft.Authorization/policyAssignments/{name}"

    def arm(self, method: str, path: str, body: Json | None = None) -> Any:
        version = "2026-06-01" if "policyAssignments" in path else "2025-03-01"
        return self.arcway.arm(method, path, body, version)

    def writes(self) -> list[str]:
        items = [*self.arcway.asked("/extensions/"), *self.arcway.asked("/policyAssignments/")]
        return [item["method"] for item in items if item["method"] != "GET"]

    def deployments(self) -> set[str]:
        items = self.cluster.get("/apis/apps/v1/deployments")["items"]
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in items}


@pytest.fixture
def runs(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Runs]:
    yield Runs(arcway, cluster)
    azure.put("extension-failures", {})
    azure.put("paces", {"release": {"seconds": 600}, "extension": {"seconds": 0}})


def assignment(**changes: Any) -> Json:
    return {"name": "no-privileged", "definitionId": PRIVILEGED, "parameters": AUDIT, **changes}


def codes(run: Json) -> dict[str, str]:
    return {item["code"]: item["level"] for item in run["findings"]}


def test_policy_is_enabled_and_assigned_and_the_same_request_changes_nothing(runs: Runs) -> None:
    planned = runs.plan(assignment=assignment())
    assert planned["result"]["plan"] == PLAN
    assert planned["result"]["changes"] == ["assignment", "extension", "provider Microsoft.PolicyInsights"]
    assert runs.writes() == []
    run = runs.enable(assignment=assignment())
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["extension"]["properties"]["extensionType"] == "microsoft.policyinsights"
    assert run["result"]["assignment"]["properties"]["parameters"] == AUDIT
    assert run["result"]["schedule"]["resultsInAzureAfterMinutes"] == {"least": 15, "most": 45}
    assert phase(run, "waitForRelease")["detail"] == "3 of 3 Deployments ready"
    assert {"kube-system/azure-policy", "gatekeeper-system/gatekeeper-audit"} < runs.deployments()
    written = runs.writes()
    again = runs.enable(assignment=assignment())
    assert (again["state"], again["changed"]) == ("Succeeded", False), again["error"]
    assert phase(again, "assignPolicy")["detail"] == "already as requested"
    assert runs.writes() == written == ["PUT", "PUT"]
    assert runs.plan(assignment=assignment())["result"]["class"] == "unchanged"


def test_change_of_an_assignment_keeps_what_others_set_there(runs: Runs) -> None:
    url = runs.assignment_id()
    others = {
        "policyDefinitionId": PRIVILEGED,
        "description": "of others",
        "notScopes": [],
        "enforcementMode": "Default",
    }
    excluded = {"excludedNamespaces": {"value": ["kube-system", "gatekeeper-system", "azure-arc", "legacy"]}}
    assert runs.arm("PUT", url, {"properties": {**others, "parameters": excluded}}).status_code == 201
    wanted = assignment(displayName="No privileged containers", enforcementMode="DoNotEnforce")
    run = runs.enable(kubeconfig=False, assignment=wanted)
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    properties = runs.arm("GET", url).json()["properties"]
    assert (properties["description"], properties["enforcementMode"]) == ("of others", "DoNotEnforce")
    assert properties["parameters"] == {**excluded, **AUDIT}
    assert properties["displayName"] == "No privileged containers"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"definitionId": INSTALL, "parameters": {}}, Code.POLICY_NEEDS_IDENTITY, "needs an identity"),
        ({"definitionId": PRIVILEGED[:-4] + "0000"}, Code.POLICY_DEFINITION_NOT_FOUND, "does not exist"),
        ({"parameters": {"colour": {"value": 1}}}, Code.POLICY_PARAMETERS_INVALID, "colour"),
    ],
)
def test_what_azure_would_refuse_is_an_error_before_anything_is_changed(
    runs: Runs, changes: Json, code: Code, words: str
) -> None:
    run = runs.enable(assignment=assignment(**changes))
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == ("Failed", code, "checkCluster")
    assert words in run["error"]["message"]
    assert (run["changed"], runs.writes()) == (False, [])


def test_assignment_of_another_definition_is_left_alone(runs: Runs) -> None:
    others = {"properties": {"policyDefinitionId": IPC}}
    assert runs.arm("PUT", runs.assignment_id(), others).status_code == 201
    before = runs.writes()
    run = runs.enable(assignment=assignment())
    assert run["error"]["code"] == Code.POLICY_ASSIGNMENT_OF_ANOTHER_DEFINITION
    assert runs.writes() == before


def test_notes_and_warnings_of_a_check(runs: Runs) -> None:
    assert codes(runs.plan()) == {Code.POLICY_NOT_ASSIGNED: "info"}
    narrow = {"effect": {"value": "Deny"}, "excludedNamespaces": {"value": ["kube-system"]}}
    run = runs.plan(assignment=assignment(parameters=narrow))
    assert codes(run) == {Code.POLICY_DENIES_IN_SYSTEM_NAMESPACES: "warning"}
    assert "gatekeeper-system, azure-arc" in run["findings"][0]["message"]
    audited = {"definitionId": INSTALL, "parameters": {"effect": {"value": "AuditIfNotExists"}}}
    assert codes(runs.plan(assignment=assignment(**audited))) == {Code.POLICY_NOT_FOR_CLUSTERS: "warning"}


def test_gatekeeper_of_others_is_refused_before_anything_is_changed(runs: Runs) -> None:
    names = {"plural": "constrainttemplates", "singular": "constrainttemplate", "kind": "ConstraintTemplate"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "templates.gatekeeper.sh", "scope": "Cluster", "names": names, "versions": [version]}
    marks = {"meta.helm.sh/release-name": "gatekeeper", "meta.helm.sh/release-namespace": "gatekeeper-system"}
    definition = {"metadata": {"name": TEMPLATES, "annotations": marks}, "spec": spec}
    assert runs.cluster.send("POST", DEFINITIONS, definition) == 201
    run = runs.enable(assignment=assignment())
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.GATEKEEPER_OF_OTHERS)
    assert f"{TEMPLATES} of Helm release gatekeeper in namespace gatekeeper-system" in run["error"]["message"]
    assert (run["changed"], runs.writes()) == (False, [])


def test_extension_of_another_name_is_used_as_it_is(runs: Runs) -> None:
    other = runs.id.replace("azurepolicy", "policies")
    body = {
        "identity": {"type": "SystemAssigned"},
        "properties": {"extensionType": "Microsoft.PolicyInsights", "configurationSettings": {"of-others": "kept"}},
    }
    assert runs.arm("PUT", other, body).status_code < 300
    run = runs.enable(extension={"settings": {"a": "1"}}, assignment=assignment())
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    assert codes(run)[Code.POLICY_EXTENSION_HAS_ANOTHER_NAME] == "info"
    assert runs.arm("GET", other).json()["properties"]["configurationSettings"] == {"of-others": "kept"}
    assert runs.arm("GET", runs.id).status_code == 404
    disabled = runs.disable()
    assert (disabled["state"], disabled["changed"]) == ("Succeeded", True), disabled["error"]
    assert runs.arm("GET", other).status_code == 404
    assert runs.arm("GET", runs.assignment_id()).status_code == 200


def test_extension_of_another_type_is_left_alone(runs: Runs) -> None:
    assert runs.arm("PUT", runs.id, {"properties": {"extensionType": "microsoft.flux"}}).status_code < 300
    before = runs.writes()
    for run in (runs.enable(kubeconfig=False), runs.disable(kubeconfig=False)):
        assert (run["state"], run["error"]["code"]) == ("Failed", Code.EXTENSION_CHANGE_NOT_POSSIBLE)
        assert "type microsoft.flux" in run["error"]["message"]
    assert runs.writes() == before


def test_a_cluster_that_is_not_connected_is_refused_at_once(runs: Runs, arcway: Arcway) -> None:
    arcway.say(runs.cluster, "Expired")
    run = runs.enable()
    assert (run["error"]["code"], run["error"]["phase"]) == (Code.CLUSTER_NOT_CONNECTED, "checkCluster")
    assert runs.writes() == []


def test_network_check_tries_the_addresses_of_azure_policy(runs: Runs) -> None:
    blocked = "store.policy.core.windows.net:443"
    runs.cluster.control("PUT", "behaviour", {"unreachable": [blocked.partition(":")[0]]})
    run = runs.enable(checkNetwork=True)
    assert run["error"]["code"] == Code.AGENT_ENDPOINT_UNREACHABLE
    assert blocked in run["error"]["message"]
    assert runs.writes() == []


def test_cancel_names_what_azure_still_installs(runs: Runs, azure: Control, arcway: Arcway) -> None:
    azure.put("extension-failures", {runs.id: {"hang": True}})
    run_id = arcway.http.post("/policies", json=runs.body(kubeconfig=False)).json()["id"]
    runs.cluster.wait_until(lambda: runs.writes() == ["PUT"])
    arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    run = arcway.finish(run_id)
    assert (run["state"], describe_all(run["leftovers"])) == ("Canceled", ["extension azurepolicy"])


def test_policy_is_disabled_with_its_assignment_and_a_second_time_changes_nothing(runs: Runs) -> None:
    runs.enable(assignment=assignment())
    named = {"name": "no-privileged"}
    planned = runs.plan("policyDeletions", assignment=named)["result"]["plan"]
    assert planned == ["delete policy assignment no-privileged", "delete extension azurepolicy"]
    run = runs.disable(assignment=named)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert (run["result"]["extension"], run["result"]["assignment"]) == ("deleted", "deleted")
    assert runs.arm("GET", runs.assignment_id()).status_code == 404
    assert not any("gatekeeper" in name or "azure-policy" in name for name in runs.deployments())
    again = runs.disable(assignment=named)
    assert (again["state"], again["changed"]) == ("Succeeded", False), again["error"]
    assert (again["result"]["extension"], again["result"]["assignment"]) == ("absent", "absent")


def test_assignment_at_the_resource_group_is_created_and_deleted(runs: Runs) -> None:
    group = runs.cluster_id.partition("/providers/")[0]
    name = f"of-{runs.cluster.name}"[:60]
    run = runs.enable(kubeconfig=False, assignment=assignment(name=name, scope="resourceGroup"))
    assert run["state"] == "Succeeded", run["error"]
    assert runs.arm("GET", runs.assignment_id(name, group)).status_code == 200
    disabled = runs.disable(kubeconfig=False, assignment={"name": name, "scope": "resourceGroup"})
    assert disabled["state"] == "Succeeded", disabled["error"]
    assert runs.arm("GET", runs.assignment_id(name, group)).status_code == 404


def test_command_line_enables_shows_and_disables(runs: Runs, arcway: Arcway, command: Command) -> None:
    place = ("-n", f"c-{runs.cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)
    secret = ("--kubeconfig-secret", runs.cluster.secret)
    wanted = ("--assignment", "no-privileged", "--policy", PRIVILEGED.rpartition("/")[2], "--params", json.dumps(AUDIT))
    planned = command("policy", "enable", *place, *wanted, "--dry-run")
    assert planned.stdout.splitlines() == [f"would {line}" for line in PLAN]
    enabled = command("policy", "enable", *place, *wanted, *secret)
    assert enabled.returncode == 0, enabled.stderr
    assert "15 to 45 minutes" in enabled.stderr
    document = json.loads(command("policy", "show", *place, "-o", "json").stdout)
    assert (document["extension"]["name"], document["assignments"][0]["name"]) == ("azurepolicy", "no-privileged")
    assert "no-privileged" in command("policy", "show", *place).stdout
    assert command("policy", "enable", *place, "--assignment", "x").returncode == 2
    assert command("policy", "disable", *place).returncode == 2
    disabled = command("policy", "disable", *place, *secret, "--assignment", "no-privileged", "--yes")
    assert (disabled.returncode, "Extension deleted" in disabled.stdout) == (0, True), disabled.stderr


def test_all_problems_of_a_request_are_named_at_once(arcway: Arcway, runs: Runs) -> None:
    body = runs.body(
        kubeconfig=False,
        checkNetwork=True,
        extension={"name": "-p", "version": "1.2.3", "autoUpgrade": "patch"},
        assignment={"name": "a/b", "definitionId": "95edb821", "scope": "tenant", "parameters": {"effect": "Audit"}},
    )
    response = arcway.http.post("/policies", json=body)
    assert response.status_code == 400
    assert {item["field"] for item in response.json()["details"]} == {
        "checkNetwork",
        "extension.name",
        "extension.autoUpgrade",
        "assignment.name",
        "assignment.definitionId",
        "assignment.scope",
        "assignment.parameters.effect",
    }
