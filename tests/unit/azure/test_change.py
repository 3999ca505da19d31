"""A connected cluster is changed where it differs, by the smallest call that can say it, and keeps everything else."""

from types import SimpleNamespace
from typing import Any

import pytest
from azure.mgmt.hybridkubernetes.models import ConnectedCluster

from arcway.azure import arm, connected_clusters
from arcway.azure.connected_clusters import Change, update
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


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What Azure is sent about a resource that it has."""
    calls: list[tuple[str, Any]] = []
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

    operations = SimpleNamespace(
        get=lambda group, name: ConnectedCluster(RESOURCE), begin_create_or_replace=put, begin_update_async=patch
    )
    client = SimpleNamespace(connected_cluster=operations)
    monkeypatch.setattr(arm, "connected_kubernetes", lambda subscription: client)
    return calls


@pytest.mark.parametrize(
    "change",
    [
        Change(),
        Change(tags={"Team": "shop", "stage": "test"}),
        Change(removed_tags=["other"]),
        Change(distribution="aks", infrastructure="Azure", hybrid_benefit="NotApplicable", auto_upgrade=True),
    ],
)
def test_what_does_not_differ_is_not_written(sent: list[tuple[str, Any]], change: Change) -> None:
    assert update(CLUSTER, change) == (False, None)
    assert sent == []


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
def test_a_patch_says_what_it_can(sent: list[tuple[str, Any]], change: Change, body: dict[str, Any]) -> None:
    assert update(CLUSTER, change) == (True, "https://follow")
    assert sent == [("PATCH", body)]


def test_a_put_keeps_everything_that_azure_lets_one_write(sent: list[tuple[str, Any]]) -> None:
    assert update(CLUSTER, Change(auto_upgrade=False, infrastructure="aws")) == (True, "https://follow")
    properties = {
        **KEPT,
        "distribution": "AKS",
        "infrastructure": "aws",
        "arcAgentProfile": {"agentAutoUpgrade": "Disabled", "desiredAgentVersion": "1.2.3"},
        "oidcIssuerProfile": {"enabled": True},
    }
    assert sent == [
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


def test_what_is_not_there_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connected_clusters, "_read", lambda cluster: None)
    with pytest.raises(ArcError, match=Code.CONNECTED_CLUSTER_NOT_FOUND):
        update(CLUSTER, Change(tags={}))
