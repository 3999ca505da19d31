"""What an update gives the release: only what was asked for, and nothing a second time."""

from typing import Any

import pytest

from arcway.cluster.agents.update_values import agent_settings, changed_proxy, feature_values, without_a_proxy
from arcway.cluster.agents.values import changed_keys, deep_merge
from arcway.domain.features import Features
from arcway.domain.proxy import Proxy

HTTPS = "http://proxy:3128"
PROXIED: dict[str, Any] = {"global": {"isProxyEnabled": True, "httpsProxy": HTTPS, "noProxy": "own", "other": 1}}


def given(previous: dict[str, Any], **proxy: Any) -> dict[str, Any]:
    """The values under `global` that an update with this proxy gives a release."""
    request_body = Proxy.model_validate(proxy)
    values = changed_proxy(previous, request_body, credentials=None, inside=[".svc"], cloud_domain="com")
    value_after = deep_merge(previous, values)
    reread = changed_proxy(value_after, request_body, credentials=None, inside=[".svc"], cloud_domain="com")
    assert changed_keys(value_after, reread) == []
    result: dict[str, Any] = values["global"]
    return result


def test_a_first_proxy_leaves_out_what_the_cluster_has_inside() -> None:
    assert given({}, https=HTTPS) == {"isProxyEnabled": True, "httpsProxy": HTTPS, "noProxy": ".svc"}


def test_another_proxy_keeps_the_skip_range() -> None:
    assert given(PROXIED, http=HTTPS) == {"isProxyEnabled": True, "httpProxy": HTTPS}


def test_another_skip_range_keeps_the_proxy() -> None:
    assert given(PROXIED, skip_range="a.example,10.0.0.0/8") == {
        "isProxyEnabled": True,
        "noProxy": "a.example,10.0.0.0/8,.svc",
    }


@pytest.mark.parametrize(
    "previous", [{}, {"global": {}}, {"global": {"other": 1}}, {"systemDefaultValues": {"a": True}}]
)
def test_no_proxy_is_nothing_to_take_away(previous: dict[str, Any]) -> None:
    assert without_a_proxy(previous) == {}


def test_a_proxy_is_taken_away_whole() -> None:
    previous = deep_merge(PROXIED, {"global": {"proxyCert": "PEM", "isCustomCert": False}})
    taken = without_a_proxy(previous)
    texts = dict.fromkeys(("httpsProxy", "noProxy", "proxyCert"))
    assert taken == {"global": {**texts, "isProxyEnabled": False, "isCustomCert": False}}
    value_after = deep_merge(previous, taken)
    assert value_after["global"]["other"] == 1
    assert changed_keys(value_after, without_a_proxy(value_after)) == []


def test_what_is_not_said_is_not_given() -> None:
    assert agent_settings(auto_upgrade=None, distribution=None, infrastructure=None) == {"global": {}}
    assert agent_settings(auto_upgrade=False, distribution="eks", infrastructure=None) == {
        "global": {"kubernetesDistro": "eks"},
        "systemDefaultValues": {"azureArcAgents": {"autoUpdate": False}},
    }


_OID = "51dfe1e8-70c6-4de5-a08e-e18aff23d815"
_CUSTOM = {"enabled": True, "objectId": _OID}
_ON = {"clusterconnect-agent": {"enabled": True}, "customLocations": {"enabled": True, "oid": _OID}}
_GUARD = {"enabled": True, "authnMode": "arc", "skipAuthzCheck": "a"}


@pytest.mark.parametrize(
    ("features", "current", "expected"),
    [
        ({}, {}, {}),
        ({"workloadIdentity": True}, {}, {}),
        ({"clusterConnect": True}, {}, {"clusterconnect-agent": {"enabled": True}}),
        ({"clusterConnect": False}, {}, {}),
        ({"clusterConnect": False}, _ON, {"clusterconnect-agent": {"enabled": False}}),
        ({"customLocations": _CUSTOM}, {}, {"customLocations": {"enabled": True, "oid": _OID}}),
        ({"customLocations": {"enabled": False}}, {}, {}),
        ({"customLocations": {"enabled": False}}, _ON, {"customLocations": {"enabled": False, "oid": ""}}),
        ({"azureRbac": {"enabled": True}}, {}, {"guard": {"enabled": True, "authnMode": "arc"}}),
        (
            {"azureRbac": {"enabled": True, "skipAuthorizationFor": ["a", "b:c"]}},
            {"guard": _GUARD},
            {"guard": {"enabled": True, "authnMode": "arc", "skipAuthzCheck": "a,b:c"}},
        ),
        (
            {"azureRbac": {"enabled": True, "skipAuthorizationFor": []}},
            {"guard": _GUARD},
            {"guard": {"enabled": True, "authnMode": "arc", "skipAuthzCheck": ""}},
        ),
        ({"azureRbac": {"enabled": False}}, {}, {}),
        ({"azureRbac": {"enabled": False}}, {"guard": _GUARD}, {"guard": {"enabled": False}}),
    ],
)
def test_features_that_are_values_of_the_release(
    features: dict[str, Any], current: dict[str, Any], expected: dict[str, Any]
) -> None:
    release = {"systemDefaultValues": current} if current else {}
    values = feature_values(Features.model_validate(features), release)
    assert values == ({"systemDefaultValues": expected} if expected else {})
    after = deep_merge(release, values)
    assert changed_keys(after, feature_values(Features.model_validate(features), after)) == []


def test_features_that_are_omitted_leave_the_release_unchanged() -> None:
    assert feature_values(None, {"systemDefaultValues": _ON}) == {}
