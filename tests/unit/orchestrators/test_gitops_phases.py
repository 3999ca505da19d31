"""The phases of runs about a Flux configuration: what they call their steps with, remember, show, leave and undo."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from orchestrators.failures import StepFailed
from orchestrators.operation import RunFailed
from orchestrators.phases.wait_for_compliance import wait_for_compliance
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, orchestrate, payload, run_in
from tests.unit.orchestrators.test_connect_phases import created, detail, do, late
from tests.unit.orchestrators.worlds import CONNECT, world
from tests.unit.orchestrators.worlds import RESOURCE as CONNECTED

CONFIGURATION: Json = {"name": "config", "gitRepository": {"url": "https://git.example/fleet", "branch": "main"}}
APPLY: Json = {"operation": "applyGitops", "configuration": CONFIGURATION, "complianceTimeout": 600}
DELETE: Json = {"operation": "deleteGitops", "configuration": {"name": "config"}}
NEW: Json = {
    "configurationExists": False,
    "configurationChanges": ["configuration"],
    "extensionExists": False,
    "extensionChanges": ["extension"],
    "extensionName": "flux",
}
EXISTING: Json = {
    **NEW,
    "configurationExists": True,
    "configurationChanges": ["suspend"],
    "extensionExists": True,
    "extensionChanges": [],
}
RESOURCE: Json = {"name": "config"}
WRITTEN = ok(changed=True, created=True, operation="url")
UNCHANGED = ok(changed=False, created=False)
DONE = ok(done=True, detail="configuration is succeeded", resource=RESOURCE, publicKey=None)
INSTALLED = ok(done=True, resource={"name": "gitops"}, namespace="flux-system")
KEY = "ssh-rsa " + "AAAAB3NzaC1yc2EAAAADAQABAAABgQ" * 12


def test_extension_of_another_name_is_followed_by_its_name() -> None:
    written = ok(changed=False, created=False, extensionName="gitops")
    context = InMemory(
        {"apply_extension": written, "poll_extension": INSTALLED, "poll_extension_release": ok(done=True)}
    )
    run, status = do(context, "applyExtension", EXISTING, **APPLY)
    assert arguments(context, "poll_extension") == [{"operation": None, "extensionName": "gitops"}]
    assert (status["changed"], detail(status), run.facts.get("result")) == (False, "already as requested", None)
    facts = {**EXISTING, "extensionName": "gitops", "extensionNamespace": "flux-system"}
    do(context, "waitForRelease", facts, **APPLY, kubeconfig={"secret": "arcway-shop"})
    assert arguments(context, "poll_extension_release") == [{"namespace": "flux-system", "extensionName": "gitops"}]


def test_configuration_is_written_once_no_other_change_is_in_progress() -> None:
    writes: list[Outcome] = [ok(changed=False, created=False, inProgress="updating"), WRITTEN]
    polls: list[Outcome] = [ok(done=False, detail="configuration is updating"), ok(done=True), DONE]
    context = InMemory({"apply_configuration": writes, "poll_configuration": polls})
    run, status = do(context, "applyConfiguration", NEW, **APPLY)
    assert arguments(context, "poll_configuration") == [{"settle": True}, {"settle": True}, {"operation": "url"}]
    assert [step_input["writtenAt"] for step_input in context.inputs("apply_configuration")] == [None, None]
    assert (status["changed"], detail(status), run.facts["result"]) == (True, "changed configuration", RESOURCE)
    assert created(status) == ["Flux configuration config"]


@pytest.mark.parametrize(
    ("facts", "written", "items", "leftovers"),
    [
        (NEW, WRITTEN, ["Flux configuration config"], []),
        (NEW, UNCHANGED, ["Flux configuration config"], []),
        (NEW, ok(changed=True, created=False), [], ["Flux configuration config, changed"]),
        (EXISTING, ok(changed=True, created=False), [], ["Flux configuration config, changed"]),
        ({**EXISTING, "configurationChanges": []}, UNCHANGED, [], []),
    ],
)
def test_only_what_the_run_created_is_undone(
    facts: Json, written: Json, items: list[str], leftovers: list[str]
) -> None:
    context = InMemory({"apply_configuration": written, "poll_configuration": DONE})
    _, status = do(context, "applyConfiguration", facts, **APPLY)
    assert (created(status), describe_all(status["leftovers"])) == (items, leftovers)
    assert status["changed"] is bool(items or leftovers)


def test_public_key_is_a_finding_and_is_not_masked() -> None:
    polled = ok(done=True, resource=RESOURCE, publicKey=KEY)
    context = InMemory({"apply_configuration": WRITTEN, "poll_configuration": polled})
    _, status = do(context, "applyConfiguration", NEW, **APPLY)
    (item,) = status["findings"]
    assert (item["code"], item["level"], KEY in item["message"]) == (Code.GITOPS_PUBLIC_KEY, "info", True)


def test_compliance_has_the_time_limit_of_the_request_and_the_code_of_the_cause() -> None:
    text = "configuration is non-compliant; GitRepository fleet/config is not ready: GitOperationFailed: no"
    polled = ok(done=False, detail=text, code=Code.GITOPS_AUTHENTICATION_FAILED, remedy="r")
    context = InMemory({"poll_compliance": polled})
    run = run_in(context, "waitForCompliance", **APPLY)
    with pytest.raises(StepFailed) as caught:
        context.drive(wait_for_compliance(run))
    error = caught.value.error
    assert (error["code"], error["remedy"], text in error["message"]) == (Code.GITOPS_AUTHENTICATION_FAILED, "r", True)
    assert 540 < context.elapsed <= 600


def test_compliance_without_a_cause_has_its_own_code() -> None:
    context = InMemory({"poll_compliance": ok(done=False, detail="configuration is pending")})
    assert late(context, "waitForCompliance", NEW, **APPLY) == Code.GITOPS_NOT_COMPLIANT
    context = InMemory({"poll_configuration": ok(done=False, detail="x"), "apply_configuration": WRITTEN})
    assert late(context, "applyConfiguration", NEW, **APPLY) == Code.GITOPS_NOT_FINISHED


def test_compliant_configuration_leaves_nothing_to_report() -> None:
    context = InMemory({"poll_compliance": ok(done=True, detail="Compliant", resource={"name": "after"})})
    run, status = do(context, "waitForCompliance", NEW, **APPLY)
    assert (run.facts["result"], detail(status), status["leftovers"]) == ({"name": "after"}, "Compliant", [])


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_deletion_waits_for_azure_and_names_what_force_leaves(exists: bool, force: bool) -> None:
    outcomes: list[Outcome] = [ok(done=False, detail="being deleted", operation="url"), ok(done=True)]
    context = InMemory({"delete_configuration": outcomes if exists else ok(done=True)})
    facts = {"configurationExists": exists, "configurationNamespace": "fleet" if exists else None}
    run, status = do(context, "deleteConfiguration", facts, **DELETE, force=force)
    assert arguments(context, "delete_configuration") == ([{}, {"operation": "url"}] if exists else [{}])
    assert (run.facts["result"] or {})["configuration"] == ("deleted" if exists else "absent")
    stays = "FluxConfig config in namespace fleet in the cluster (not checked)"
    assert describe_all(status["leftovers"]) == ([stays] if exists and force else [])
    assert status["changed"] is exists


def test_deletion_has_a_deadline() -> None:
    context = InMemory({"delete_configuration": ok(done=False, detail="being deleted")})
    assert late(context, "deleteConfiguration", {"configurationExists": True}, **DELETE) == Code.GITOPS_NOT_REMOVED


def test_extension_is_deleted_after_the_configuration_and_by_its_own_name() -> None:
    facts = {
        "configurationExists": True,
        "extensionExists": True,
        "extensionName": "gitops",
        "configurationChanges": ["x"],
    }
    context = InMemory(
        {
            "check_gitops": ok(findings=[], facts=facts),
            "delete_configuration": ok(done=True),
            "delete_extension": [ok(done=False, operation="url"), ok(done=True)],
        }
    )
    run = orchestrate(context, payload(**DELETE, withExtension=True, kubeconfig=None, location=None))
    assert context.steps[:2] == ["check_gitops", "delete_configuration"]
    assert arguments(context, "delete_extension") == [
        {"extensionName": "gitops"},
        {"extensionName": "gitops", "operation": "url"},
    ]
    assert (run["result"]["configuration"], run["result"]["extension"]) == ("deleted", "deleted")
    assert run["result"]["id"].endswith("/fluxConfigurations/config")


def gitops_world(**outcomes: Any) -> InMemory:
    """A connect that comes to GitOps."""
    facts = {**NEW, "extensionNamespace": None}
    return world(
        CONNECT,
        check_gitops=ok(findings=[], facts=facts),
        apply_extension=ok(changed=True, created=True, extensionName="flux"),
        poll_extension=INSTALLED,
        poll_extension_release=ok(done=True),
        apply_configuration=WRITTEN,
        poll_configuration=DONE,
        poll_compliance=ok(done=True, detail="Compliant", resource=RESOURCE),
        delete_configuration=ok(done=True),
        delete_extension=ok(done=True),
        **outcomes,
    )


def test_connect_applies_the_configuration_at_its_end() -> None:
    context = gitops_world()
    run = orchestrate(context, payload(gitops=CONFIGURATION))
    assert (run["state"], run["leftovers"], run["findings"]) == ("Succeeded", [], [])
    assert run["result"] == CONNECTED
    expected = [
        "apply_extension",
        "poll_extension",
        "poll_extension_release",
        "apply_configuration",
        "poll_configuration",
    ]
    first = context.steps.index("apply_extension")
    assert context.steps[first : first + 6] == [*expected, "poll_compliance"]
    assert "wait_for_metadata" in context.steps[:first]


def test_rollback_of_a_connect_undoes_configuration_and_extension_before_the_cluster() -> None:
    context = gitops_world()
    context.outcomes["poll_compliance"] = failed(Code.GITOPS_FAILED, retryable=False)
    with pytest.raises(RunFailed):
        orchestrate(context, payload(gitops=CONFIGURATION, onFailure="rollback"))
    undone = context.steps[context.steps.index("poll_compliance") + 1 :]
    assert undone[:3] == ["delete_configuration", "delete_extension", "delete_resource"]
    assert arguments(context, "delete_extension")[0] == {"extensionName": "flux"}


def test_connect_without_rollback_names_what_it_keeps() -> None:
    context = gitops_world()
    context.outcomes["poll_compliance"] = failed(Code.GITOPS_FAILED, retryable=False)
    with pytest.raises(RunFailed):
        orchestrate(context, payload(gitops=CONFIGURATION))
    leftovers = describe_all(context.status["leftovers"])
    assert {"Flux configuration config", "extension flux"} < {*leftovers}
