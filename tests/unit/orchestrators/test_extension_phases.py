"""The phases of runs about an extension: what they call their steps with, remember, show and leave."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from orchestrators.failures import StepFailed
from orchestrators.phases.apply_extension import apply_extension
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, run_in
from tests.unit.orchestrators.test_connect_phases import detail, do, late

APPLY: Json = {"operation": "applyExtension", "extension": {"name": "flux", "type": "microsoft.flux"}, "timeout": 600}
DELETE: Json = {"operation": "deleteExtension", "extension": {"name": "flux"}}
NEW: Json = {"extensionExists": False, "extensionChanges": ["extension"]}
WRITTEN = ok(changed=True, created=True, operation="url")
RESOURCE: Json = {"name": "flux"}
INSTALLED = ok(done=True, detail="extension is succeeded", resource=RESOURCE, namespace="flux-system")


def test_extension_is_written_and_waited_for() -> None:
    polls: list[Outcome] = [ok(done=False, detail="extension is Creating", retryAfter=7), INSTALLED]
    context = InMemory({"apply_extension": WRITTEN, "poll_extension": polls})
    run, status = do(context, "applyExtension", NEW, **APPLY)
    assert arguments(context, "poll_extension") == [{"operation": "url"}] * 2
    assert context.waits == [7]
    assert (status["changed"], describe_all(status["leftovers"])) == (True, ["extension flux"])
    assert detail(status) == "changed extension"
    assert (run.facts["result"], run.facts["extensionNamespace"]) == (RESOURCE, "flux-system")


def test_change_of_others_is_waited_for_before_writing() -> None:
    writes: list[Outcome] = [ok(changed=False, created=False, inProgress="updating"), WRITTEN]
    polls: list[Outcome] = [ok(done=False, detail="extension is updating"), ok(done=True), INSTALLED]
    context = InMemory({"apply_extension": writes, "poll_extension": polls})
    do(context, "applyExtension", NEW, **APPLY)
    assert context.steps == ["apply_extension", "poll_extension", "poll_extension", "apply_extension", "poll_extension"]
    assert arguments(context, "poll_extension") == [{"settle": True}, {"settle": True}, {"operation": "url"}]


@pytest.mark.parametrize(("changes", "changed"), [([], False), (["settings.a"], True)])
def test_change_counts_whichever_attempt_made_it(changes: list[str], changed: bool) -> None:
    context = InMemory({"apply_extension": ok(changed=False, created=False), "poll_extension": INSTALLED})
    facts = {"extensionExists": True, "extensionChanges": changes}
    _, status = do(context, "applyExtension", facts, **APPLY)
    assert status["changed"] is changed
    assert detail(status) == ("changed settings.a" if changed else "already as requested")


def test_failure_has_what_the_pods_waited_for_last() -> None:
    polls: list[Outcome] = [
        ok(done=False, detail="extension is Creating; pod x cannot pull its image"),
        failed(Code.EXTENSION_INSTALL_TIMEOUT),
    ]
    context = InMemory({"apply_extension": WRITTEN, "poll_extension": polls})
    error = failure(context, NEW)
    assert error["code"] == Code.EXTENSION_INSTALL_TIMEOUT
    assert error["message"].endswith("Before that: extension is Creating; pod x cannot pull its image.")
    assert describe_all(context.status["leftovers"]) == ["extension flux"]


def failure(context: InMemory, facts: Json) -> Json:
    """The error that the phase ends with."""
    run = run_in(context, "applyExtension", **APPLY)
    run.facts.update(facts)  # type: ignore[typeddict-item]
    with pytest.raises(StepFailed) as caught:
        context.drive(apply_extension(run))
    run.fail(caught.value.error)
    error: Json = caught.value.error
    return error


def test_the_request_limits_the_time_and_names_what_it_waited_for() -> None:
    polled = ok(done=False, detail="extension is Creating", code=Code.IMAGE_PULL_FAILED, remedy="r")
    context = InMemory({"apply_extension": WRITTEN, "poll_extension": polled})
    error = failure(context, NEW)
    assert (error["code"], error["remedy"]) == (Code.IMAGE_PULL_FAILED, "r")
    assert 540 < context.elapsed <= 600


@pytest.mark.parametrize("kubeconfig", [None, {"secret": "arcway-shop"}])
def test_release_is_read_with_a_kubeconfig_only(kubeconfig: Any) -> None:
    context = InMemory({"poll_extension_release": ok(done=True, detail="6 of 6 Deployments ready")})
    facts = {**NEW, "extensionNamespace": "flux-system"}
    _, status = do(context, "waitForRelease", facts, **APPLY, kubeconfig=kubeconfig)
    assert arguments(context, "poll_extension_release") == ([{"namespace": "flux-system"}] if kubeconfig else [])
    assert detail(status) == (
        "6 of 6 Deployments ready" if kubeconfig else "not checked: the request names no kubeconfig"
    )


def test_release_that_does_not_become_ready_has_a_deadline() -> None:
    context = InMemory({"poll_extension_release": ok(done=False, detail="0 of 1 Deployment ready")})
    assert late(context, "waitForRelease", NEW, **APPLY) == Code.EXTENSION_PODS_NOT_READY


def test_deletion_waits_for_azure_and_then_for_the_cluster() -> None:
    context = InMemory(
        {
            "delete_extension": [ok(done=False, detail="being deleted", operation="url"), ok(done=True)],
            "poll_extension_removal": [ok(done=False, leftovers=[]), ok(done=True, leftovers=[])],
        }
    )
    run, status = do(context, "deleteExtension", {"extensionExists": True}, **DELETE)
    assert arguments(context, "delete_extension") == [{}, {"operation": "url"}]
    assert len(arguments(context, "poll_extension_removal")) == 2
    assert (status["changed"], status["leftovers"], detail(status)) == (True, [], "deleted")
    assert (run.facts["result"] or {})["extension"] == "deleted"


@pytest.mark.parametrize("exists", [True, False])
def test_deletion_by_force_does_not_wait_for_the_cluster(exists: bool) -> None:
    context = InMemory({"delete_extension": ok(done=True)})
    run, status = do(context, "deleteExtension", {"extensionExists": exists}, **DELETE, force=True)
    assert context.steps == ["delete_extension"]
    assert (run.facts["result"] or {})["extension"] == ("deleted" if exists else "absent")
    expected = ["release flux in the cluster (not checked)"] if exists else []
    assert (status["changed"], describe_all(status["leftovers"])) == (exists, expected)


def test_deletion_has_a_deadline() -> None:
    context = InMemory({"delete_extension": ok(done=False, detail="being deleted")})
    assert late(context, "deleteExtension", {"extensionExists": True}, **DELETE) == Code.EXTENSION_NOT_REMOVED


# --- deleteExtensions ---

OFFBOARD: Json = {"operation": "offboard"}
INSTALLED_ONES: Json = {"extensions": ["flux", "policy"], "isConnected": True, "agents": [], "resourceExists": True}


def test_disconnect_waits_until_extensions_are_gone() -> None:
    left = [leftover("Extension", "flux", reason="NotRemovedYet")]
    polls: list[Outcome] = [ok(done=False, detail="still deleting", leftovers=left), ok(done=True, leftovers=[])]
    context = InMemory({"delete_extensions": polls})
    _, status = do(context, "deleteExtensions", INSTALLED_ONES, **OFFBOARD)
    assert arguments(context, "delete_extensions") == [{"extensions": ["flux", "policy"]}] * 2
    assert (status["changed"], status["leftovers"], detail(status)) == (True, [], "deleted flux, policy")


@pytest.mark.parametrize(
    ("facts", "body"),
    [({"isConnected": False}, {}), ({}, {"azureOnly": True, "kubeconfig": None}), ({}, {"force": True})],
)
def test_releases_that_are_left_stay_in_the_leftovers_to_the_end(facts: Json, body: Json) -> None:
    context = InMemory()
    run, status = do(context, "deleteExtensions", {**INSTALLED_ONES, **facts}, **OFFBOARD, **body)
    words = ["release flux in the cluster (not checked)", "release policy in the cluster (not checked)"]
    assert (context.steps, status["changed"], describe_all(status["leftovers"])) == ([], False, words)
    run.set_leftovers([leftover("ConnectedCluster", "shop")])
    run.set_leftovers([])
    assert describe_all(run.finish("Succeeded")["leftovers"]) == words


@pytest.mark.parametrize("facts", [{}, {"extensions": []}])
def test_cluster_without_extensions_is_disconnected_as_before(facts: Json) -> None:
    context = InMemory()
    _, status = do(context, "deleteExtensions", facts, **OFFBOARD)
    assert (context.steps, status["changed"], status["leftovers"]) == ([], False, [])


@pytest.mark.parametrize(("version", "has_phase"), [("1", False), ("2", False), ("3", True), (None, False)])
def test_run_that_an_earlier_version_started_keeps_its_phases(version: str | None, has_phase: bool) -> None:
    run = run_in(InMemory(started_under=version), "checkCluster", **OFFBOARD)
    assert ("deleteExtensions" in run.phase_names) is has_phase
