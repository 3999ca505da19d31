"""checkCluster: which checks, in which order, with what; the plan; findings that end a run; the network."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from orchestrators.failures import StepFailed
from orchestrators.phases.check_cluster import check_cluster, summary
from orchestrators.run_context import LEASE, RunContext
from tests.unit.orchestrators.in_memory import Crash, InMemory, Outcome, arguments, failed, ok, run_in
from tests.unit.orchestrators.test_connect_phases import created, detail
from tests.unit.orchestrators.worlds import CLUSTER, CONNECT, DISCONNECT, RESOURCE, UPDATE, UPGRADE, world

ERROR = {"code": "ARC-2009", "level": "error", "message": "Too old.", "remedy": "Upgrade."}
WARNING = {"code": "ARC-2018", "level": "warning", "message": "Little memory.", "remedy": "Add some."}
NOTE = {"code": "ARC-2016", "level": "info", "message": "Bypasses.", "remedy": None}
ADDRESSES = [
    {"address": "a:443", "purpose": "x", "optional": False},
    {"address": "b:443", "purpose": "y", "optional": True},
]
NETWORK: dict[str, Outcome] = {
    "start_network_check": ok(done=True, detail="started", addresses=ADDRESSES, findings=[NOTE]),
    "poll_network_check": ok(done=True, detail="x", findings=[WARNING], reachable={"a:443": True}),
}
AZURE: Json = {"tenantId": "t", "resourceGroupExists": True, "resourceExists": False, "toRegister": []}


def check(context: InMemory, **body: Any) -> tuple[RunContext, Json]:
    """Do the phase; returns the run and its status after it."""
    run = run_in(context, "checkCluster", **body)
    context.drive(check_cluster(run))
    run.end_phase()
    return run, context.status


def refused(context: InMemory, **body: Any) -> Json:
    """The error that ends the phase."""
    run = run_in(context, "checkCluster", **body)
    with pytest.raises(StepFailed) as caught:
        context.drive(check_cluster(run))
    run.fail(caught.value.error)
    return caught.value.error


def check_alone(context: InMemory, **body: Any) -> Json:
    """The result of a run that only checks whether another operation can be done."""
    run = run_in(context, "checkCluster", **body)
    run.request = run.request.model_copy(update={"operation": "check"})
    context.drive(check_cluster(run))
    checked = run.facts["result"]
    assert checked is not None
    return checked


def result(context: InMemory, **body: Any) -> Json:
    """The result of a check alone."""
    run, _ = check(context, **body)
    checked = run.facts["result"]
    assert checked is not None
    return checked


# --- connect ---


def test_azure_is_checked_with_what_the_cluster_showed() -> None:
    cluster = {**CLUSTER, "owner": "o", "publicKey": "k"}
    context = world(CONNECT, check_cluster=ok(findings=[WARNING], facts={"cluster": cluster, "releaseDeployed": True}))
    run, status = check(context)
    assert context.steps == ["check_cluster", "check_azure"]
    assert arguments(context, "check_cluster") == [{}]
    assert arguments(context, "check_azure") == [{"owner": "o", "publicKey": "k", "cluster": cluster}]
    assert (run.facts["tenantId"], run.facts["releaseDeployed"]) == ("t", True)
    assert (status["findings"], detail(status), status["changed"]) == ([WARNING], "1 warning", False)
    assert status["leftovers"] == []
    assert "result" not in run.facts


def test_azure_is_checked_even_if_the_cluster_does_not_answer() -> None:
    context = world(CONNECT, check_cluster=failed(Code.API_SERVER_TIMEOUT, message="No answer.", remedy="Look."))
    error = refused(context)
    assert context.steps == ["check_cluster"] * 2 + ["check_azure"]
    assert arguments(context, "check_azure") == [{"owner": None, "publicKey": None, "cluster": None}]
    assert (error["code"], error["message"], error["remedy"]) == (Code.API_SERVER_TIMEOUT, "No answer.", "Look.")
    assert error["details"] == [{"code": "ARC-3002", "level": "error", "message": "No answer.", "remedy": "Look."}]


@pytest.mark.parametrize(
    ("step", "attempts", "body"),
    [
        ("check_cluster", 2, {}),
        ("check_azure", 5, {}),
        ("check_agents", 2, {"operation": "offboard"}),
        ("check_resource", 5, {"operation": "offboard"}),
        ("check_connected_cluster", 5, {"operation": "upgrade"}),
        ("check_release", 2, {"operation": "upgrade"}),
    ],
)
def test_azure_is_worth_more_attempts_than_a_cluster(step: str, attempts: int, body: Json) -> None:
    context = world(CONNECT | DISCONNECT | UPGRADE, **{step: failed(Code.AZURE_SERVER_ERROR)})
    refused(context, **body)
    assert context.steps.count(step) == attempts


def test_several_errors_end_a_run_with_the_first_and_the_number_of_the_others() -> None:
    many = ok(findings=[WARNING, ERROR, {**ERROR, "code": "ARC-2010"}, ERROR], facts={"cluster": CLUSTER})
    context = world(CONNECT, check_cluster=many)
    error = refused(context)
    assert (error["code"], error["message"]) == ("ARC-2009", "Too old. (2 more errors in findings)")
    assert (error["remedy"], len(error["details"])) == ("Upgrade.", 3)
    one = refused(world(CONNECT, check_azure=ok(findings=[ERROR], facts=AZURE)))
    assert one["message"] == "Too old."


def test_the_findings_are_counted_by_level() -> None:
    _, status = check(world(CONNECT))
    assert detail(status) == "no problems found"
    findings = [WARNING, NOTE, NOTE, WARNING, ERROR]
    _, status = check(
        world(CONNECT, check_cluster=ok(findings=findings, facts={"cluster": CLUSTER})),
        operation="check",
        location="eastus",
    )
    assert detail(status) == "1 error, 2 warnings, 2 notes"
    assert summary([ERROR, NOTE, ERROR, ERROR]) == "3 errors, 1 note"


# --- the plan of a connect ---


@pytest.mark.parametrize(
    ("cluster", "azure", "plan"),
    [
        ({"releaseDeployed": False}, {}, ["install release azure-arc", "create connected cluster shop"]),
        (
            {"releaseDeployed": True, "agentChanges": ["a", "b"]},
            {"resourceExists": True, "resourceChanges": ["tags"]},
            [
                "change a of release azure-arc",
                "change b of release azure-arc",
                "change tags of connected cluster shop",
            ],
        ),
        ({"releaseDeployed": True}, {"resourceExists": True, "takesOver": False}, []),
        (
            {"releaseDeployed": True},
            {"resourceExists": True, "takesOver": True},
            ["take over connected cluster shop from another cluster"],
        ),
        (
            {"releaseDeployed": True, "agentChanges": ["a"]},
            {"toRegister": ["A"], "resourceExists": True},
            ["register provider namespace A", "change a of release azure-arc"],
        ),
        (
            {"releaseDeployed": False},
            {"toRegister": ["A", "B"], "resourceGroupExists": False, "takesOver": True},
            [
                "register provider namespace A",
                "register provider namespace B",
                "create resource group clusters in eastus",
                "install release azure-arc",
                "create connected cluster shop",
            ],
        ),
    ],
)
def test_the_plan_of_a_connect(cluster: Json, azure: Json, plan: list[str]) -> None:
    context = world(
        CONNECT,
        check_cluster=ok(findings=[], facts={"cluster": CLUSTER, **cluster}),
        check_azure=ok(findings=[NOTE], facts={**AZURE, **azure}),
    )
    checked = result(context, operation="check", location="eastus")
    assert (checked["ready"], checked["findings"], checked["plan"]) == (True, [NOTE], plan)
    # A plan that has nothing to do is that of a check whose class is unchanged.
    assert (checked["class"] == "unchanged") == (not plan)


def test_a_check_with_errors_has_no_plan_and_does_not_fail() -> None:
    context = world(CONNECT, check_azure=failed(Code.SUBSCRIPTION_NOT_FOUND, retryable=False))
    checked = result(context, operation="check", location="eastus")
    assert (checked["ready"], checked["plan"], len(checked["findings"])) == (False, [], 1)
    assert (checked["class"], checked["changes"], checked["code"]) == ("refused", [], Code.SUBSCRIPTION_NOT_FOUND)


# --- the network ---


def test_the_network_is_checked_when_asked_for() -> None:
    context = world(CONNECT | NETWORK)
    run, status = check(context, checkNetwork=True)
    assert context.steps[2:] == ["start_network_check", "poll_network_check", "end_network_check"]
    assert arguments(context, "start_network_check") == [{"facts": CLUSTER}]
    assert arguments(context, "poll_network_check") == [{"addresses": ADDRESSES}]
    assert run.facts["network"] == [{**ADDRESSES[0], "reachable": True}, {**ADDRESSES[1], "reachable": None}]
    assert (status["findings"], created(status)) == ([NOTE, WARNING], [])
    checked = result(world(CONNECT | NETWORK), operation="check", location="eastus", checkNetwork=True)
    assert checked["network"] == run.facts["network"]


def test_the_network_is_not_checked_in_a_cluster_with_errors() -> None:
    broken = ok(findings=[ERROR], facts={"cluster": CLUSTER, "releaseDeployed": False})
    context = world(CONNECT | NETWORK, check_cluster=broken)
    refused(context, checkNetwork=True)
    assert context.steps == ["check_cluster", "check_azure"]
    *_, skipped = context.status["findings"]
    assert (skipped["code"], skipped["level"]) == (Code.NETWORK_NOT_CHECKED, "info")
    assert skipped["message"] == "The network check was skipped because the cluster has errors."
    assert skipped["remedy"] == CATALOGUE[Code.NETWORK_NOT_CHECKED].remedy


@pytest.mark.parametrize("step", ["start_network_check", "poll_network_check"])
@pytest.mark.parametrize("outcome", [failed(Code.API_SERVER_TIMEOUT, message="No answer."), ok(done=False, detail="x")])
def test_a_network_check_that_cannot_run_is_a_warning_and_is_removed(step: str, outcome: Json) -> None:
    context = world(CONNECT | NETWORK, **{step: outcome})
    _, status = check(context, checkNetwork=True)
    assert context.steps[-1] == "end_network_check"
    (warning,) = status["findings"]
    assert (warning["code"], warning["level"]) == (Code.NETWORK_NOT_CHECKED, "warning")
    assert warning["message"].startswith("The network check could not run. ARC-300")
    assert context.elapsed <= 120
    if "ok" in outcome:
        assert context.elapsed > 110
        assert context.waits[:5] == [0.5, 1, 2, 4, 5]
        assert "ARC-3007: checkCluster timed out: x." in warning["message"]


def test_a_network_check_that_cannot_be_removed_is_left() -> None:
    context = world(CONNECT | NETWORK, end_network_check=Crash("x"))
    _, status = check(context, checkNetwork=True)
    assert describe_all(status["leftovers"]) == ["namespace arcway-check (ARC-6006)"]


def test_other_cleanups_are_left_for_later() -> None:
    context = world(CONNECT | NETWORK)
    run = run_in(context, "checkCluster", checkNetwork=True)
    run.add_cleanup(*LEASE)
    context.drive(check_cluster(run))
    assert "release_cluster" not in context.steps


# --- disconnect ---


def test_a_disconnect_lists_what_it_will_remove() -> None:
    context = world(DISCONNECT)
    _, status = check(context, operation="offboard")
    assert arguments(context, "check_agents") == [{}]
    assert arguments(context, "check_resource") == [{"publicKey": "key"}]
    assert describe_all(status["leftovers"]) == ["connected cluster shop", "release azure-arc"]
    assert {item["reason"] for item in status["leftovers"]} == {"NotRemovedYet"}
    assert status["findings"] == []


def test_azure_only_asks_no_cluster_and_says_that_agents_were_not_checked() -> None:
    context = world(DISCONNECT)
    _, status = check(context, operation="offboard", azureOnly=True, kubeconfig=None)
    assert context.steps == ["check_resource"]
    assert arguments(context, "check_resource") == [{"publicKey": None}]
    assert describe_all(status["leftovers"]) == ["connected cluster shop", "agents in the cluster (not checked)"]
    plan = check_alone(world(DISCONNECT), operation="offboard", azureOnly=True, kubeconfig=None)["plan"]
    assert plan == ["remove connected cluster shop"]


def test_agents_only_asks_azure_nothing() -> None:
    context = world(DISCONNECT)
    run, status = check(context, operation="offboard", agentsOnly=True)
    assert (context.steps, run.facts["resourceExists"]) == (["check_agents"], False)
    assert describe_all(status["leftovers"]) == ["release azure-arc"]


@pytest.mark.parametrize(
    ("agents", "exists", "extra", "warns"),
    [([], True, [], True), ([], True, [WARNING], True), ([], True, [ERROR], False), ([], False, [], False)],
)
def test_a_cluster_without_agents_is_a_warning(
    agents: list[Json], exists: bool, extra: list[Json], warns: bool
) -> None:
    context = world(
        DISCONNECT,
        check_agents=ok(findings=[], facts={"agents": agents, "publicKey": None}),
        check_resource=ok(findings=extra, facts={"resourceExists": exists}),
    )
    if ERROR in extra:
        refused(context, operation="offboard")
    else:
        check(context, operation="offboard")
    checked = [item for item in context.status["findings"] if item["code"] == Code.AGENTS_NOT_INSTALLED]
    remedy = CATALOGUE[Code.AGENTS_NOT_INSTALLED].remedy
    message = "The cluster has no agents; only connected cluster shop will be deleted."
    warning = {"code": "ARC-5012", "level": "warning", "message": message, "remedy": remedy}
    assert checked == ([warning] if warns else [])


def test_a_dead_cluster_has_a_way_out() -> None:
    context = world(DISCONNECT, check_agents=failed(Code.API_SERVER_TIMEOUT, remedy="Look."))
    error = refused(context, operation="offboard")
    assert error["remedy"] == (
        "Look. If the cluster no longer exists, set azureOnly (--azure-only) to delete only the connected cluster."
    )
    context = world(DISCONNECT, check_agents=failed(Code.CLUSTER_PERMISSION_MISSING, remedy="Look.", retryable=False))
    assert refused(context, operation="offboard")["remedy"] == "Look."


# --- update and upgrade ---


def test_an_update_compares_the_release_with_the_connected_cluster() -> None:
    context = world(UPDATE)
    run, status = check(context, operation="update", tags={"a": "b"}, autoUpgrade=True)
    assert arguments(context, "check_connected_cluster") == [{}]
    assert arguments(context, "check_release") == [{"location": "eastus", "resource": RESOURCE}]
    assert (run.facts["result"], status["leftovers"], status["changed"]) == (RESOURCE, [], False)


def test_an_update_of_azure_alone_does_not_read_the_release() -> None:
    context = world(UPDATE)
    check(context, operation="update", tags={"a": "b"})
    assert context.steps == ["check_connected_cluster"]


def test_a_connected_cluster_that_does_not_exist_ends_an_update() -> None:
    missing = {**ERROR, "code": "ARC-4012"}
    context = world(UPDATE, check_connected_cluster=ok(findings=[missing]), check_release=ok(findings=[], facts={}))
    run = run_in(context, "checkCluster", operation="update", tags={"a": "b"}, autoUpgrade=True)
    with pytest.raises(StepFailed):
        context.drive(check_cluster(run))
    assert arguments(context, "check_release") == [{"location": None, "resource": None}]
    assert run.facts["result"] is None


@pytest.mark.parametrize(
    ("outcomes", "body", "plan"),
    [
        (
            UPDATE,
            {"autoUpgrade": True, "tags": {"a": "b"}},
            ["change tags of connected cluster shop", "change proxy of release azure-arc"],
        ),
        (UPDATE, {"tags": {"a": "b"}}, ["change tags of connected cluster shop"]),
        (UPGRADE, {}, ["upgrade release azure-arc from 1.2.3 to 1.3.0"]),
    ],
)
def test_the_plan_of_a_change(outcomes: dict[str, Outcome], body: Json, plan: list[str]) -> None:
    operation = "upgrade" if outcomes is UPGRADE else "update"
    checked = check_alone(world(outcomes), operation=operation, **body)
    assert (checked["ready"], checked["findings"], checked["plan"]) == (True, [], plan)
    assert (checked["class"], len(checked["changes"])) == ("change", len(plan))


def test_agents_that_have_the_version_need_no_plan() -> None:
    release = {"revision": 3, "version": "1.3.0", "uid": "u"}
    context = world(UPGRADE, check_release=ok(findings=[], facts={"release": release, "wanted": "1.3.0"}))
    checked = check_alone(context, operation="upgrade")
    assert (checked["ready"], checked["plan"], checked["class"], checked["changes"]) == (True, [], "unchanged", [])
