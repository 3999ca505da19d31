"""The phases of runs about Azure Policy: what they call their steps with, remember, show and leave."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from orchestrators.failures import StepFailed
from orchestrators.phases.assign_policy import SCHEDULE, assign_policy
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, run_in
from tests.unit.orchestrators.test_check_phase import ADDRESSES, ERROR, NETWORK, check, check_alone, refused
from tests.unit.orchestrators.test_connect_phases import detail, do, late

DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/95edb821-ddaf-4404-9732-666045e056b4"
ENABLE: Json = {"operation": "enablePolicy", "assignment": {"name": "a", "definitionId": DEFINITION}}
DISABLE: Json = {"operation": "disablePolicy", "assignment": {"name": "a"}}
NEW: Json = {
    "extensionExists": False,
    "extensionName": "policies",
    "extensionNamespace": None,
    "extensionChanges": ["extension"],
    "assignmentExists": False,
    "assignmentChanges": ["assignment"],
    "toRegister": ["Microsoft.PolicyInsights"],
}
UNCHANGED: Json = {**NEW, "extensionExists": True, "extensionChanges": [], "assignmentChanges": [], "toRegister": []}
THERE: Json = {**UNCHANGED, "assignmentExists": True}
WITHOUT: Json = {"kubeconfig": None}
NAME: Json = {"extensionName": "policies"}


# --- checkCluster ---


def test_check_of_azure_comes_before_that_of_the_cluster() -> None:
    context = InMemory({"check_policy": ok(findings=[], facts=NEW), "check_policy_cluster": ok(findings=[])})
    check(context, **ENABLE)
    assert context.steps == ["check_policy", "check_policy_cluster"]
    assert arguments(context, "check_policy_cluster") == [NAME]


def test_check_without_a_kubeconfig_reads_azure_alone() -> None:
    context = InMemory({"check_policy": ok(findings=[], facts=NEW)})
    check(context, **ENABLE, **WITHOUT)
    assert context.steps == ["check_policy"]


def test_gatekeeper_of_others_ends_the_run_before_anything_is_changed() -> None:
    other = {**ERROR, "code": Code.GATEKEEPER_OF_OTHERS}
    context = InMemory({"check_policy": ok(findings=[], facts=NEW), "check_policy_cluster": ok(findings=[other])})
    assert refused(context, **ENABLE)["code"] == Code.GATEKEEPER_OF_OTHERS


def test_network_is_tried_and_cleaned_up() -> None:
    outcomes = {"check_policy": ok(findings=[], facts=NEW), "check_policy_cluster": ok(findings=[]), **NETWORK}
    context = InMemory({**outcomes, "end_network_check": ok()})
    result = check_alone(context, **ENABLE, checkNetwork=True)
    assert context.steps[2:] == ["start_network_check", "poll_network_check", "end_network_check"]
    assert [item["address"] for item in result["network"]] == [item["address"] for item in ADDRESSES]


def test_network_of_another_cluster_is_not_tried() -> None:
    context = InMemory({"check_policy": ok(findings=[], facts=NEW), "check_policy_cluster": ok(findings=[ERROR])})
    refused(context, **ENABLE, checkNetwork=True)
    assert "start_network_check" not in context.steps


@pytest.mark.parametrize(
    ("body", "facts", "plan", "changes"),
    [
        (
            ENABLE,
            NEW,
            [
                "register provider namespace Microsoft.PolicyInsights",
                "create extension policies",
                "create policy assignment a",
            ],
            ["assignment", "extension", "provider Microsoft.PolicyInsights"],
        ),
        (
            ENABLE,
            {
                **UNCHANGED,
                "extensionChanges": ["version"],
                "assignmentExists": True,
                "assignmentChanges": ["displayName"],
            },
            ["change version of extension policies", "change displayName of policy assignment a"],
            ["assignment.displayName", "extension.version"],
        ),
        (ENABLE, UNCHANGED, [], []),
        (DISABLE, NEW, ["delete policy assignment a", "delete extension policies"], ["assignment", "extension"]),
        (DISABLE, UNCHANGED, [], []),
    ],
)
def test_plan_names_each_change(body: Json, facts: Json, plan: list[str], changes: list[str]) -> None:
    facts = {**facts, "toRegister": []} if body is DISABLE else facts
    context = InMemory({"check_policy": ok(findings=[], facts=facts)})
    result = check_alone(context, **body, **WITHOUT)
    assert (result["plan"], result["changes"]) == (plan, changes)


# --- the extension ---


def test_extension_is_applied_under_the_name_that_the_check_found_out() -> None:
    written = ok(changed=True, created=True, operation="url")
    polled = ok(done=True, resource={"name": "policies"}, namespace="kube-system")
    context = InMemory({"apply_extension": written, "poll_extension": polled, "poll_extension_release": ok(done=True)})
    _, status = do(context, "applyExtension", NEW, **ENABLE)
    assert arguments(context, "apply_extension") == [NAME]
    assert arguments(context, "poll_extension") == [{"operation": "url", **NAME}]
    assert describe_all(status["leftovers"]) == ["extension policies"]
    do(context, "waitForRelease", {**NEW, "extensionNamespace": "kube-system"}, **ENABLE)
    assert arguments(context, "poll_extension_release") == [{"namespace": "kube-system", **NAME}]


# --- assignPolicy ---


def assigned(*, changed: bool) -> Outcome:
    return ok(changed=changed, assignment={"name": "a"})


@pytest.mark.parametrize(
    ("facts", "written", "changed"),
    [(NEW, True, True), (NEW, False, True), (UNCHANGED, True, True), (UNCHANGED, False, False)],
)
def test_assignment_counts_as_changed_whichever_attempt_wrote_it(facts: Json, written: bool, changed: bool) -> None:
    context = InMemory({"assign_policy": assigned(changed=written)})
    run, status = do(context, "assignPolicy", {**facts, "result": {"name": "policies"}}, **ENABLE)
    assert (status["changed"], status["leftovers"]) == (changed, [])
    expected = {"extension": {"name": "policies"}, "assignment": {"name": "a"}, "schedule": SCHEDULE}
    assert run.facts["result"] == expected
    assert detail(status) == ("changed assignment" if facts is NEW else "already as requested")


def test_request_without_an_assignment_writes_none() -> None:
    context = InMemory()
    run, status = do(context, "assignPolicy", NEW, operation="enablePolicy")
    assert (context.steps, status["changed"]) == ([], False)
    assert (run.facts["result"] or {})["assignment"] is None


@pytest.mark.parametrize(
    ("facts", "leftovers"),
    [
        (NEW, ["extension policies", "policy assignment a"]),
        ({**NEW, "extensionExists": True}, ["extension policies, changed", "policy assignment a"]),
        (UNCHANGED, []),
    ],
)
def test_refused_assignment_names_what_stays(facts: Json, leftovers: list[str]) -> None:
    context = InMemory({"assign_policy": failed(Code.AZURE_PERMISSION_MISSING, retryable=False)})
    run = run_in(context, "assignPolicy", **ENABLE)
    run.facts.update(facts)  # type: ignore[typeddict-item]
    with pytest.raises(StepFailed):
        context.drive(assign_policy(run))
    assert describe_all(context.status["leftovers"]) == leftovers


# --- disablePolicy ---


@pytest.mark.parametrize(
    ("known", "existed", "words"), [(True, False, "deleted"), (False, True, "deleted"), (False, False, None)]
)
def test_assignment_is_deleted_before_the_extension(known: bool, existed: bool, words: Any) -> None:
    context = InMemory({"delete_policy_assignment": ok(done=True, detail="deleted", existed=existed)})
    _, status = do(context, "deletePolicyAssignment", {**NEW, "assignmentExists": known}, **DISABLE)
    assert (status["changed"], status["leftovers"]) == (words is not None, [])
    assert detail(status) == (words or "the assignment does not exist")


def test_assignment_that_is_not_named_stays() -> None:
    context = InMemory()
    _, status = do(context, "deletePolicyAssignment", NEW, operation="disablePolicy")
    assert (context.steps, detail(status)) == ([], "the request names no assignment")


def test_deletion_of_the_assignment_has_a_deadline() -> None:
    context = InMemory({"delete_policy_assignment": ok(done=False, detail="being deleted", existed=True)})
    assert late(context, "deletePolicyAssignment", NEW, **DISABLE) == Code.POLICY_ASSIGNMENT_NOT_DELETED


@pytest.mark.parametrize("exists", [True, False])
def test_result_of_disabling_says_what_is_gone(exists: bool) -> None:
    context = InMemory({"delete_extension": ok(done=True), "poll_extension_removal": ok(done=True, leftovers=[])})
    facts = {**NEW, "extensionExists": exists, "assignmentExists": exists}
    run, status = do(context, "deleteExtension", facts, **DISABLE)
    assert arguments(context, "delete_extension") == arguments(context, "poll_extension_removal") == [NAME]
    word = "deleted" if exists else "absent"
    result = run.facts["result"] or {}
    assert (result["extension"], result["assignment"], status["changed"]) == (word, word, exists)
    assert result["id"].endswith("/extensions/policies")
