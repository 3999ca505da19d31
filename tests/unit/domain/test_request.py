"""What a request may contain, and that every problem is reported at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.phases import Scope, phases_of
from arcway.domain.request import AnyRequest, parse_request, read_request

GOOD: dict[str, Any] = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop-1",
    "location": "East US",
    "kubeconfig": {"secret": "arcway-shop"},
}


def problems_of(body: object) -> dict[str, str]:
    with pytest.raises(ArcError) as caught:
        parse_request(body)
    assert caught.value.code == Code.INVALID_FIELDS
    return {item["field"]: item["message"] for item in caught.value.details}


def test_a_minimal_request_has_the_documented_defaults() -> None:
    request = parse_request(GOOD, "onboard")
    assert request.location == "eastus"
    assert (request.order, request.on_failure, request.create_resource_group) == ("agents-first", "keep", False)
    assert (request.tags, request.agents.train, request.agents.auto_upgrade) == (None, None, None)


def test_all_problems_are_reported_at_once() -> None:
    body = {**GOOD, "subscriptionId": "x", "resourceGroup": "ends.", "name": "-no", "unknown": 1, "kubeconfig": {}}
    assert problems_of(body).keys() == {"subscriptionId", "resourceGroup", "name", "unknown", "kubeconfig.secret"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a" * 64),
        ("name", "under_score_"),
        ("name", "<img src=x>"),
        ("resourceGroup", "a" * 91),
        ("resourceGroup", "sl/ash"),
        ("resourceGroup", "a b"),
        ("location", "../eastus"),
        ("tags", {"bad/name": "x"}),
        ("tags", {"name": "x" * 257}),
        ("tags", {str(number): "x" for number in range(51)}),
        ("order", "sideways"),
        ("operation", "explode"),
    ],
)
def test_what_resource_manager_would_refuse_is_refused_here(field: str, value: object) -> None:
    assert field in problems_of({**GOOD, field: value})


def test_a_resource_group_may_have_letters_and_digits_of_any_script() -> None:
    assert parse_request({**GOOD, "resourceGroup": "größe_(1).𦜭-٣"}).resource_group == "größe_(1).𦜭-٣"


def test_a_chart_version_has_ascii_digits() -> None:
    assert set(problems_of({**GOOD, "agents": {"version": "1.٣.0"}})) == {"agents.version"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "arcway-", "other-secret", "arcway-a/b", "arcway-ü"])
def test_a_secret_reference_cannot_name_other_secrets(name: str) -> None:
    assert "kubeconfig.secret" in problems_of({**GOOD, "kubeconfig": {"secret": name}})


@pytest.mark.parametrize("value", [0, 1, "true", "yes", None])
def test_a_flag_is_true_or_false_and_nothing_else(value: object) -> None:
    assert set(problems_of({**GOOD, "createResourceGroup": value})) == {"createResourceGroup"}
    assert value is None or set(problems_of({**GOOD, "agents": {"autoUpgrade": value}})) == {"agents.autoUpgrade"}


def test_a_proxy_url_with_a_user_is_refused_without_repeating_it() -> None:
    problems = problems_of({**GOOD, "proxy": {"https": "http://user:hunter2@proxy:3128"}})
    assert "secret" in problems["proxy.https"]
    assert "hunter2" not in str(problems)


def test_a_cluster_has_one_identity_whatever_the_case() -> None:
    first = parse_request(GOOD).cluster
    second = parse_request({**GOOD, "resourceGroup": "CLUSTERS", "name": "SHOP-1"}).cluster
    assert first.instance() == second.instance()
    assert first.instance() != first.instance("check")


@pytest.mark.parametrize("body", [None, [], "text", 3, True])
def test_what_is_not_an_object_is_refused(body: object) -> None:
    with pytest.raises(ArcError) as caught:
        parse_request(body)
    assert caught.value.code == Code.BODY_NOT_JSON


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "tags", "proxy", "agents", "order", "x"]), _JSON))
def test_any_json_object_is_either_a_request_or_named_problems(body: dict[str, Any]) -> None:
    outcome = outcome_of({**GOOD, **body})
    if isinstance(outcome, ArcError):
        assert outcome.code == Code.INVALID_FIELDS
        assert outcome.details
        assert all(item["field"] and item["message"] for item in outcome.details)
    else:
        assert parse_request(outcome.as_json()) == outcome


def outcome_of(body: object) -> AnyRequest | ArcError:
    try:
        return parse_request(body)
    except ArcError as error:
        return error


OFFBOARD: dict[str, Any] = {
    **{key: value for key, value in GOOD.items() if key != "location"},
    "operation": "offboard",
}


def test_a_request_to_disconnect_has_the_documented_defaults() -> None:
    request = parse_request(OFFBOARD, "offboard")
    assert (request.azure_only, request.force, request.proxy) == (False, False, None)
    assert request.cluster == parse_request(GOOD).cluster


def test_disconnecting_needs_a_kubeconfig_unless_it_leaves_the_cluster_alone() -> None:
    without = {**OFFBOARD, "kubeconfig": None}
    assert problems_of(without) == {
        "kubeconfig": "is required to remove the agents; set azureOnly to leave the cluster unchanged"
    }
    assert problems_of({**without, "name": "-x", "force": "perhaps"}).keys() == {"kubeconfig", "name", "force"}
    assert parse_request({**without, "azureOnly": True}, "offboard").kubeconfig is None


@pytest.mark.parametrize("field", ["location", "tags", "agents", "order", "onFailure"])
def test_what_only_connecting_takes_is_refused(field: str) -> None:
    assert field in problems_of({**OFFBOARD, field: "x"})


UPDATE: dict[str, Any] = {**OFFBOARD, "operation": "update"}
UPGRADE: dict[str, Any] = {**OFFBOARD, "operation": "upgrade"}
WITHOUT_CLUSTER: dict[str, Any] = {key: value for key, value in UPDATE.items() if key != "kubeconfig"}


@pytest.mark.parametrize(
    ("change", "scope"),
    [
        ({"tags": {}}, "azure-only"),
        ({"removeTags": ["a"]}, "azure-only"),
        ({"azureHybridBenefit": "False"}, "azure-only"),
        ({"proxy": {"https": "http://p:1"}}, "agents-only"),
        ({"disableProxy": True}, "agents-only"),
        ({"autoUpgrade": False}, "azure-first"),
        ({"disableProxy": True, "tags": {"a": "b"}}, "azure-first"),
    ],
)
def test_an_update_goes_where_it_changes_something(change: dict[str, Any], scope: Scope) -> None:
    request = parse_request({**UPDATE, **change}, "update")
    assert request.scope == scope
    assert phases_of("update", scope)[-1] == "publishResult"
    assert ("updateResource" in phases_of("update", scope)) == (scope != "agents-only")
    assert ("updateAgents" in phases_of("update", scope)) == (scope != "azure-only")


@pytest.mark.parametrize("nothing", [{}, {"tags": None, "removeTags": [], "disableProxy": False, "autoUpgrade": None}])
def test_an_update_must_change_something(nothing: dict[str, Any]) -> None:
    assert problems_of({**UPDATE, **nothing}) == {
        "operation": "has nothing to update: set at least one of the fields to change"
    }
    assert problems_of({**UPDATE, **nothing, "name": "-x"}).keys() == {"operation", "name"}


def test_an_update_needs_a_kubeconfig_for_the_agents_only() -> None:
    assert parse_request({**WITHOUT_CLUSTER, "tags": {"a": "b"}}).kubeconfig is None
    for change in ({"proxy": {"http": "http://p:1"}}, {"disableProxy": True}, {"autoUpgrade": True}):
        assert problems_of({**WITHOUT_CLUSTER, **change}).keys() == {"kubeconfig"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"disableProxy": True, "proxy": {"http": "http://p:1"}}, "disableProxy"),
        ({"proxy": {"skipRange": "x", "credentials": {"secret": "arcway-x"}}}, "proxy"),
        ({"tags": {"a/b": "x"}}, "tags"),
        ({"location": "eastus"}, "location"),
        ({"agentVersion": "1.2.3", "tags": {}}, "agentVersion"),
    ],
)
def test_an_update_that_contradicts_itself_is_refused(change: dict[str, Any], field: str) -> None:
    assert field in problems_of({**UPDATE, **change})


def test_an_upgrade_is_to_the_newest_version_unless_told_otherwise() -> None:
    request = parse_request(UPGRADE, "upgrade")
    assert (request.agent_version, request.upgrade_timeout) == (None, 600)
    wrong = {**UPGRADE, "agentVersion": "latest", "upgradeTimeout": 5, "kubeconfig": None, "tags": {}}
    assert problems_of(wrong).keys() == {"agentVersion", "upgradeTimeout", "kubeconfig", "tags"}


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        {**GOOD, "operation": "check"},
        OFFBOARD,
        {**OFFBOARD, "azureOnly": True},
        {**WITHOUT_CLUSTER, "tags": {}},
        {**UPDATE, "disableProxy": True},
        UPGRADE,
    ],
)
def test_a_stored_request_is_read_as_what_it_was(body: dict[str, Any]) -> None:
    request = parse_request(body)
    for stored in (request, request.model_copy(update={"operation": "check"})):
        reread = read_request(stored.as_json())
        assert (type(reread), reread) == (type(stored), stored)
