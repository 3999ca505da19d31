"""Findings about features: what the cluster, its agents and its nodes exclude, and what remains to be done by hand."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.feature_findings import agent_findings, azure_findings, is_private
from arcway.domain.features import Features
from arcway.domain.json_values import Json

OID = "51dfe1e8-70c6-4de5-a08e-e18aff23d815"
PREFIX = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute"
CUSTOM = {"customLocations": {"enabled": True, "objectId": OID}}
LINK = {"privateLink": {"scopeResourceId": f"{PREFIX}/privateLinkScopes/one"}}
ISSUER = {"oidcIssuer": {"enabled": True}}
RBAC = {"azureRbac": {"enabled": True}}


def resource(**properties: Any) -> Json:
    return {"id": "x", "properties": properties}


def values(*, connect: object = True, custom: object = False) -> Json:
    return {
        "systemDefaultValues": {"clusterconnect-agent": {"enabled": connect}, "customLocations": {"enabled": custom}}
    }


def of_azure(features: Json, existing: Json | None = None, distribution: str | None = None) -> list[tuple[str, str]]:
    found = azure_findings(Features.model_validate(features), existing, distribution)
    return [(item["code"], item["level"]) for item in found]


def of_agents(features: Json, existing: Json, architectures: tuple[str, ...] = ("amd64",)) -> list[tuple[str, str]]:
    found = agent_findings(Features.model_validate(features), existing, architectures)
    return [(item["code"], item["level"]) for item in found]


def test_without_features_there_is_nothing_to_report() -> None:
    assert azure_findings(None, resource(privateLinkState="Enabled"), "eks") == []
    assert agent_findings(None, values(connect=False, custom=True), ("arm64",)) == []
    assert of_azure({"clusterConnect": False}, None, "eks") == []


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("eks", (Code.SELF_HOSTED_ISSUER_MISSING, "error")),
        ("GKE", (Code.SELF_HOSTED_ISSUER_MISSING, "error")),
        ("AKS", (Code.SELF_HOSTED_ISSUER_MISSING, "error")),
        ("aks_edge_k3s", (Code.FEATURE_NEEDS_ADMINISTRATOR, "info")),
        (None, (Code.FEATURE_NEEDS_ADMINISTRATOR, "info")),
    ],
)
def test_issuer_of_a_distribution(distribution: str | None, expected: tuple[str, str]) -> None:
    assert of_azure(ISSUER, None, distribution) == [expected]


def test_self_hosted_issuer_of_the_request_or_of_the_connected_cluster_is_enough() -> None:
    given = {"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": "https://a.example"}}
    assert of_azure(given, None, "eks") == []
    existing = resource(oidcIssuerProfile={"selfHostedIssuerUrl": "https://a.example"})
    assert of_azure(ISSUER, existing, "eks") == []


def test_note_about_the_issuer_names_the_way_of_the_distribution() -> None:
    (plain,) = azure_findings(Features.model_validate(ISSUER), None, "k3s")
    (openshift,) = azure_findings(Features.model_validate(ISSUER), None, "openshift")
    assert "--service-account-issuer" in plain["message"]
    assert "Authentication resource" in openshift["message"]


def test_workload_identity_without_an_issuer_is_a_warning() -> None:
    assert of_azure({"workloadIdentity": True}, resource()) == [(Code.FEATURES_EXCLUDE, "warning")]
    assert of_azure({"workloadIdentity": True}, resource(oidcIssuerProfile={"enabled": True})) == []
    assert of_azure({"workloadIdentity": False}, resource()) == []


@pytest.mark.parametrize("features", [{"clusterConnect": True}, CUSTOM])
def test_private_link_of_the_connected_cluster_excludes(features: Json) -> None:
    private = resource(privateLinkState="Enabled")
    assert of_azure(features, private) == [(Code.FEATURES_EXCLUDE, "error")]
    assert of_azure({**features, "privateLink": {"enabled": False}}, private) == []
    assert of_azure(features, resource(privateLinkState="Disabled")) == []
    assert of_azure({"clusterConnect": False}, private) == []


def test_gateway_that_is_turned_off_leaves_a_note() -> None:
    off = {"gateway": {"enabled": False}}
    assert of_azure(off, resource(gateway={"enabled": True})) == [(Code.FEATURE_NEEDS_ADMINISTRATOR, "info")]
    assert of_azure(off, resource(gateway={"enabled": False})) == []
    on = {"gateway": {"resourceId": f"{PREFIX}/gateways/one"}}
    assert of_azure(on, resource(gateway={"enabled": True})) == []


@pytest.mark.parametrize("distribution", ["eks", "GKE", "openshift"])
def test_azure_rbac_of_a_distribution(distribution: str) -> None:
    assert of_azure(RBAC, None, distribution) == [(Code.FEATURE_NOT_SUPPORTED, "error")]
    assert of_azure(RBAC, None, "k3s") == [(Code.FEATURE_NEEDS_ADMINISTRATOR, "info")]
    assert of_azure({"azureRbac": {"enabled": False}}, None, distribution) == []


@pytest.mark.parametrize(
    ("features", "existing", "is_refused"),
    [
        (CUSTOM, values(), False),
        (CUSTOM, values(connect="true"), False),
        (CUSTOM, values(connect=False), True),
        (CUSTOM, {}, False),
        ({**CUSTOM, "clusterConnect": True}, values(connect=False), False),
        ({"clusterConnect": False}, values(custom=True), True),
        ({"clusterConnect": False}, values(custom=False), False),
        ({"clusterConnect": False, "customLocations": {"enabled": False}}, values(custom=True), False),
        (LINK, values(), True),
        (LINK, {}, False),
        (LINK, values(connect=False), False),
        ({**LINK, "clusterConnect": False}, values(), False),
    ],
)
def test_release_excludes(features: Json, existing: Json, is_refused: bool) -> None:
    assert of_agents(features, existing) == ([(Code.FEATURES_EXCLUDE, "error")] if is_refused else [])


@pytest.mark.parametrize(
    ("architectures", "is_refused"), [(("arm64",), True), (("amd64", "arm64"), False), ((), False)]
)
def test_azure_rbac_where_all_nodes_are_arm64(architectures: tuple[str, ...], is_refused: bool) -> None:
    expected = [(Code.FEATURE_NOT_SUPPORTED, "error")] if is_refused else []
    assert of_agents(RBAC, values(), architectures) == expected
    assert of_agents({"azureRbac": {"enabled": False}}, values(), architectures) == []


def test_private_link_after_the_request() -> None:
    private = resource(privateLinkState="Enabled")
    assert [is_private(None, None), is_private(None, private)] == [False, True]
    assert is_private(Features.model_validate(LINK), None)
    assert is_private(Features.model_validate({"clusterConnect": False}), private)
    assert not is_private(Features.model_validate({"privateLink": {"enabled": False}}), private)
