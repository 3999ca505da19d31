"""A connected cluster is changed where it differs, by the smallest call that can say it, and keeps everything else."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.hybridkubernetes.models import ConnectedCluster

from arcway.azure import connected_clusters
from arcway.azure.clients import AzureClients
from arcway.azure.constants import Constants
from arcway.azure.listings import Listings
from arcway.azure.resource_change import Change
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId

CLUSTER = ClusterId("11111111-2222-3333-4444-555555555555", "g", "c")
KEPT: dict[str, Any] = {
    "agentPublicKeyCertificate": "KEY",
    "infrastructure": "azure",
    "azureHybridBenefit": "NotApplicable",
    "privateLinkState": "Disabled",
    "securityProfile": {"workloadIdentity": {"enabled": True}},
    "gateway": {"enabled": True},
    "aadProfile": {"enableAzureRBAC": True, "adminGroupObjectIDs": ["x"], "tenantID": "t"},
    "somethingNew": {"a": 1},
}
RESOURCE: dict[str, Any] = {
    "id": CLUSTER.resource_id,
    "name": "c",
    "location": "eastus",
    "kind": "AWS",
    "tags": {"Team": "shop", "stage": "test"},
    "identity": {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
    "systemData": {"createdAt": "2026-01-01T00:00:00Z"},
    "properties": {
        **KEPT,
        "distribution": "AKS",
        "provisioningState": "Succeeded",
        "connectivityStatus": "Connected",
        "agentVersion": "1.36.2",
        "arcAgentProfile": {
            "agentAutoUpgrade": "Enabled",
            "desiredAgentVersion": "1.2.3",
            "agentState": "Succeeded",
            "agentErrors": [{"message": "m"}],
        },
        "oidcIssuerProfile": {"enabled": True, "issuerUrl": "https://issuer"},
    },
}


class Azure:
    """The clients of an Azure that has the resource, or nothing; `sent` is what it is asked to write."""

    def __init__(self, resource: dict[str, Any] | None) -> None:
        self.sent: list[tuple[str, Any]] = []
        self._operations = _operations(resource, self.sent)
        self.constants, self.listings = Constants(), Listings()

    def connected_kubernetes(self, subscription_id: str) -> Any:
        return SimpleNamespace(connected_cluster=self._operations)


def _operations(resource: dict[str, Any] | None, calls: list[tuple[str, Any]]) -> Any:
    first = SimpleNamespace(
        headers={"Azure-AsyncOperation": "https://follow"},
        request=SimpleNamespace(method="PUT"),
        status_code=201,
        json=dict,
    )
    poller = SimpleNamespace(polling_method=lambda: SimpleNamespace(first=first))

    def put(group: str, name: str, body: Any, **_: Any) -> Any:
        calls.append(("PUT", body))
        return poller

    def patch(group: str, name: str, body: Any, **_: Any) -> Any:
        calls.append(("PATCH", body))
        return poller

    def get(group: str, name: str) -> ConnectedCluster:
        if resource is None:
            raise ResourceNotFoundError
        return ConnectedCluster(resource)

    return SimpleNamespace(get=get, begin_create_or_replace=put, begin_update_async=patch)


def update(azure: Azure, change: Change) -> tuple[bool, str | None]:
    return connected_clusters.update(cast("AzureClients", azure), CLUSTER, change)


@pytest.fixture
def azure() -> Azure:
    return Azure(RESOURCE)


@pytest.mark.parametrize(
    "change",
    [
        Change(),
        Change(tags={"Team": "shop", "stage": "test"}),
        Change(removed_tags=["other"]),
        Change(distribution="aks", infrastructure="Azure", hybrid_benefit="NotApplicable", auto_upgrade=True),
    ],
)
def test_what_does_not_differ_is_not_written(azure: Azure, change: Change) -> None:
    assert update(azure, change) == (False, None)
    assert azure.sent == []


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (Change(tags={"a": "b"}), {"tags": {"a": "b"}}),
        (Change(tags={}), {"tags": {}}),
        (Change(removed_tags=["TEAM"]), {"tags": {"stage": "test"}}),
        (Change(tags={"a": "b", "c": "d"}, removed_tags=["c"]), {"tags": {"a": "b"}}),
        (Change(tags={"Team": "Shop", "stage": "test"}), {"tags": {"Team": "Shop", "stage": "test"}}),
        (
            Change(distribution="eks", hybrid_benefit="True", auto_upgrade=True),
            {"properties": {"distribution": "eks", "azureHybridBenefit": "True"}},
        ),
    ],
)
def test_a_patch_says_what_it_can(azure: Azure, change: Change, body: dict[str, Any]) -> None:
    assert update(azure, change) == (True, "https://follow")
    assert azure.sent == [("PATCH", body)]


def test_a_put_keeps_everything_that_azure_lets_one_write(azure: Azure) -> None:
    assert update(azure, Change(auto_upgrade=False, infrastructure="aws")) == (True, "https://follow")
    properties = {
        **KEPT,
        "distribution": "AKS",
        "infrastructure": "aws",
        "arcAgentProfile": {"agentAutoUpgrade": "Disabled", "desiredAgentVersion": "1.2.3"},
        "oidcIssuerProfile": {"enabled": True},
    }
    assert azure.sent == [
        (
            "PUT",
            {
                "location": "eastus",
                "kind": "AWS",
                "tags": RESOURCE["tags"],
                "identity": {"type": "SystemAssigned"},
                "properties": properties,
            },
        )
    ]


ISSUER, URL = "oidcIssuerProfile.enabled", "oidcIssuerProfile.selfHostedIssuerUrl"
WORKLOAD = "securityProfile.workloadIdentity.enabled"


@pytest.mark.parametrize(
    "features",
    [
        {ISSUER: True, WORKLOAD: True, "gateway.enabled": True, "aadProfile.enableAzureRBAC": True},
        {"privateLinkState": "disabled"},
    ],
)
def test_features_that_are_so_are_not_written(azure: Azure, features: dict[str, Any]) -> None:
    assert update(azure, Change(features=features)) == (False, None)
    assert azure.sent == []


def test_features_that_are_off_need_not_be_there() -> None:
    off = {ISSUER: False, WORKLOAD: False, "gateway.enabled": False, "privateLinkState": "Disabled"}
    assert Change(features=off).differing({}) == {}
    assert Change(features=off).differing({"properties": {"gateway": {"enabled": True}}}) == {"gateway.enabled": False}


def test_issuer_is_compared_as_text() -> None:
    has = {"properties": {"oidcIssuerProfile": {"selfHostedIssuerUrl": "https://a.example/A"}}}
    assert Change(features={URL: "https://a.example/a"}).differing(has) == {URL: "https://a.example/a"}
    assert Change(features={URL: "https://a.example/A"}).differing(has) == {}


def test_gateway_alone_is_patched(azure: Azure) -> None:
    change = Change(tags={"a": "b"}, features={"gateway.enabled": False})
    assert update(azure, change) == (True, "https://follow")
    assert azure.sent == [("PATCH", {"tags": {"a": "b"}, "properties": {"gateway": {"enabled": False}}})]


def test_feature_is_put_with_everything_beside_it(azure: Azure) -> None:
    update(azure, Change(features={WORKLOAD: False, URL: "https://a.example", "aadProfile.enableAzureRBAC": False}))
    ((method, body),) = azure.sent
    assert method == "PUT"
    assert body["properties"] == {
        **KEPT,
        "distribution": "AKS",
        "arcAgentProfile": {"agentAutoUpgrade": "Enabled", "desiredAgentVersion": "1.2.3"},
        "securityProfile": {"workloadIdentity": {"enabled": False}},
        "oidcIssuerProfile": {"enabled": True, "selfHostedIssuerUrl": "https://a.example"},
        "aadProfile": {**KEPT["aadProfile"], "enableAzureRBAC": False},
    }


def test_what_a_change_will_make_of_a_resource() -> None:
    after = connected_clusters.desired(RESOURCE, Change(features={"gateway.enabled": False}))
    assert after["properties"]["gateway"] == {"enabled": False}
    assert after["properties"]["oidcIssuerProfile"] == RESOURCE["properties"]["oidcIssuerProfile"]
    assert RESOURCE["properties"]["gateway"] == {"enabled": True}


def test_what_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(ArcError, match=Code.CONNECTED_CLUSTER_NOT_FOUND):
        update(Azure(None), Change(tags={}))
