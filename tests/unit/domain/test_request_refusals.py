"""What a request may not say: the words of each refusal, and both sides of each limit."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.request import parse_request
from tests.unit.domain.test_request import GOOD, OFFBOARD, UPDATE, UPGRADE, WITHOUT_CLUSTER, problems_of


@pytest.mark.parametrize(
    ("operation", "arrived_as"), [("offboard", "onboard"), ("check", "onboard"), ("onboard", "check"), (None, "update")]
)
def test_operation_of_the_body_is_that_of_the_way_it_arrived(operation: object, arrived_as: Any) -> None:
    with pytest.raises(ArcError) as refused:
        parse_request({**GOOD, "operation": operation}, arrived_as)
    assert refused.value.code == Code.INVALID_FIELDS
    assert refused.value.details == [{"field": "operation", "message": f"must be {arrived_as!r} here, or omitted"}]


@pytest.mark.parametrize("arrived_as", ["onboard", "check", None])
def test_operation_may_be_omitted_or_repeated(arrived_as: Any) -> None:
    expected = arrived_as or "onboard"
    assert parse_request(GOOD, arrived_as).operation == expected
    assert parse_request({**GOOD, "operation": expected}, arrived_as).operation == expected


def test_message_names_each_wrong_field_once() -> None:
    body = {**GOOD, "name": "x\a", "location": 5, "kubeconfig": {"secret": "arcway-page-x"}}
    with pytest.raises(ArcError) as refused:
        parse_request(body)
    assert refused.value.message == "The request has invalid fields: name, location, kubeconfig.secret."
    assert [item["field"] for item in refused.value.details] == ["name", "name", "location", "kubeconfig.secret"]


def test_control_character_is_refused_where_the_field_takes_any_text() -> None:
    assert problems_of({**GOOD, "tags": {"a": "x\a"}}) == {
        "tags.a": "has the control character U+0007, which is not accepted"
    }


@pytest.mark.parametrize(("field", "count"), [("certificate", 0), ("skipRange", 1)])
def test_line_ends_are_refused_but_in_a_certificate(field: str, count: int) -> None:
    with pytest.raises(ArcError) as refused:
        parse_request({**GOOD, "name": "-x", "proxy": {"https": "http://p:1", field: "a\nb"}})
    assert str(refused.value.details).count("has the control character U+000A, which is not accepted") == count


def test_field_of_an_update_that_is_invalid_counts_as_present() -> None:
    assert problems_of({**UPDATE, "tags": {"a/b": "x"}}).keys() == {"tags"}
    assert problems_of({**UPDATE, "disableProxy": "perhaps"}).keys() == {"disableProxy"}
    assert problems_of({**WITHOUT_CLUSTER, "disableProxy": "perhaps"}).keys() == {"disableProxy", "kubeconfig"}
    assert problems_of({**WITHOUT_CLUSTER, "distribution": "NO"}).keys() == {"distribution", "kubeconfig"}


def test_update_without_a_kubeconfig_says_which_fields_need_one() -> None:
    assert problems_of({**WITHOUT_CLUSTER, "autoUpgrade": True}) == {
        "kubeconfig": "is required to change proxy, autoUpgrade, distribution, infrastructure or features"
    }


@pytest.mark.parametrize("field", ["distribution", "infrastructure", "autoUpgrade"])
def test_setting_of_the_agents_needs_a_kubeconfig(field: str) -> None:
    value = True if field == "autoUpgrade" else "generic"
    assert problems_of({**WITHOUT_CLUSTER, field: value}).keys() == {"kubeconfig"}


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ({}, "must have https, http, skipRange or certificate; disableProxy removes the proxy"),
        (
            {"credentials": {"secret": "arcway-proxy-x"}},
            "must have https, http, skipRange or certificate; disableProxy removes the proxy",
        ),
        (
            {"skipRange": "x", "credentials": {"secret": "arcway-proxy-x"}},
            "must have https or http together with credentials",
        ),
    ],
)
def test_proxy_of_an_update_has_what_it_changes(proxy: dict[str, Any], message: str) -> None:
    assert problems_of({**UPDATE, "proxy": proxy}) == {"proxy": message}


@pytest.mark.parametrize("proxy", [{"https": "http://p"}, {"http": "http://p"}])
def test_credentials_of_an_update_go_with_either_address(proxy: dict[str, Any]) -> None:
    body = {**UPDATE, "proxy": {**proxy, "credentials": {"secret": "arcway-proxy-x"}}}
    assert parse_request(body).proxy is not None


@pytest.mark.parametrize("change", [{"skipRange": "x"}, {"http": "http://p"}, {"https": "http://p"}])
def test_proxy_of_an_update_may_change_one_thing(change: dict[str, Any]) -> None:
    assert parse_request({**UPDATE, "proxy": change}).proxy is not None


def test_update_cannot_set_and_disable_the_proxy() -> None:
    body = {**UPDATE, "disableProxy": True, "proxy": {"http": "http://p:1"}}
    assert problems_of(body) == {"disableProxy": "cannot be given together with proxy"}


def test_disconnecting_cannot_be_limited_to_both_sides() -> None:
    body = {**OFFBOARD, "azureOnly": True, "agentsOnly": True}
    assert problems_of(body) == {"agentsOnly": "cannot be given together with azureOnly"}
    assert parse_request({**OFFBOARD, "agentsOnly": True}, "offboard").agents_only


@pytest.mark.parametrize(("seconds", "accepted"), [(59, False), (60, True), (3600, True), (3601, False)])
def test_time_limit_of_an_upgrade_is_a_minute_to_an_hour(seconds: int, accepted: bool) -> None:
    body = {**UPGRADE, "upgradeTimeout": seconds}
    if accepted:
        assert parse_request(body, "upgrade").upgrade_timeout == seconds
    else:
        assert problems_of(body).keys() == {"upgradeTimeout"}


@pytest.mark.parametrize(
    ("change", "order"),
    [({}, "azure-first"), ({"azureOnly": True}, "azure-only"), ({"agentsOnly": True}, "agents-only")],
)
def test_disconnecting_starts_with_azure_unless_it_is_limited_to_one_side(change: dict[str, bool], order: str) -> None:
    assert parse_request({**OFFBOARD, **change}, "offboard").scope == order


def test_an_upgrade_is_of_the_agents_only() -> None:
    assert parse_request(UPGRADE, "upgrade").scope == "agents-only"
