"""Applying and deleting an extension: what Azure and the cluster have afterwards, and that nothing else is changed."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster, phase
from tests.e2e.test_simulated_extensions import Extension


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Extension]:
    yield Extension(arcway, cluster)
    azure.put("extension-failures", {})
    azure.put("paces", {"release": {"seconds": 600}, "extension": {"seconds": 0}})


class Runs:
    """Runs about the extension `flux` of one cluster."""

    def __init__(self, arcway: Arcway, flux: Extension) -> None:
        self.arcway, self.flux = arcway, flux

    def body(self, *, kubeconfig: bool = True, **changes: Any) -> Json:
        wanted = self.arcway.offboarding(self.flux.cluster, **changes)
        if not kubeconfig:
            del wanted["kubeconfig"]
        return wanted

    def start(self, path: str, body: Json) -> Json:
        response = self.arcway.http.post(f"/{path}", json=body)
        assert response.status_code == 202, response.text
        return self.arcway.finish(response.json()["id"])

    def apply(self, *, kubeconfig: bool = True, **extension: Any) -> Json:
        wanted = {"name": "flux", "type": "microsoft.flux", **extension}
        return self.start("extensions", self.body(kubeconfig=kubeconfig, extension=wanted))

    def delete(self, *, kubeconfig: bool = True, **changes: Any) -> Json:
        return self.start("extensionDeletions", self.body(kubeconfig=kubeconfig, extension={"name": "flux"}, **changes))

    def check(self, **extension: Any) -> Json:
        wanted = {"name": "flux", "type": "microsoft.flux", **extension}
        body = self.body(extension=wanted)
        result: Json = self.arcway.http.post("/extensions", params={"dryRun": "true"}, json=body).json()
        return result

    def writes(self) -> list[str]:
        items = self.arcway.asked(self.flux.id)
        return [item["method"] for item in items if item["method"] != "GET"]


@pytest.fixture
def runs(arcway: Arcway, flux: Extension) -> Runs:
    return Runs(arcway, flux)


def stored(stack: Stack, value: str) -> str:
    """The name of a new secret with a protected setting."""
    name = f"arcway-extension-{uuid.uuid4().hex[:12]}"
    path = Path(stack.secrets) / name
    path.write_text(value)
    path.chmod(0o600)
    return name


def test_new_extension_is_installed_and_the_same_request_changes_nothing(runs: Runs) -> None:
    plan = runs.check(settings={"a": "1"})["result"]
    assert plan["plan"] == ["create extension flux"]
    assert (plan["class"], plan["changes"]) == ("change", ["extension"])
    assert runs.flux.status() == 404
    run = runs.apply(settings={"a": "1"})
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["properties"]["currentVersion"] == "1.18.2"
    assert phase(run, "waitForRelease")["detail"] == "6 of 6 Deployments ready"
    assert {"source-controller", "fluxconfig-agent"} < runs.flux.deployments()
    written = runs.writes()
    again = runs.apply(settings={"a": "1"}, releaseTrain="Stable")
    assert (again["state"], again["changed"]) == ("Succeeded", False)
    assert phase(again, "applyExtension")["detail"] == "already as requested"
    assert runs.writes() == written == ["PUT"]
    assert runs.check(settings={"a": "1"})["result"]["class"] == "unchanged"


def test_a_change_keeps_what_it_does_not_name(runs: Runs) -> None:
    runs.flux.put(configurationSettings={"of-others": "kept", "a": "1"})
    runs.flux.wait_for("Succeeded")
    assert runs.check(settings={"a": "2"}, version="1.17.3")["result"]["plan"] == [
        "change autoUpgradeMode of extension flux",
        "change settings.a of extension flux",
        "change version of extension flux",
    ]
    run = runs.apply(kubeconfig=False, settings={"a": "2"}, version="1.17.3")
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    properties = runs.flux.send("GET")["properties"]
    assert properties["configurationSettings"] == {"of-others": "kept", "a": "2"}
    assert (properties["currentVersion"], properties["autoUpgradeMode"]) == ("1.17.3", "none")
    back = runs.apply(kubeconfig=False, autoUpgrade="compatible")
    assert (back["state"], back["changed"]) == ("Succeeded", True), back["error"]
    assert runs.flux.send("GET")["properties"]["currentVersion"] == "1.18.2"


def test_protected_settings_are_read_from_secrets_and_never_dropped_silently(runs: Runs, stack: Stack) -> None:
    first, second = stored(stack, "hunter2-first"), stored(stack, "hunter2-second")
    both = {"one": {"secret": first}, "two": {"secret": second}}
    run = runs.apply(protectedSettings=both)
    assert run["state"] == "Succeeded", run["error"]
    (release,) = runs.flux.releases()
    assert release["config"] == {"one": "hunter2-first", "two": "hunter2-second"}
    assert "hunter2" not in json.dumps(run)
    assert runs.apply(protectedSettings=both)["changed"] is False
    refused = runs.apply(settings={"a": "1"}, protectedSettings={"one": {"secret": first}})
    assert (refused["state"], refused["error"]["code"]) == ("Failed", Code.PROTECTED_SETTINGS_NOT_NAMED)
    assert "two" in refused["error"]["message"]
    assert runs.flux.releases() == [release]
    path = Path(stack.secrets) / first
    path.write_text("hunter2-rotated")
    later = time.time() + 5
    os.utime(path, (later, later))
    rotated = runs.apply(protectedSettings=both)
    assert rotated["changed"] is True
    (release,) = runs.flux.releases()
    assert release["config"] == {"one": "hunter2-rotated", "two": "hunter2-second"}
    dropped = runs.apply(protectedSettings={"two": {"secret": second}}, dropProtectedSettings=True)
    assert (dropped["state"], dropped["changed"]) == ("Succeeded", True)
    (release,) = runs.flux.releases()
    assert release["config"] == {"two": "hunter2-second"}


@pytest.mark.parametrize(
    ("extension", "code", "words"),
    [
        ({"type": "microsoft.policyinsights"}, Code.EXTENSION_CHANGE_NOT_POSSIBLE, "type microsoft.flux"),
        ({"releaseNamespace": "elsewhere"}, Code.EXTENSION_CHANGE_NOT_POSSIBLE, "namespace flux-system"),
        ({"name": "second"}, Code.EXTENSION_TYPE_INSTALLED, "Extension flux"),
        ({"version": "9.9.9"}, Code.EXTENSION_VERSION_NOT_OFFERED, "1.18.2"),
        ({"name": "other", "type": "microsoft.unknown"}, Code.EXTENSION_VERSION_NOT_OFFERED, "microsoft.unknown"),
        ({"name": "other", "type": None}, Code.EXTENSION_NOT_FOUND, "type"),
    ],
)
def test_what_azure_would_not_do_is_refused_before_it_is_asked(
    runs: Runs, extension: Json, code: Code, words: str
) -> None:
    runs.flux.put()
    runs.flux.wait_for("Succeeded")
    before = runs.writes()
    run = runs.apply(**extension)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", code, False)
    assert words in run["error"]["message"]
    assert runs.writes() == before


def test_a_cluster_that_is_not_connected_is_refused_at_once(runs: Runs, arcway: Arcway) -> None:
    arcway.say(runs.flux.cluster, "Expired")
    run = runs.apply()
    assert (run["error"]["code"], run["error"]["phase"]) == (Code.CLUSTER_NOT_CONNECTED, "checkCluster")
    assert "is Expired" in run["error"]["message"]
    assert runs.writes() == []


def test_a_failure_has_its_code_and_what_the_pods_waited_for(runs: Runs, azure: Control) -> None:
    azure.put("paces", {"release": {"seconds": 3}})
    runs.flux.cluster.control(
        "PUT", "behaviour", {"pods": [{"outcome": "imagePull", "namePrefix": "source-controller"}]}
    )
    run = runs.apply()
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.EXTENSION_PODS_NOT_READY)
    assert "flux-system/source-controller" in run["error"]["message"]
    assert "cannot pull" in run["error"]["message"] or "image" in run["error"]["message"]
    assert describe_all(run["leftovers"]) == ["extension flux"]
    runs.flux.cluster.control("PUT", "behaviour", {"pods": []})
    azure.put("paces", {"release": {"seconds": 600}})
    assert runs.apply()["state"] == "Succeeded"


def test_a_change_of_others_in_progress_is_waited_for(runs: Runs, azure: Control) -> None:
    azure.put("paces", {"extension": {"seconds": 1.5}})
    runs.flux.put(configurationSettings={"of-others": "kept"})
    run = runs.apply(kubeconfig=False, settings={"a": "1"})
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    assert runs.flux.send("GET")["properties"]["configurationSettings"] == {"of-others": "kept", "a": "1"}


def test_cancel_names_what_azure_still_installs(runs: Runs, azure: Control, arcway: Arcway) -> None:
    azure.put("extension-failures", {runs.flux.id: {"hang": True}})
    body = runs.body(kubeconfig=False, extension={"name": "flux", "type": "microsoft.flux"})
    run_id = arcway.http.post("/extensions", json=body).json()["id"]
    runs.flux.cluster.wait_until(lambda: runs.writes() == ["PUT"])
    arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    run = arcway.finish(run_id)
    assert (run["state"], describe_all(run["leftovers"])) == ("Canceled", ["extension flux"])


def test_deletion_removes_the_release_and_a_second_one_changes_nothing(runs: Runs) -> None:
    runs.apply()
    run = runs.delete()
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["extension"] == "deleted"
    assert runs.flux.status() == 404
    assert runs.flux.is_gone()
    again = runs.delete()
    assert (again["state"], again["changed"], again["result"]["extension"]) == ("Succeeded", False, "absent")


def test_deletion_by_force_names_the_release_that_stays(runs: Runs, arcway: Arcway) -> None:
    runs.apply()
    arcway.say(runs.flux.cluster, "Expired")
    refused = runs.delete(kubeconfig=False)
    assert (refused["state"], refused["error"]["code"]) == ("Failed", Code.CLUSTER_NOT_CONNECTED)
    run = runs.delete(kubeconfig=False, force=True)
    assert (run["state"], describe_all(run["leftovers"])) == (
        "Succeeded",
        ["release flux in the cluster (not checked)"],
    )
    assert runs.flux.status() == 404


def test_command_line_applies_and_deletes(runs: Runs, arcway: Arcway, command: Command) -> None:
    place = ("-n", f"c-{runs.flux.cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)
    secret = ("--kubeconfig-secret", runs.flux.cluster.secret)
    applied = command("extension", "apply", "flux", *place, "--type", "microsoft.flux", "--config", "a=1", *secret)
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.splitlines()[1].split()[:3] == ["flux", "microsoft.flux", "Succeeded"]
    planned = command("extension", "apply", "flux", *place, "--config", "a=2", "--dry-run")
    assert planned.stdout.strip() == "would change settings.a of extension flux"
    assert command("extension", "delete", "flux", *place).returncode == 2
    deleted = command("extension", "delete", "flux", *place, *secret, "--yes")
    assert (deleted.returncode, "Extension deleted" in deleted.stdout) == (0, True), deleted.stderr


def test_all_problems_of_a_request_are_named_at_once(arcway: Arcway, runs: Runs) -> None:
    extension = {
        "name": "-flux",
        "type": "flux",
        "scope": "cluster",
        "targetNamespace": "apps",
        "version": "1.2.3",
        "autoUpgrade": "patch",
        "protectedSettings": {"a": {"secret": runs.flux.cluster.secret}},
    }
    response = arcway.http.post("/extensions", json=runs.body(extension=extension))
    assert response.status_code == 400
    assert {item["field"] for item in response.json()["details"]} == {
        "extension.name",
        "extension.type",
        "extension.targetNamespace",
        "extension.autoUpgrade",
        "extension.protectedSettings.a.secret",
    }


def test_disconnect_removes_configurations_and_releases_before_the_cluster(runs: Runs, arcway: Arcway) -> None:
    runs.apply()
    configuration = runs.flux.id.replace("extensions/flux", "fluxConfigurations/apps")
    git = {"url": "https://git.example/fleet", "repositoryRef": {"branch": "main"}}
    properties = {"sourceKind": "GitRepository", "namespace": "apps", "scope": "cluster", "gitRepository": git}
    body = {"properties": {**properties, "kustomizations": {"apps": {"path": "./apps", "prune": True}}}}
    assert arcway.arm("PUT", configuration, body, "2025-04-01").status_code == 201
    path = "/offboardings"
    plan = arcway.http.post(path, params={"dryRun": "true"}, json=runs.body()).json()["result"]["plan"]
    assert plan[:2] == ["remove extension flux", f"remove connected cluster c-{runs.flux.cluster.name}"]
    run = runs.start("offboardings", runs.body())
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert phase(run, "deleteExtensions")["detail"] == "deleted flux"
    assert runs.flux.deployments() == set()
    assert runs.flux.cluster.get("/api/v1/namespaces/azure-arc")["kind"] == "Status"
    deletions = [item["path"] for item in arcway.asked("connectedClusters/") if item["method"] == "DELETE"]
    assert [path.rpartition("/")[2] for path in deletions] == ["apps", "flux", f"c-{runs.flux.cluster.name}"]


def test_disconnect_of_a_cluster_that_is_not_connected_names_the_releases_that_stay(runs: Runs, arcway: Arcway) -> None:
    runs.apply()
    arcway.say(runs.flux.cluster, "Expired")
    run = runs.start("offboardings", runs.body())
    assert (run["state"], arcway.resource(runs.flux.cluster)) == ("Succeeded", None), run["error"]
    assert describe_all(run["leftovers"]) == ["release flux in the cluster (not checked)"]
    assert "source-controller" in runs.flux.deployments()
