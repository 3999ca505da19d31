"""Features in the phases of connects and updates: the link to a gateway, the registrations, the wait for the agents."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import TIME_LIMITS
from tests.unit.orchestrators.in_memory import InMemory, Outcome, arguments, failed, ok, orchestrate, payload
from tests.unit.orchestrators.test_connect_phases import DEPLOYED, detail, do, late
from tests.unit.orchestrators.worlds import CONNECT, RESOURCE, UPDATE, world

GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways/one"
LINK: Json = {"features": {"gateway": {"resourceId": GATEWAY}}}
ISSUER: Json = {"features": {"oidcIssuer": {"enabled": True}}}
UPDATE_LINK: Json = {"operation": "update", **LINK}
UPDATE_ISSUER: Json = {"operation": "update", **ISSUER}
CHANGES: Json = {"resourceChanges": [], "agentChanges": [], "location": "eastus", "inside": []}
SET_UP: Json = {**RESOURCE, "features": {"oidcIssuer": {"issuerUrl": "https://issuer"}}}


def test_gateway_is_linked_after_the_connected_cluster_is_provisioned() -> None:
    create = ok(created=True, changed=True, operation="c", done=False)
    outcomes: dict[str, Outcome] = {"create_resource": create, "poll_resource": ok(done=True, detail="x")}
    context = world(CONNECT, **outcomes, link_gateway=ok(changed=True, operation="g"))
    _, status = do(context, "createResource", DEPLOYED, **LINK)
    assert context.steps == ["create_resource", "poll_resource", "link_gateway", "poll_resource"]
    assert arguments(context, "poll_resource") == [{"operation": "c"}, {"operation": "g"}]
    assert (status["changed"], detail(status)) == (True, "provisioned")


@pytest.mark.parametrize(
    ("seen", "changed", "is_change"),
    [([], False, False), ([], True, True), (["gateway.enabled"], False, True), (["gateway.resourceId"], False, True)],
)
def test_link_that_an_earlier_attempt_made_counts_as_changed(seen: list[str], changed: bool, is_change: bool) -> None:
    outcomes: dict[str, Outcome] = {
        "create_resource": ok(created=False, changed=False, operation=None, done=True),
        "link_gateway": ok(changed=changed, operation=None),
        "poll_resource": ok(done=True, detail="x"),
    }
    context = world(CONNECT, **outcomes)
    _, status = do(context, "createResource", {**DEPLOYED, "resourceExists": True, "resourceChanges": seen}, **LINK)
    assert ("poll_resource" in context.steps, status["changed"]) == (is_change, is_change)
    assert detail(status) == ("provisioned" if is_change else "already exists as requested")


@pytest.mark.parametrize("body", [{}, ISSUER, {"features": {"gateway": {"enabled": False}}}])
def test_without_a_gateway_nothing_is_linked(body: Json) -> None:
    context = world(CONNECT)
    do(context, "createResource", DEPLOYED, **body)
    assert "link_gateway" not in context.steps


def test_an_update_links_the_gateway_and_reads_the_connected_cluster_last() -> None:
    outcomes: dict[str, Outcome] = {
        "update_resource": ok(changed=False, operation=None),
        "link_gateway": ok(changed=True, operation="g"),
    }
    context = world(UPDATE, **outcomes)
    run, status = do(context, "updateResource", CHANGES, **UPDATE_LINK)
    assert context.steps == ["update_resource", "link_gateway", "poll_resource", "check_connected_cluster"]
    assert context.inputs("check_connected_cluster")[0]["writtenAt"] is not None
    assert (status["changed"], run.facts["result"]) == (True, RESOURCE)


def test_gateway_that_azure_refuses_ends_the_phase() -> None:
    context = world(CONNECT, link_gateway=failed("ARC-4009", retryable=False))
    assert late(context, "createResource", DEPLOYED, **LINK) == Code.AZURE_REQUEST_REFUSED


@pytest.mark.parametrize("body", [ISSUER, UPDATE_ISSUER])
def test_features_are_waited_for_and_handed_out(body: Json) -> None:
    waiting = ok(done=False, detail="the agents report Updating")
    context = InMemory({"wait_for_features": [waiting] * 4 + [ok(done=True, detail="set up", resource=SET_UP)]})
    run, status = do(context, "waitForFeatures", CHANGES, **body)
    assert context.waits == [5, 10, 20, 30]
    assert detail(status) == "set up; the issuer is https://issuer"
    assert run.facts["result"] == SET_UP


def test_an_update_that_ends_waiting_names_what_it_changed() -> None:
    changed = {**CHANGES, "resourceChanges": ["oidcIssuerProfile.enabled"]}
    for facts, leftovers in ((changed, ["connected cluster shop, changed"]), (CHANGES, [])):
        context = InMemory({"wait_for_features": failed("ARC-5060", retryable=False)})
        assert late(context, "waitForFeatures", facts, **UPDATE_ISSUER) == Code.FEATURES_FAILED
        assert describe_all(context.status["leftovers"]) == leftovers
        context = InMemory({"wait_for_features": ok(done=True, detail="set up", resource=SET_UP)})
        _, status = do(context, "waitForFeatures", facts, **UPDATE_ISSUER)
        assert status["leftovers"] == []


def test_features_without_an_issuer_are_set_up() -> None:
    context = InMemory({"wait_for_features": ok(done=True, detail="set up", resource=RESOURCE)})
    _, status = do(context, "waitForFeatures", CHANGES, operation="update", features={"workloadIdentity": True})
    assert detail(status) == "set up"


def test_agents_that_never_report_are_waited_for_until_the_deadline() -> None:
    context = InMemory({"wait_for_features": ok(done=False, detail="the agents have not reported yet")})
    assert late(context, "waitForFeatures", CHANGES, **UPDATE_ISSUER) == Code.FEATURES_NOT_REPORTED
    assert TIME_LIMITS["waitForFeatures"] - 31 < context.elapsed <= TIME_LIMITS["waitForFeatures"] == 15 * 60


def test_agents_that_report_a_failure_are_not_asked_again() -> None:
    context = InMemory({"wait_for_features": failed("ARC-5060", retryable=False)})
    assert late(context, "waitForFeatures", CHANGES, **UPDATE_ISSUER) == Code.FEATURES_FAILED
    assert context.steps == ["wait_for_features"]


def test_a_wait_for_features_can_be_canceled() -> None:
    context = world(UPDATE, wait_for_features=ok(done=False, detail="the agents report Updating"))
    context.cancel(seconds=60)
    run = orchestrate(context, payload(**UPDATE_ISSUER))
    assert run["state"] == "Canceled"
    assert [(phase["name"], phase["state"]) for phase in run["phases"]][-2:] == [
        ("waitForFeatures", "Canceled"),
        ("publishResult", "Skipped"),
    ]


@pytest.mark.parametrize("body", [ISSUER, UPDATE_ISSUER])
def test_the_result_of_the_run_has_what_is_handed_out(body: Json) -> None:
    outcomes = CONNECT if body is ISSUER else UPDATE
    context = world(outcomes, wait_for_features=ok(done=True, detail="set up", resource=SET_UP))
    run = orchestrate(context, payload(**body))
    assert (run["state"], run["result"]) == ("Succeeded", SET_UP)
    assert context.steps[-1] in ("wait_for_features", "release_cluster")


def test_an_update_registers_what_its_features_need() -> None:
    features: Any = {"customLocations": {"enabled": True, "objectId": "51dfe1e8-70c6-4de5-a08e-e18aff23d815"}}
    registered = ok(states={"Microsoft.ExtendedLocation": "NotRegistered"}, asked=["Microsoft.ExtendedLocation"])
    polls: list[Outcome] = [ok(done=False, detail="x"), ok(done=True, detail="registered")]
    context = world(UPDATE, register_providers=registered, poll_registration=polls)
    run = orchestrate(context, payload(operation="update", features=features))
    assert run["state"] == "Succeeded"
    assert context.steps[2:6] == ["register_providers", "poll_registration", "poll_registration", "update_agents"]
    assert run["changed"] is True


def test_a_check_names_the_registrations_of_an_update() -> None:
    facts = {"resource": RESOURCE, "location": "eastus", "resourceChanges": ["gateway.enabled"], "toRegister": ["A"]}
    context = world(UPDATE, check_connected_cluster=ok(findings=[], facts=facts))
    body = {**payload(**UPDATE_LINK)}
    body["request"]["operation"] = "check"
    run = orchestrate(context, body)
    assert run["result"]["plan"] == [
        "register provider namespace A",
        "change gateway.enabled of connected cluster shop",
        "change proxy of release azure-arc",
    ]
    assert run["result"]["changes"] == ["agents.proxy", "gateway.enabled", "provider A"]
