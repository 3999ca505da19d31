"""Applying and deleting a Flux configuration: what Azure and the cluster have then, and which object is the cause."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster, phase
from tests.e2e.simulated_flux import ALL, PACES, Flux, flux_of

REPOSITORY: Json = {"url": "https://git.example/fleet", "branch": "main"}
KUSTOMIZATIONS: Json = {
    "infra": {"path": "./infra"},
    "apps": {"path": "./apps", "dependsOn": ["infra"], "prune": True},
}


class Runs:
    """Runs about the Flux configuration `config` of one cluster."""

    def __init__(self, arcway: Arcway, flux: Flux) -> None:
        self.arcway, self.flux = arcway, flux

    def body(self, *, kubeconfig: bool = False, **changes: Any) -> Json:
        body = self.arcway.offboarding(self.flux.cluster, **changes)
        if not kubeconfig:
            del body["kubeconfig"]
        return body

    def configuration(self, **changes: Any) -> Json:
        content = {"name": "config", "namespace": "fleet", "gitRepository": REPOSITORY}
        return {**content, "kustomizations": KUSTOMIZATIONS, **changes}

    def post(self, path: str, body: Json) -> str:
        response = self.arcway.http.post(f"/{path}", json=body)
        assert response.status_code == 202, response.text
        run_id: str = response.json()["id"]
        return run_id

    def start(self, path: str, body: Json) -> Json:
        return self.arcway.finish(self.post(path, body))

    def apply(self, *, kubeconfig: bool = False, **changes: Any) -> Json:
        return self.start("gitops", self.body(kubeconfig=kubeconfig, configuration=self.configuration(**changes)))

    def change(self, **changes: Any) -> Json:
        return self.start("gitops", self.body(configuration={"name": "config", **changes}))

    def check(self, **changes: Any) -> Json:
        body = self.body(configuration=self.configuration(**changes))
        run: Json = self.arcway.http.post("/gitops", params={"dryRun": "true"}, json=body).json()
        return run

    def delete(self, *, kubeconfig: bool = False, **changes: Any) -> Json:
        return self.start(
            "gitopsDeletions", self.body(kubeconfig=kubeconfig, configuration={"name": "config"}, **changes)
        )

    def writes(self) -> list[str]:
        items = self.arcway.asked(self.flux.id)
        return [item["method"] for item in items if item["method"] != "GET"]


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    with flux_of(arcway, cluster, azure) as prepared:
        yield prepared


@pytest.fixture
def runs(arcway: Arcway, flux: Flux) -> Runs:
    return Runs(arcway, flux)


def stored(stack: Stack, value: str) -> str:
    """The name of a new secret with a credential."""
    name = f"arcway-git-{uuid.uuid4().hex[:12]}"
    path = Path(stack.secrets) / name
    path.write_text(value)
    path.chmod(0o600)
    return name


def test_extension_is_installed_and_the_configuration_is_compliant(runs: Runs) -> None:
    plan = runs.check()["result"]
    assert plan["plan"] == ["create extension flux", "create Flux configuration config"]
    assert (plan["class"], plan["changes"]) == ("change", ["configuration", "extension"])
    assert runs.flux.status(runs.flux.extension) == 404
    run = runs.apply(kubeconfig=True)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["properties"]["complianceState"] == "Compliant"
    assert phase(run, "waitForCompliance")["detail"] == "Compliant"
    assert runs.flux.objects() == ALL
    second = runs.apply(kubeconfig=True)
    assert (second["state"], second["changed"], runs.writes()) == ("Succeeded", False, ["PUT"])
    assert runs.check()["result"]["class"] == "unchanged"


def test_a_change_writes_only_what_differs(runs: Runs) -> None:
    assert runs.apply()["state"] == "Succeeded"
    plan = runs.check(kustomizations={"infra": {"path": "./other"}, "apps": {"dependsOn": []}, "new": {}})["result"]
    assert plan["plan"] == [
        "change kustomizations.apps.dependsOn of Flux configuration config",
        "change kustomizations.infra.path of Flux configuration config",
        "change kustomizations.new of Flux configuration config",
    ]
    run = runs.change(gitRepository={"tag": "v1"}, kustomizations={"apps": {"dependsOn": []}, "infra": None})
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    properties = runs.flux.read()
    assert properties["gitRepository"]["repositoryRef"]["tag"] == "v1"
    assert not properties["gitRepository"]["repositoryRef"].get("branch")
    assert [*properties["kustomizations"]] == ["apps"]
    assert properties["kustomizations"]["apps"]["prune"] is True
    assert runs.writes() == ["PUT", "PATCH"]
    bucket = {"url": "https://s3.example", "bucketName": "fleet"}
    replaced = runs.change(bucket=bucket)
    assert replaced["state"] == "Succeeded", replaced["error"]
    properties = runs.flux.read()
    assert (properties["sourceKind"], properties["gitRepository"]) == ("Bucket", None)
    suspended = runs.change(suspend=True)
    assert (suspended["state"], phase(suspended, "waitForCompliance")["detail"]) == ("Succeeded", "Suspended")


def test_credentials_are_read_from_secrets_and_never_dropped_silently(runs: Runs, stack: Stack) -> None:
    secret = stored(stack, "hunter2-canary-first\n")
    repository = {**REPOSITORY, "httpsUser": "reader"}
    named = {"httpsKey": {"secret": secret}}
    run = runs.apply(gitRepository=repository, protectedSettings=named)
    assert run["state"] == "Succeeded", run["error"]
    assert "hunter2" not in json.dumps(run)
    assert runs.apply(gitRepository=repository, protectedSettings=named)["changed"] is False
    refused = runs.change(suspend=True)
    assert (refused["state"], refused["error"]["code"]) == ("Failed", Code.PROTECTED_SETTINGS_NOT_NAMED)
    later = time.time() + 5
    os.utime(Path(stack.secrets) / secret, (later, later))
    rotated = runs.apply(gitRepository=repository, protectedSettings=named)
    assert (rotated["state"], rotated["changed"]) == ("Succeeded", True)
    public = runs.change(gitRepository={"url": "ssh://git@git.example/fleet"})
    assert public["state"] == "Succeeded", public["error"]
    properties = runs.flux.read()
    assert properties["gitRepository"]["httpsUser"] is None
    assert properties["configurationProtectedSettings"] == {}


def test_public_key_is_shown_with_what_to_do_with_it(runs: Runs) -> None:
    run = runs.apply(gitRepository={"url": "git@git.example:fleet", "branch": "main"})
    assert run["state"] == "Succeeded", run["error"]
    key = runs.flux.read()["repositoryPublicKey"].strip()
    (item,) = [item for item in run["findings"] if item["code"] == Code.GITOPS_PUBLIC_KEY]
    assert (key in item["message"], item["level"], "deploy key" in item["remedy"]) == (True, "info", True)
    assert run["result"]["properties"]["repositoryPublicKey"].strip() == key


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"kind": "GitRepository", "reason": "GitOperationFailed", "message": "no"}, "GitRepository fleet/config"),
        ({"kind": "Kustomization", "name": "infra", "reason": "BuildFailed", "message": "no"}, "fleet/config-infra"),
        ({"kind": "HelmRelease", "name": "web", "reason": "InstallFailed", "message": "no"}, "HelmRelease fleet/web"),
    ],
)
def test_object_that_is_the_cause_is_named_and_its_recovery_waited_for(runs: Runs, condition: Json, words: str) -> None:
    runs.flux.install()
    runs.flux.order({"condition": condition})
    run_id = runs.post("gitops", runs.body(configuration=runs.configuration()))
    text = f"{words} is not ready: {condition['reason']}: no"

    def is_named(run: Json) -> bool:
        return text in (phase(run, "waitForCompliance")["detail"] or "")

    assert is_named(runs.arcway.wait_until(run_id, is_named))
    runs.flux.order({})
    run = runs.arcway.finish(run_id)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]


def test_failed_provisioning_is_an_error_and_the_same_request_applies_it_again(runs: Runs) -> None:
    runs.flux.install()
    runs.flux.order({"message": "the data plane does not respond", "code": "Own"})
    run = runs.apply()
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.GITOPS_FAILED)
    assert "the data plane does not respond" in run["error"]["message"]
    runs.flux.order({})
    assert runs.check()["result"]["changes"] == ["configuration.provisioningState"]
    second = runs.apply()
    assert (second["state"], second["changed"]) == ("Succeeded", True), second["error"]


def test_flux_of_another_name_is_used_as_it_is(runs: Runs) -> None:
    other = runs.flux.extension.removesuffix("flux") + "gitops"
    runs.flux.send("PUT", other, {"properties": {"extensionType": "microsoft.flux"}})
    runs.flux.wait_for(other, "provisioningState", "Succeeded")
    run = runs.apply(kubeconfig=True)
    assert run["state"] == "Succeeded", run["error"]
    assert runs.flux.status(runs.flux.extension) == 404
    refused = runs.delete(kubeconfig=True, withExtension=True)
    assert refused["state"] == "Succeeded", refused["error"]
    assert runs.flux.status(other) == 404


def test_flux_v1_is_named_and_refused(runs: Runs) -> None:
    url = runs.flux.id.replace("fluxConfigurations/config", "sourceControlConfigurations/legacy")
    properties = {"repositoryUrl": "https://git.example/old", "operatorType": "Flux", "operatorInstanceName": "old"}
    response = runs.arcway.arm("PUT", url, {"properties": properties}, "2023-05-01")
    assert response.status_code < 300, response.text
    run = runs.apply()
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.FLUX_V1_INSTALLED, False)
    assert "legacy" in run["error"]["message"]


def test_a_cluster_that_is_not_connected_is_refused_at_once(runs: Runs, arcway: Arcway) -> None:
    arcway.say(runs.flux.cluster, "Expired")
    run = runs.apply()
    assert (run["error"]["code"], run["error"]["phase"]) == (Code.CLUSTER_NOT_CONNECTED, "checkCluster")
    assert runs.writes() == []


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"namespace": "other"}, Code.GITOPS_NOT_VALID, "namespace fleet"),
        ({"kustomizations": {"apps": {"dependsOn": ["gone"]}}}, Code.GITOPS_NOT_VALID, "gone"),
        ({"kustomizations": {"infra": {"dependsOn": ["apps"]}}}, Code.GITOPS_NOT_VALID, "depend on one another"),
        ({"gitRepository": {"httpsUser": "x"}, "protectedSettings": {}}, None, "protectedSettings"),
    ],
)
def test_what_azure_would_not_do_is_refused_before_it_is_asked(
    runs: Runs, changes: Json, code: Code | None, words: str
) -> None:
    runs.flux.install()
    runs.flux.put()
    runs.flux.comply()
    before = runs.writes()
    if code is None:
        response = runs.arcway.http.post("/gitops", json=runs.body(configuration={"name": "config", **changes}))
        assert (response.status_code, words in response.text) == (400, True)
    else:
        run = runs.change(**changes)
        assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", code, False)
        assert words in run["error"]["message"]
    assert runs.writes() == before


def test_cancel_names_what_is_left(runs: Runs) -> None:
    runs.flux.install()
    runs.flux.order({"pending": True})
    run_id = runs.post("gitops", runs.body(configuration=runs.configuration()))
    runs.arcway.wait_until(run_id, lambda run: run["phase"] == "waitForCompliance")
    runs.arcway.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    run = runs.arcway.finish(run_id)
    assert (run["state"], describe_all(run["leftovers"])) == ("Canceled", ["Flux configuration config"])


def test_deletion_waits_until_the_objects_are_gone(runs: Runs) -> None:
    assert runs.apply()["state"] == "Succeeded"
    run = runs.delete()
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["configuration"] == "deleted"
    assert runs.flux.objects() == {"configmaps/config-infra"}
    second = runs.delete()
    assert (second["state"], second["changed"], second["result"]["configuration"]) == ("Succeeded", False, "absent")


def test_extension_of_other_configurations_is_kept(runs: Runs) -> None:
    assert runs.apply()["state"] == "Succeeded"
    other = runs.flux.id.removesuffix("config") + "other"
    runs.flux.send("PUT", other, {"properties": runs.flux.content()})
    runs.flux.wait_for(other, "provisioningState", "Succeeded")
    refused = runs.delete(withExtension=True)
    assert (refused["state"], refused["error"]["code"]) == ("Failed", Code.EXTENSION_IN_USE)
    assert "other" in refused["error"]["message"]
    assert runs.flux.status(runs.flux.id) == 200


def test_deletion_by_force_names_what_stays(runs: Runs, arcway: Arcway) -> None:
    assert runs.apply()["state"] == "Succeeded"
    arcway.say(runs.flux.cluster, "Expired")
    refused = runs.delete()
    assert (refused["state"], refused["error"]["code"]) == ("Failed", Code.CLUSTER_NOT_CONNECTED)
    run = runs.delete(force=True, withExtension=True)
    assert run["state"] == "Succeeded", run["error"]
    assert set(describe_all(run["leftovers"])) == {
        "FluxConfig config in namespace fleet in the cluster (not checked)",
        "release flux in the cluster (not checked)",
    }


def test_url_with_a_token_is_refused_and_not_repeated(runs: Runs) -> None:
    for url in ("https://user:hunter2@git.example/x", "https://git.example/x?token=hunter2", "u:hunter2@git.example:x"):
        body = runs.body(configuration=runs.configuration(gitRepository={"url": url, "branch": "main"}))
        response = runs.arcway.http.post("/gitops", json=body)
        assert response.status_code == 400
        assert [item["field"] for item in response.json()["details"]] == ["configuration.gitRepository.url"]
        assert "hunter2" not in response.text


def test_configurations_are_listed_with_the_cause(runs: Runs, arcway: Arcway) -> None:
    runs.flux.install()
    runs.flux.order(
        {"condition": {"kind": "Kustomization", "name": "infra", "reason": "BuildFailed", "message": "no file"}}
    )
    runs.flux.put()
    runs.flux.comply("Non-Compliant")
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{runs.flux.cluster.name}/fluxConfigurations"
    (item,) = arcway.http.get(path).raise_for_status().json()["value"]
    (failure,) = item["failures"]
    assert (failure["code"], "config-infra" in failure["message"]) == (Code.GITOPS_BUILD_FAILED, True)
    assert arcway.http.get(f"{path}/config").json()["properties"]["complianceState"] == "Non-Compliant"
    missing = arcway.http.get(f"{path}/none")
    assert (missing.status_code, missing.json()["code"]) == (404, Code.GITOPS_NOT_FOUND)


@pytest.mark.parametrize("is_broken", [False, True])
def test_connect_applies_the_configuration_and_a_rollback_undoes_all(
    arcway: Arcway, cluster: SimulatedCluster, azure: Control, is_broken: bool
) -> None:
    azure.put("paces", PACES)
    place = arcway.offboarding(cluster)
    cluster_id = ClusterId(place["subscriptionId"], place["resourceGroup"], place["name"]).resource_id
    namespace = f"{cluster_id}/providers/Microsoft.KubernetesConfiguration"
    order = {"message": "the data plane does not respond"} if is_broken else {}
    azure.put("flux-failures", {f"{namespace}/fluxConfigurations/config": order})
    try:
        gitops = {"name": "config", "gitRepository": REPOSITORY, "kustomizations": KUSTOMIZATIONS}
        run = arcway.connect(cluster, gitops=gitops, onFailure="rollback")
    finally:
        azure.put("flux-failures", {})
    configurations = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/fluxConfigurations"
    if not is_broken:
        assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
        (item,) = arcway.http.get(configurations).json()["value"]
        assert item["properties"]["complianceState"] == "Compliant"
        return
    assert (run["state"], run["error"]["code"], run["leftovers"]) == ("Failed", Code.GITOPS_FAILED, [])
    deleted = [item["path"] for item in arcway.asked(cluster_id) if item["method"] == "DELETE"]
    places = ("/fluxconfigurations/config", "/extensions/flux", cluster_id.lower())
    positions = [next(at for at, path in enumerate(deleted) if path.lower().endswith(end)) for end in places]
    assert positions == sorted(positions)
    assert arcway.resource(cluster) is None


def test_command_line_applies_shows_and_deletes(runs: Runs, arcway: Arcway, command: Command, tmp_path: Path) -> None:
    place = ("-n", f"c-{runs.flux.cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)
    file = tmp_path / "config.yaml"
    file.write_text("namespace: fleet\nkustomizations:\n  infra: {path: ./infra}\n")
    source = ("-f", str(file), "--url", "git@git.example:fleet", "--branch", "main", "-k", "name=apps depends_on=infra")
    applied = command("gitops", "apply", "config", *place, *source)
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.splitlines()[1].split()[:3] == ["config", "Compliant", "Succeeded"]
    assert "ssh-rsa" in applied.stderr
    planned = command("gitops", "apply", "config", *place, "--suspend", "--dry-run")
    assert planned.stdout.strip() == "would change suspend of Flux configuration config"
    listed = command("gitops", "list", *place, "-o", "json")
    assert [item["name"] for item in json.loads(listed.stdout)] == ["config"]
    assert "Deploy key of the repository: ssh-rsa" in command("gitops", "show", "config", *place).stderr
    assert command("gitops", "delete", "config", *place).returncode == 2
    deleted = command("gitops", "delete", "config", *place, "--with-extension", "--yes")
    assert (deleted.returncode, "extension deleted" in deleted.stdout) == (0, True), deleted.stderr
