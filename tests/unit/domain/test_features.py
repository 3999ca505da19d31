"""Features of a request: what each may be, what excludes what, and what each sets in the connected cluster."""

from typing import Any

import pytest

from arcway.domain.features import Features, namespaces_of, resource_settings
from arcway.domain.phases import PhaseName
from arcway.domain.request import UpdateRequest, features_of, parse_request, phases_of_request, read_request
from tests.unit.domain.test_request import GOOD, OFFBOARD, UPDATE, WITHOUT_CLUSTER, problems_of

OID = "51dfe1e8-70c6-4de5-a08e-e18aff23d815"
GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/gateways/one"
SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/privateLinkScopes/one"
ISSUER = "https://oidc.eks.example/id/1A"
CUSTOM = {"enabled": True, "objectId": OID}


@pytest.mark.parametrize("body", [GOOD, {**UPDATE, "tags": {"a": "b"}}])
def test_omitted_features_are_none(body: dict[str, Any]) -> None:
    assert features_of(parse_request(body)) is None
    assert resource_settings(None) == {}
    assert namespaces_of(None) == ()


def test_features_belong_to_connecting_and_updating() -> None:
    assert problems_of({**OFFBOARD, "features": {"clusterConnect": True}}).keys() == {"features"}
    assert features_of(parse_request(OFFBOARD)) is None


@pytest.mark.parametrize(
    ("features", "field", "message"),
    [
        ({"clusterConnect": "yes"}, "clusterConnect", "Input should be a valid boolean"),
        ({"unknown": True}, "unknown", "Extra inputs are not permitted"),
        ({"customLocations": {"enabled": True}}, "customLocations.objectId", "az ad sp show --id bc313c14-388c"),
        ({"customLocations": {"enabled": True, "objectId": "x"}}, "customLocations.objectId", "should match pattern"),
        ({"customLocations": {"enabled": False, "objectId": OID}}, "customLocations.objectId", "only be given with"),
        ({"clusterConnect": False, "customLocations": CUSTOM}, "clusterConnect", "cannot be false while"),
        ({"oidcIssuer": {"enabled": False, "selfHostedIssuerUrl": ISSUER}}, "oidcIssuer.selfHostedIssuerUrl", "only"),
        (
            {"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": "http://a.b"}},
            "oidcIssuer.selfHostedIssuerUrl",
            "ht",
        ),
        (
            {"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": "https://u:p@a"}},
            "oidcIssuer.selfHostedIssuerUrl",
            "",
        ),
        ({"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": f"{ISSUER}?a"}}, "oidcIssuer.selfHostedIssuerUrl", ""),
        ({"oidcIssuer": {"enabled": False}, "workloadIdentity": True}, "workloadIdentity", "needs the OIDC issuer"),
        ({"gateway": {}}, "gateway.resourceId", "is required, or enabled false"),
        ({"gateway": {"enabled": True}}, "gateway.resourceId", "is required, or enabled false"),
        ({"gateway": {"enabled": False, "resourceId": GATEWAY}}, "gateway.resourceId", "cannot be given with"),
        ({"gateway": {"resourceId": SCOPE}}, "gateway.resourceId", "should match pattern"),
        ({"privateLink": {"enabled": False, "scopeResourceId": SCOPE}}, "privateLink.scopeResourceId", "cannot be"),
        ({"privateLink": {"scopeResourceId": GATEWAY}}, "privateLink.scopeResourceId", "should match pattern"),
        ({"privateLink": {"scopeResourceId": SCOPE}, "clusterConnect": True}, "clusterConnect", "with a private link"),
        (
            {"privateLink": {"scopeResourceId": SCOPE}, "customLocations": CUSTOM},
            "customLocations.enabled",
            "with a private link",
        ),
        ({"azureRbac": {"enabled": False, "skipAuthorizationFor": []}}, "azureRbac.skipAuthorizationFor", "only"),
        ({"azureRbac": {"enabled": False, "skipAuthorizationFor": ["a"]}}, "azureRbac.skipAuthorizationFor", "only"),
        ({"azureRbac": {"enabled": True, "skipAuthorizationFor": ["a,b"]}}, "azureRbac.skipAuthorizationFor.0", "comm"),
    ],
)
def test_feature_is_refused_by_its_field(features: dict[str, Any], field: str, message: str) -> None:
    for body in (GOOD, UPDATE):
        problems = problems_of({**body, "features": features})
        assert problems.keys() == {f"features.{field}"}
        assert message in problems[f"features.{field}"]


def test_all_problems_of_features_are_reported_at_once() -> None:
    features = {"workloadIdentity": 1, "gateway": {}, "customLocations": {"enabled": True}, "azureRbac": {}}
    assert problems_of({**GOOD, "name": "-", "features": features}).keys() == {
        "name",
        "features.workloadIdentity",
        "features.azureRbac.enabled",
        "features.gateway.resourceId",
        "features.customLocations.objectId",
    }


def test_names_in_snake_case_meet_the_same_rules() -> None:
    features = {"custom_locations": {"enabled": True}, "cluster_connect": False}
    assert "features.customLocations.objectId" in problems_of({**GOOD, "features": features})


@pytest.mark.parametrize("distribution", ["eks", "gke", "aks"])
def test_self_hosted_issuer_is_required_for_distributions_with_their_own(distribution: str) -> None:
    body = {**GOOD, "distribution": distribution}
    assert problems_of({**body, "features": {"oidcIssuer": {"enabled": True}}}) == {
        "features.oidcIssuer.selfHostedIssuerUrl": f"is required for distribution {distribution}"
    }
    issuer = {"enabled": True, "selfHostedIssuerUrl": ISSUER}
    assert features_of(parse_request({**body, "features": {"oidcIssuer": issuer}}))


@pytest.mark.parametrize("distribution", ["eks", "gke", "openshift"])
def test_azure_rbac_is_refused_for_distributions_without_a_webhook(distribution: str) -> None:
    features = {"azureRbac": {"enabled": True}}
    assert problems_of({**GOOD, "distribution": distribution, "features": features}) == {
        "features.azureRbac.enabled": f"cannot be true for distribution {distribution}"
    }
    assert features_of(parse_request({**GOOD, "distribution": "k3s", "features": features}))


@pytest.mark.parametrize("features", [{}, {"clusterConnect": None}])
def test_update_with_empty_features_has_nothing_to_change(features: dict[str, Any]) -> None:
    assert problems_of({**WITHOUT_CLUSTER, "features": features}).keys() == {"operation"}


def test_update_of_features_needs_the_cluster() -> None:
    problems = problems_of({**WITHOUT_CLUSTER, "features": {"gateway": {"enabled": False}}})
    assert problems.keys() == {"kubeconfig"}


_REGISTERS: tuple[PhaseName, ...] = ("checkCluster", "registerProviders", "pollRegistration")


@pytest.mark.parametrize(
    ("features", "phases"),
    [
        ({"clusterConnect": False}, ("checkCluster", "updateAgents", "publishResult")),
        ({"azureRbac": {"enabled": False}}, ("checkCluster", "updateResource", "updateAgents", "publishResult")),
        ({"customLocations": CUSTOM}, (*_REGISTERS, "updateAgents", "publishResult")),
        ({"customLocations": {"enabled": False}}, ("checkCluster", "updateAgents", "publishResult")),
        ({"gateway": {"resourceId": GATEWAY}}, (*_REGISTERS, "updateResource", "updateAgents", "publishResult")),
        (
            {"workloadIdentity": True},
            ("checkCluster", "updateResource", "updateAgents", "waitForFeatures", "publishResult"),
        ),
        ({"workloadIdentity": False}, ("checkCluster", "updateResource", "updateAgents", "publishResult")),
    ],
)
def test_an_update_has_the_phases_of_its_features(features: dict[str, Any], phases: tuple[PhaseName, ...]) -> None:
    request = parse_request({**UPDATE, "tags": None, "autoUpgrade": None, "features": features})
    assert phases_of_request(request) == phases
    assert phases_of_request(request.model_copy(update={"operation": "check"})) == ("checkCluster",)


def test_a_connect_waits_for_features_last() -> None:
    plain = phases_of_request(parse_request(GOOD))
    for features in ({"clusterConnect": False}, {"customLocations": CUSTOM}, {"gateway": {"resourceId": GATEWAY}}):
        assert phases_of_request(parse_request({**GOOD, "features": features})) == plain
    request = parse_request({**GOOD, "features": {"oidcIssuer": {"enabled": True}}})
    assert phases_of_request(request) == (*plain[:-1], "waitForFeatures", "publishResult")


def test_features_are_read_again_as_they_were_written() -> None:
    features = {
        "clusterConnect": True,
        "customLocations": CUSTOM,
        "workloadIdentity": True,
        "oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": ISSUER},
        "gateway": {"resourceId": GATEWAY},
        "azureRbac": {"enabled": True, "skipAuthorizationFor": ["a@b.example", "system:serviceaccount:x:y"]},
    }
    request = parse_request({**UPDATE, "features": features})
    assert isinstance(request, UpdateRequest)
    assert read_request(request.as_json()) == request
    assert namespaces_of(request.features) == ("Microsoft.ExtendedLocation", "Microsoft.HybridCompute")


@pytest.mark.parametrize(
    ("features", "settings"),
    [
        ({}, {}),
        ({"clusterConnect": False, "customLocations": CUSTOM}, {}),
        ({"workloadIdentity": False}, {"securityProfile.workloadIdentity.enabled": False}),
        ({"oidcIssuer": {"enabled": True}}, {"oidcIssuerProfile.enabled": True}),
        (
            {"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": ISSUER}},
            {"oidcIssuerProfile.enabled": True, "oidcIssuerProfile.selfHostedIssuerUrl": ISSUER},
        ),
        ({"gateway": {"resourceId": GATEWAY}}, {"gateway.enabled": True}),
        ({"gateway": {"enabled": False}}, {"gateway.enabled": False}),
        (
            {"privateLink": {"scopeResourceId": SCOPE}},
            {"privateLinkState": "Enabled", "privateLinkScopeResourceId": SCOPE},
        ),
        ({"privateLink": {"enabled": False}}, {"privateLinkState": "Disabled"}),
        ({"azureRbac": {"enabled": True}}, {"aadProfile.enableAzureRBAC": True}),
    ],
)
def test_features_set_properties_of_the_connected_cluster(features: dict[str, Any], settings: dict[str, Any]) -> None:
    assert resource_settings(Features.model_validate(features)) == settings
