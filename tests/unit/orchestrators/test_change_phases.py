"""The phases of disconnects, updates and upgrades: what they call their steps with, remember and show."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok
from tests.unit.orchestrators.test_connect_phases import created, detail, do, late
from tests.unit.orchestrators.worlds import DISCONNECT, RELEASE, RESOURCE, UPDATE, UPGRADE, world

ID = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/clusters/providers/Microsoft.Kubernetes"
ID += "/connectedClusters/shop"
OFFBOARD: Json = {"operation": "offboard"}
CHANGE: Json = {"operation": "update", "tags": {"a": "b"}, "autoUpgrade": True}
TAGS: Json = {"operation": "update", "tags": {"a": "b"}}
PRESENT: Json = {"agents": [RELEASE], "publicKey": "key", "resourceExists": True}
CHANGES: Json = {
    "resourceChanges": ["tags", "distribution"],
    "agentChanges": ["proxy"],
    "location": "eastus",
    "inside": ["r"],
}
UNCHANGED: Json = {**CHANGES, "resourceChanges": [], "agentChanges": []}
BEFORE: Json = {"revision": 3, "version": "1.2.3", "uid": "u", "train": "stable"}
WANTED: Json = {"release": BEFORE, "wanted": "1.3.0", "location": "eastus"}


def left(status: Json) -> list[str]:
    """The leftovers in words."""
    return describe_all(status["leftovers"])


# --- deleteResource ---


def test_deleting_the_connected_cluster_leaves_the_agents() -> None:
    polls: list[Outcome] = [
        ok(done=False, detail="being deleted", operation="url"),
        ok(done=False, detail="being deleted", retryAfter=3),
        ok(done=True, detail="deleted"),
    ]
    context = world(DISCONNECT, delete_resource=polls)
    run, status = do(context, "deleteResource", PRESENT, **OFFBOARD)
    assert arguments(context, "delete_resource") == [
        {"publicKey": "key"},
        {"publicKey": "key", "operation": "url"},
        {"publicKey": "key", "operation": "url"},
    ]
    assert context.waits == [3]
    assert (left(status), status["changed"], detail(status)) == (["release azure-arc"], True, "deleted")
    assert run.facts["result"] == {"id": ID, "resource": "deleted", "agents": "not checked"}


def test_a_connected_cluster_that_does_not_exist_is_not_deleted() -> None:
    context = world(DISCONNECT)
    run, status = do(context, "deleteResource", {**PRESENT, "resourceExists": False, "agents": []}, **OFFBOARD)
    assert (status["changed"], detail(status), left(status)) == (False, "the resource does not exist", [])
    assert run.facts["result"] == {"id": ID, "resource": "absent", "agents": "not checked"}


def test_a_connected_cluster_that_was_created_since_the_check_is_deleted() -> None:
    deleting: list[Outcome] = [ok(done=False, detail="being deleted"), ok(done=True, detail="deleted")]
    run, status = do(
        world(DISCONNECT, delete_resource=deleting), "deleteResource", {**PRESENT, "resourceExists": False}, **OFFBOARD
    )
    assert status["changed"] is True
    assert run.facts["result"] == {"id": ID, "resource": "deleted", "agents": "not checked"}


def test_a_deletion_has_a_deadline() -> None:
    context = world(DISCONNECT, delete_resource=ok(done=False, detail="being deleted"))
    assert late(context, "deleteResource", PRESENT, **OFFBOARD) == Code.CONNECTED_CLUSTER_NOT_DELETED
    assert context.waits[:3] == [0.25, 0.5, 1]


# --- uninstallAgents ---


@pytest.mark.parametrize("force", [False, True])
def test_agents_are_uninstalled_under_the_lease(*, force: bool) -> None:
    namespace = leftover("Namespace", "azure-arc", reason="Terminating")
    pending = ok(done=False, detail="still deleting", leftovers=[namespace], remedy=None)
    done = ok(done=True, detail="uninstalled", leftovers=[], remedy=None)
    context = world(DISCONNECT, uninstall_agents=[pending, pending, done])
    run, status = do(context, "uninstallAgents", PRESENT, **OFFBOARD, force=force)
    assert arguments(context, "uninstall_agents") == [{"force": force}] * 3
    assert context.waits == [0.25]
    assert (created(status), status["changed"], detail(status)) == (["lease arcway"], True, "uninstalled")
    assert ["namespace azure-arc"] in [left(earlier) for earlier in context.statuses]
    assert left(status) == []
    assert run.facts["result"] == {"id": ID, "resource": "not checked", "agents": "removed"}


def test_without_agents_nothing_is_uninstalled() -> None:
    context = InMemory()
    facts = {**PRESENT, "agents": [], "result": {"id": ID, "resource": "deleted", "agents": "not checked"}}
    run, status = do(context, "uninstallAgents", facts, **OFFBOARD)
    assert (context.steps, detail(status), status["changed"]) == ([], "the cluster has no agents", False)
    assert run.facts["result"] == {"id": ID, "resource": "deleted", "agents": "absent"}


def test_an_uninstall_that_names_no_leftovers_has_none() -> None:
    context = world(DISCONNECT, uninstall_agents=ok(done=True, detail="uninstalled"))
    _, status = do(context, "uninstallAgents", PRESENT, **OFFBOARD)
    assert status["leftovers"] == []


def test_an_uninstall_has_a_deadline_and_names_the_rest() -> None:
    namespace = leftover("Namespace", "azure-arc", reason="Terminating")
    context = world(DISCONNECT, uninstall_agents=ok(done=False, detail="x", leftovers=[namespace], remedy="Do."))
    assert late(context, "uninstallAgents", PRESENT, **OFFBOARD) == Code.AGENTS_NOT_REMOVED
    assert left(context.status) == ["namespace azure-arc"]


# --- updateResource, updateAgents ---


def test_an_update_of_the_connected_cluster_is_followed_and_read_again() -> None:
    context = world(UPDATE)
    run, status = do(context, "updateResource", CHANGES, **CHANGE)
    assert context.steps == ["update_resource", "poll_resource", "check_connected_cluster"]
    assert arguments(context, "update_resource") == arguments(context, "check_connected_cluster") == [{}]
    assert arguments(context, "poll_resource") == [{"operation": "u"}]
    assert context.inputs("poll_resource")[0]["writtenAt"] is not None
    assert status["leftovers"] == [leftover("ConnectedCluster", "shop", reason="Changed")]
    assert (status["changed"], detail(status)) == (True, "changed tags, distribution")
    assert run.facts["result"] == RESOURCE


def test_an_update_that_an_earlier_attempt_made_counts_as_changed() -> None:
    context = world(UPDATE, update_resource=ok(changed=False, operation=None))
    _, status = do(context, "updateResource", CHANGES, **CHANGE)
    assert (status["changed"], len(context.steps)) == (True, 3)
    assert context.inputs("poll_resource")[0]["writtenAt"] is None


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    context = world(UPDATE, update_resource=ok(changed=False, operation=None))
    run, status = do(context, "updateResource", UNCHANGED, **CHANGE)
    assert (context.steps, status["changed"], left(status)) == (["update_resource"], False, [])
    assert detail(status) == "already as requested"
    assert "result" not in run.facts


def test_an_update_of_azure_alone_leaves_nothing() -> None:
    _, status = do(world(UPDATE), "updateResource", CHANGES, **TAGS)
    assert (left(status), status["changed"]) == ([], True)


def test_an_update_that_is_not_provisioned_in_time_fails() -> None:
    context = world(UPDATE, poll_resource=ok(done=False, detail="x"))
    assert late(context, "updateResource", CHANGES, **CHANGE) == Code.PROVISIONING_FAILED
    context = world(UPDATE, check_connected_cluster=ok(findings=[]))
    run, _ = do(context, "updateResource", CHANGES, **CHANGE)
    assert run.facts["result"] is None


@pytest.mark.parametrize(
    ("facts", "is_changed", "text"),
    [
        (CHANGES, True, "changed 1 setting"),
        (UNCHANGED, True, "agent settings are up to date"),
        (UNCHANGED, False, "agent settings are up to date"),
    ],
)
def test_updated_agents_are_waited_for(facts: Json, is_changed: bool, text: str) -> None:
    context = world(UPDATE, update_agents=ok(changed=is_changed, differing=1))
    _, status = do(context, "updateAgents", facts, **CHANGE)
    assert arguments(context, "update_agents") == [{"location": "eastus", "inside": ["r"]}]
    assert arguments(context, "poll_agents") == [{"identityIssued": True}]
    assert (detail(status), status["changed"]) == (text, is_changed)
    assert (created(status), left(status)) == (["lease arcway"], [])


def test_changes_seen_before_count_whichever_attempt_made_them() -> None:
    _, status = do(world(UPDATE, update_agents=ok(changed=False, differing=0)), "updateAgents", CHANGES, **CHANGE)
    assert status["changed"] is True


def test_updated_agents_have_eight_attempts_and_a_deadline() -> None:
    context = world(UPDATE, update_agents=failed(Code.RELEASE_LOCKED))
    late(context, "updateAgents", CHANGES, **CHANGE)
    assert len(context.steps) == 8
    context = world(UPDATE, poll_agents=ok(done=False, detail="x"))
    assert late(context, "updateAgents", CHANGES, **CHANGE) == Code.AGENTS_NOT_READY
    assert context.waits[:3] == [0.25, 0.5, 1]


# --- upgradeAgents ---


def test_an_upgrade_remembers_the_way_back_before_it_begins() -> None:
    context = world(UPGRADE, upgrade_agents=failed(Code.RELEASE_LOCKED))
    assert late(context, "upgradeAgents", WANTED, operation="upgrade") == Code.RELEASE_LOCKED
    assert len(context.steps) == 8
    assert created(context.status) == ["upgrade of the agents to 1.3.0", "lease arcway"]
    assert context.status["changed"] is False


def test_an_upgrade_is_done_waited_for_and_can_be_undone() -> None:
    context = world(UPGRADE)
    run, status = do(context, "upgradeAgents", WANTED, operation="upgrade")
    assert arguments(context, "upgrade_agents") == [{"location": "eastus", "wanted": "1.3.0"}]
    assert arguments(context, "poll_agents") == [{"identityIssued": True}]
    assert (detail(status), status["changed"], run.facts["upgraded"]) == ("upgraded from 1.2.3 to 1.3.0", True, True)
    context.drive(run.run_compensations())
    way_back = {"revision": 3, "version": "1.2.3", "uid": "u", "wanted": "1.3.0"}
    assert arguments(context, "roll_back_agents") == [way_back]


def test_agents_that_have_the_version_are_not_upgraded() -> None:
    context = InMemory()
    run, status = do(context, "upgradeAgents", {**WANTED, "wanted": "1.2.3"}, operation="upgrade")
    assert (context.steps, detail(status)) == ([], "the agents already have 1.2.3")
    assert (run.facts["upgraded"], created(status), status["changed"]) == (False, [], False)


def test_an_upgrade_has_the_deadline_that_its_request_names() -> None:
    context = world(UPGRADE, poll_agents=ok(done=False, detail="x"))
    assert late(context, "upgradeAgents", WANTED, operation="upgrade", upgradeTimeout=120) == Code.AGENTS_NOT_READY
    assert 105 < context.elapsed <= 120


def test_metadata_of_an_upgrade_are_those_of_its_version() -> None:
    context = world(UPGRADE)
    do(context, "waitForMetadata", {**WANTED, "publicKey": "key", "upgraded": True}, operation="upgrade")
    assert arguments(context, "wait_for_metadata") == [{"publicKey": "key", "agentVersion": "1.3.0"}]


def test_after_an_upgrade_that_was_not_needed_nothing_is_waited_for() -> None:
    context = InMemory()
    run, status = do(context, "waitForMetadata", {**WANTED, "upgraded": False}, operation="upgrade")
    assert (context.steps, detail(status)) == ([], "nothing was changed")
    assert "result" not in run.facts


def test_a_release_without_uid_can_be_rolled_back() -> None:
    before: dict[str, Any] = {"revision": 3, "version": "1.2.3"}
    context = world(UPGRADE)
    run, _ = do(context, "upgradeAgents", {**WANTED, "release": before}, operation="upgrade")
    context.drive(run.run_compensations())
    assert arguments(context, "roll_back_agents") == [{**before, "wanted": "1.3.0"}]
