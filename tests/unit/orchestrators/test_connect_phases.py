"""The phases of a connect: what they call their steps with, what they remember and what they show."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import TIME_LIMITS
from orchestrators.failures import StepFailed
from orchestrators.phases import PHASES
from orchestrators.run_context import RunContext
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, run_in
from tests.unit.orchestrators.worlds import CLUSTER, CONNECT, RESOURCE, world

FACTS: Json = {"cluster": CLUSTER, "tenantId": "t", "resourceGroupExists": True, "resourceExists": False}
DEPLOYED: Json = {**FACTS, "publicKey": "key"}
LOADED: Outcome = ok(done=False, detail="being deleted")


def do(context: InMemory, phase: str, facts: Json = FACTS, **body: Any) -> tuple[RunContext, Json]:
    """Do one phase with these facts; returns the run, and its status after the phase."""
    run = run_in(context, phase, **body)
    run.facts.update(facts)  # type: ignore[typeddict-item]
    context.drive(PHASES[phase](run))
    run.end_phase()
    return run, context.status


def detail(status: Json) -> str | None:
    """What the phase in progress shows."""
    text: str | None = next(phase["detail"] for phase in status["phases"] if phase["name"] == status["phase"])
    return text


def created(status: Json) -> list[str]:
    """What would be left if the run were ended from outside."""
    return describe_all(status["made"])


def late(context: InMemory, phase: str, facts: Json = FACTS, **body: Any) -> str:
    """The code of the error that ends a phase in which nothing gets done."""
    with pytest.raises(StepFailed) as caught:
        do(context, phase, facts, **body)
    code: str = caught.value.error["code"]
    return code


# --- registerProviders, pollRegistration, ensureResourceGroup ---


def test_register_providers_remembers_what_is_not_registered() -> None:
    states = {"A": "Registered", "B": "Registering", "C": "NotRegistered"}
    run, status = do(world(CONNECT, register_providers=ok(states=states, asked=["C", "D"])), "registerProviders")
    assert run.facts["unregistered"] == ["B", "C"]
    assert (detail(status), status["changed"]) == ("requested registration of C, D", True)
    run, status = do(world(CONNECT), "registerProviders")
    assert run.facts["unregistered"] == []
    assert (detail(status), status["changed"]) == ("nothing to register", False)


def test_registration_is_polled_only_if_something_is_not_registered() -> None:
    context = InMemory()
    _, status = do(context, "pollRegistration", {"unregistered": []})
    assert (context.steps, detail(status)) == ([], "registered")
    context = InMemory({"poll_registration": [ok(done=False, detail="B is Registering")] * 2 + [ok(done=True)]})
    do(context, "pollRegistration", {"unregistered": ["B"]})
    assert (len(context.steps), context.waits) == (3, [5, 10])
    context = InMemory({"poll_registration": ok(done=False, detail="x")})
    assert late(context, "pollRegistration", {"unregistered": ["B"]}) == Code.PROVIDER_REGISTRATION_SLOW


@pytest.mark.parametrize("is_new", [False, True])
def test_a_resource_group_is_kept_on_rollback(*, is_new: bool) -> None:
    context = InMemory({"ensure_resource_group": ok(created=is_new)})
    _, status = do(context, "ensureResourceGroup", {"resourceGroupExists": not is_new})
    assert arguments(context, "ensure_resource_group") == [{"resourceGroupExists": not is_new}]
    assert (detail(status), status["changed"]) == ("created" if is_new else "exists", is_new)
    assert created(status) == []


# --- deployAgents ---


def test_deploying_agents_remembers_what_it_creates() -> None:
    context = world(CONNECT)
    run, status = do(context, "deployAgents")
    assert context.steps == ["await_removal", "ensure_key_pair", "deploy_agents", "poll_agents"]
    assert arguments(context, "await_removal") == arguments(context, "ensure_key_pair") == [{}]
    assert arguments(context, "deploy_agents") == [{"tenantId": "t", "publicKey": "key", "facts": CLUSTER}]
    assert arguments(context, "poll_agents") == [{"identityIssued": False}]
    assert created(status) == [
        "Secret azure-arc-connect-privatekey in namespace azure-arc",
        "release azure-arc",
        "lease arcway",
    ]
    assert (run.facts["publicKey"], run.facts["chart"]) == ("key", {"reference": "r", "digest": "d"})
    assert (status["changed"], detail(status)) == (True, "7 of 7 ready")
    context = world({"uninstall_agents": ok(done=True)})
    run._context = context
    context.drive(run.run_compensations())
    context.drive(run.run_cleanups())
    assert context.steps == ["uninstall_agents", "uninstall_agents", "release_cluster"]


@pytest.mark.parametrize("is_changed", [False, True])
def test_existing_agents_and_keys_are_not_created(*, is_changed: bool) -> None:
    outcome = ok(created=False, changed=is_changed, chart={"reference": "r", "digest": None})
    context = world(CONNECT, deploy_agents=outcome, ensure_key_pair=ok(publicKey="key", created=False))
    _, status = do(context, "deployAgents")
    assert (created(status), status["changed"]) == (["lease arcway"], is_changed)


def test_a_public_key_that_is_known_is_not_asked_for_again() -> None:
    context = world(CONNECT)
    do(context, "deployAgents", DEPLOYED)
    assert context.steps == ["deploy_agents", "poll_agents"]


def test_a_release_that_is_locked_is_tried_eight_times() -> None:
    context = world(CONNECT, deploy_agents=failed(Code.RELEASE_LOCKED))
    assert late(context, "deployAgents", DEPLOYED) == Code.RELEASE_LOCKED
    assert len(context.steps) == 8


def test_agents_and_earlier_removals_are_waited_for_until_the_deadline() -> None:
    context = world(CONNECT, poll_agents=ok(done=False, detail="0 of 7"))
    assert late(context, "deployAgents") == Code.AGENTS_NOT_READY
    assert context.waits[:4] == [0.25, 0.5, 1, 2]
    context = world(CONNECT, await_removal=ok(done=False, detail="x", remedy=None))
    assert late(context, "deployAgents") == Code.NAMESPACE_TERMINATING
    assert context.elapsed > TIME_LIMITS["deployAgents"] - 11


# --- createResource ---


def test_a_new_connected_cluster_is_remembered_with_its_key() -> None:
    context = world(CONNECT)
    run, status = do(context, "createResource", DEPLOYED)
    assert arguments(context, "create_resource") == [{"facts": CLUSTER, "publicKey": "key", "resourceExists": False}]
    assert context.steps == ["create_resource"]
    assert (created(status), status["changed"]) == (["connected cluster shop"], True)
    assert detail(status) == "provisioned"
    context.drive(run.run_compensations())
    assert arguments(context, "delete_resource") == [{"publicKey": "key"}]
    assert context.inputs("delete_resource")[0]["writtenAt"] == "2026-01-01T00:00:00.000Z"


def test_creating_the_connected_cluster_first_makes_the_key_pair() -> None:
    context = world(CONNECT)
    do(context, "createResource", {**FACTS, "resourceExists": True})
    assert context.steps == ["await_removal", "ensure_key_pair", "create_resource"]
    assert arguments(context, "create_resource")[0]["resourceExists"] is True


def test_provisioning_is_followed_to_its_end() -> None:
    writing = ok(created=False, changed=True, operation="url", done=False)
    polls: list[Outcome] = [ok(done=False, detail="provisioning is Creating"), ok(done=True)]
    context = world(CONNECT, create_resource=writing, poll_resource=polls)
    _, status = do(context, "createResource", DEPLOYED)
    assert arguments(context, "poll_resource") == [{"operation": "url"}] * 2
    assert context.waits == [0.5]
    assert (created(status), status["changed"], detail(status)) == ([], True, "provisioned")
    context = world(CONNECT, create_resource=writing, poll_resource=ok(done=False, detail="x"))
    assert late(context, "createResource", DEPLOYED) == Code.PROVISIONING_FAILED


@pytest.mark.parametrize(("operation", "done", "polls"), [(None, True, 0), (None, False, 1), ("url", True, 1)])
def test_an_unchanged_connected_cluster_is_not_written(operation: str | None, done: bool, polls: int) -> None:
    outcome = ok(created=False, changed=False, operation=operation, done=done)
    context = world(CONNECT, create_resource=outcome, poll_resource=ok(done=True))
    run, status = do(context, "createResource", DEPLOYED)
    assert (detail(status), status["changed"], created(status)) == ("already exists as requested", False, [])
    assert context.steps.count("poll_resource") == polls
    context.drive(run.run_cleanups())
    assert [value["writtenAt"] for value in context.inputs("create_resource")] == [None]
    assert run._written_at is None


def test_a_connected_cluster_that_is_being_deleted_is_waited_for_and_created_again() -> None:
    deleting, new = ok(beingDeleted=True), ok(created=True, changed=True, operation=None, done=True)
    context = world(CONNECT, create_resource=[deleting, new], await_deletion=[LOADED, LOADED, ok(done=True)])
    do(context, "createResource", {**DEPLOYED, "resourceExists": True})
    assert context.steps == ["create_resource", *["await_deletion"] * 3, "create_resource"]
    assert [value["resourceExists"] for value in context.inputs("create_resource")] == [True, False]
    assert (arguments(context, "await_deletion"), context.waits) == ([{}] * 3, [0.25, 0.5])


def test_a_connected_cluster_that_stays_being_deleted_fails_the_phase() -> None:
    context = world(CONNECT, create_resource=ok(beingDeleted=True), await_deletion=ok(done=True))
    assert late(context, "createResource", DEPLOYED) == Code.CONNECTED_CLUSTER_DELETING
    assert context.steps == ["create_resource", "await_deletion", "create_resource"]
    context = world(CONNECT, create_resource=ok(beingDeleted=True), await_deletion=LOADED)
    assert late(context, "createResource", DEPLOYED) == Code.CONNECTED_CLUSTER_DELETING
    assert context.elapsed > TIME_LIMITS["createResource"] - 11


# --- configureAgents, waitForMetadata ---


def test_settings_of_the_data_plane_are_given_to_the_release() -> None:
    context = world(CONNECT, configure_agents=ok(changed=True, differing=2))
    _, status = do(context, "configureAgents", DEPLOYED)
    assert arguments(context, "configure_agents") == [{"tenantId": "t", "publicKey": "key", "facts": CLUSTER}]
    assert (detail(status), status["changed"]) == ("changed 2 settings", True)
    _, status = do(world(CONNECT), "configureAgents", DEPLOYED)
    assert (detail(status), status["changed"]) == ("agent settings are up to date", False)
    context = world(CONNECT, configure_agents=failed(Code.RELEASE_LOCKED))
    late(context, "configureAgents", DEPLOYED)
    assert len(context.steps) == 8


def test_metadata_and_agents_are_waited_for_and_the_resource_is_the_result() -> None:
    polls: list[Outcome] = [ok(done=False, detail="connectivity is Connecting")] * 2
    context = world(CONNECT, wait_for_metadata=[*polls, CONNECT["wait_for_metadata"]])
    run, status = do(context, "waitForMetadata", DEPLOYED)
    assert arguments(context, "wait_for_metadata") == [{"publicKey": "key"}] * 3
    assert arguments(context, "poll_agents") == [{"identityIssued": True}]
    assert (run.facts["result"], detail(status), context.waits) == (RESOURCE, "Connected", [0.5, 1])


@pytest.mark.parametrize(
    ("step", "code"), [("wait_for_metadata", Code.CLUSTER_NOT_REPORTING), ("poll_agents", Code.AGENTS_NOT_READY)]
)
def test_waiting_for_metadata_ends_with_what_it_waited_for(step: str, code: Code) -> None:
    context = world(CONNECT, **{step: ok(done=False, detail="x")})
    assert late(context, "waitForMetadata", DEPLOYED) == code
    assert context.waits[:3] == [0.5, 1, 2]
