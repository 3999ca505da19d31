"""What a Flux configuration says of itself: the object that is the cause, its code, and nothing secret."""

import json
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.gitops_status import cause_of, deploy_key, failures, in_result, with_failures
from arcway.domain.json_values import Json


def status(
    kind: str, name: str, reason: str = "", message: str = "", state: str = "Non-Compliant", **more: Any
) -> Json:
    ready = {"Compliant": "True", "Pending": "Unknown"}.get(state, "False")
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": message}
    return {
        "kind": kind,
        "namespace": "fleet",
        "name": name,
        "complianceState": state,
        "statusConditions": [condition],
        **more,
    }


def resource(*statuses: Json, **properties: Any) -> Json:
    content = {"provisioningState": "Succeeded", "complianceState": "Non-Compliant", "statuses": [*statuses]}
    return {"id": "/x", "name": "config", "type": "t", "properties": {**content, **properties}}


WAITING = status("Kustomization", "config-infra", "ArtifactFailed", "Source artifact not found, retrying in 30s")
DEPENDENT = status("Kustomization", "config-apps", "DependencyNotReady", "dependency 'fleet/config-infra' is not ready")


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [
        ("GitOperationFailed", "failed to checkout: authentication required", Code.GITOPS_AUTHENTICATION_FAILED),
        ("AuthenticationFailed", "failed to get secret 'fleet/own'", Code.GITOPS_AUTHENTICATION_FAILED),
        ("GitOperationFailed", "ssh: handshake failed: ssh: unable to authenticate", Code.GITOPS_AUTHENTICATION_FAILED),
        ("GitOperationFailed", "repository not found", Code.GITOPS_SOURCE_NOT_FOUND),
        ("GitOperationFailed", 'couldn\'t find remote ref "refs/heads/x"', Code.GITOPS_SOURCE_NOT_FOUND),
        ("GitOperationFailed", "dial tcp: lookup git.example: no such host", Code.GITOPS_SOURCE_UNREACHABLE),
        ("GitOperationFailed", "x509: certificate signed by unknown authority", Code.GITOPS_SOURCE_UNREACHABLE),
        ("StorageOperationFailed", "no space left on device", Code.GITOPS_NOT_COMPLIANT),
    ],
)
def test_source_is_the_cause_and_not_what_waits_for_it(reason: str, message: str, code: Code) -> None:
    cause = cause_of(resource(DEPENDENT, WAITING, status("GitRepository", "config", reason, message)))
    assert cause is not None
    assert (cause.code, "GitRepository fleet/config" in cause.text, message in cause.text) == (code, True, True)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("BuildFailed", Code.GITOPS_BUILD_FAILED),
        ("HealthCheckFailed", Code.GITOPS_HEALTH_CHECK_FAILED),
        ("ReconciliationFailed", Code.GITOPS_RECONCILIATION_FAILED),
        ("ArtifactFailed", Code.GITOPS_ARTIFACT_FAILED),
        ("Other", Code.GITOPS_NOT_COMPLIANT),
    ],
)
def test_dependency_is_the_cause_and_not_its_dependents(reason: str, code: Code) -> None:
    cause = cause_of(resource(DEPENDENT, status("Kustomization", "config-infra", reason, "text")))
    assert cause is not None
    assert (cause.code, "fleet/config-infra" in cause.text) == (code, True)


def test_dependency_that_is_not_there_keeps_its_own_code() -> None:
    cause = cause_of(resource(DEPENDENT))
    assert cause is not None
    assert (cause.code, "config-infra" in cause.text) == (Code.GITOPS_DEPENDENCY_NOT_READY, True)


def test_circle_of_dependents_ends() -> None:
    other = status("Kustomization", "config-infra", "DependencyNotReady", "dependency 'fleet/config-apps' is not ready")
    cause = cause_of(resource(DEPENDENT, other))
    assert cause is not None
    assert cause.code == Code.GITOPS_DEPENDENCY_NOT_READY


def test_helm_release_is_the_cause_of_a_failed_health_check() -> None:
    helm = {"installFailureCount": 3, "upgradeFailureCount": 0}
    release = status("HelmRelease", "web", "InstallFailed", "timed out", helmReleaseProperties=helm)
    cause = cause_of(resource(status("Kustomization", "config-apps", "HealthCheckFailed", "timeout"), release))
    assert cause is not None
    assert (cause.code, "installing failed 3 times" in cause.text) == (Code.GITOPS_HELM_RELEASE_FAILED, True)


def test_what_is_at_work_is_not_a_cause() -> None:
    assert cause_of(resource(status("GitRepository", "config", "Progressing", state="Pending"))) is None
    assert failures(resource(complianceState="Pending")) == []
    (item,) = failures(resource())
    assert (item["code"], "no reason" in item["message"]) == (Code.GITOPS_NOT_COMPLIANT, True)


def test_failed_provisioning_has_the_message_of_azure() -> None:
    (item,) = failures(resource(provisioningState="Failed", errorMessage="the data plane does not respond"))
    assert (item["code"], "does not respond" in item["message"]) == (Code.GITOPS_FAILED, True)


def test_nothing_secret_is_shown_whatever_azure_returns() -> None:
    canary = "hunter2canary"
    condition = f"failed: https://user:{canary}@git.example/x: password={canary}"
    document = with_failures(
        resource(
            status("GitRepository", "config", "GitOperationFailed", condition),
            configurationProtectedSettings={"httpsKey": canary},
            gitRepository={"url": f"https://user:{canary}@git.example/x"},
            azureBlob={
                "url": "https://x",
                "accountKey": canary,
                "sasToken": canary,
                "servicePrincipal": {"clientSecret": canary},
            },
            ociRepository={"url": "oci://x/y", "tlsConfig": {"privateKey": canary}},
        )
    )
    assert canary not in json.dumps(document)
    assert document["properties"]["configurationProtectedSettings"] == {"httpsKey": None}
    assert document["failures"][0]["code"] == Code.GITOPS_NOT_COMPLIANT


def test_result_keeps_the_statuses_that_matter() -> None:
    good = [status("Kustomization", f"good-{number}", state="Compliant") for number in range(200)]
    kept = in_result(resource(*good, status("HelmRelease", "web", "InstallFailed")))["properties"]["statuses"]
    assert (len(kept), kept[0]["name"]) == (50, "web")


@pytest.mark.parametrize("statuses", [None, "x", [None, 1], [{"statusConditions": "x"}], [{"statusConditions": [1]}]])
def test_what_is_not_in_azures_form_is_survived(statuses: Any) -> None:
    assert len(failures(resource(statuses=statuses))) == 1
    json.dumps(with_failures(resource(statuses=statuses)))


def test_deploy_key_is_shown_if_there_is_one() -> None:
    assert deploy_key(resource(repositoryPublicKey="ssh-rsa AAAA\n")) == "ssh-rsa AAAA"
    assert deploy_key(resource(repositoryPublicKey="")) is deploy_key(resource()) is None
