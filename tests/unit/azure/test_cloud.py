"""Every Azure cloud by its own metadata: names, tokens and addresses, nothing of the public cloud built in."""

from typing import Any
from unittest import mock

import pytest

from arcway.azure import cloud as clouds
from arcway.azure.agent_endpoints import aad_endpoint, endpoints
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

CLOUDS = {
    "public": ("AzureCloud", "https://login.microsoftonline.com/", "https://management.core.windows.net/"),
    "US government": (
        "AzureUSGovernment",
        "https://login.microsoftonline.us",
        "https://management.core.usgovcloudapi.net",
    ),
    "China": ("AzureChinaCloud", "https://login.chinacloudapi.cn", "https://management.core.chinacloudapi.cn"),
    "China's other name": (
        "AzureChinaCloud",
        "https://login.partner.microsoftonline.cn",
        "https://management.core.chinacloudapi.cn",
    ),
    "air-gapped": ("USNat", "https://login.microsoftonline.eaglex.ic.gov", "https://management.core.eaglex.ic.gov"),
}
EXPECTED = {
    "public": ("AZUREPUBLICCLOUD", "https://eastus.dp.kubernetesconfiguration.azure.com"),
    "US government": ("AZUREUSGOVERNMENTCLOUD", "https://eastus.dp.kubernetesconfiguration.azure.us"),
    "China": ("AZURECHINACLOUD", "https://eastus.dp.kubernetesconfiguration.azure.cn"),
    "China's other name": ("AZURECHINACLOUD", "https://eastus.dp.kubernetesconfiguration.azure.cn"),
    "air-gapped": ("USNAT", "https://eastus.dp.kubernetesconfiguration.azure.eaglex.ic.gov"),
}


def met(metadata: dict[str, Any]) -> clouds.Cloud:
    with mock.patch.object(clouds, "json_object", return_value=metadata):
        return clouds.read_cloud(mock.Mock(), "https://arm.example")


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_is_what_its_metadata_say(name: str) -> None:
    called, login, audience = CLOUDS[name]
    cloud = met({"name": called, "authentication": {"loginEndpoint": login, "audiences": [audience, "https://other"]}})
    assert (cloud.agents_name, cloud.data_plane_of("eastus")) == EXPECTED[name]
    assert cloud.scope == f"{audience.rstrip('/')}/.default"


def test_a_cloud_may_name_its_data_plane() -> None:
    authentication = {"loginEndpoint": "https://login.local", "audiences": ["https://arm.local"]}
    named = {"arcConfigEndpoint": "https://arc.local:8443"}
    cloud = met({"name": "Local", "authentication": authentication, "dataplaneEndpoints": named})
    assert cloud.data_plane_of("anywhere") == "https://arc.local:8443"


@pytest.mark.parametrize("metadata", [{}, {"name": "x"}, {"name": "x", "authentication": {"audiences": []}}])
def test_metadata_that_lack_something_are_not_a_cloud(metadata: dict[str, Any]) -> None:
    with pytest.raises(ArcError, match=Code.AZURE_RESPONSE_INVALID):
        met(metadata)


def settings_of(metadata: dict[str, Any]) -> dict[str, Any]:
    """The endpoints that agents in this cloud receive."""
    collected: dict[str, Any] = endpoints(met(metadata), "eastus", "registry.example").get("systemDefaultValues", {})
    return collected


def test_agents_know_the_clouds_that_are_built_into_them() -> None:
    for name in ("public", "US government", "China"):
        called, login, audience = CLOUDS[name]
        authentication = {"loginEndpoint": login, "audiences": [audience]}
        assert settings_of({"name": called, "authentication": authentication}) == {}


def test_agents_receive_the_endpoints_that_the_metadata_name() -> None:
    settings = settings_of(
        {
            "name": "Local",
            "resourceManager": "https://arm.local",
            "authentication": {"loginEndpoint": "https://login.local", "audiences": ["https://arm.local"]},
            "suffixes": {"relayEndpointSuffix": ".relay.local"},
            "dataplaneEndpoints": {
                "arcConfigEndpoint": "https://arc.local:8443",
                "arcHybridIdentityServiceEndpoint": "https://his.local",
                "arcGlobalNotificationServiceEndpoint": "https://notify.local",
            },
        }
    )
    assert settings == {
        "azureResourceManagerEndpoint": "https://arm.local",
        "activeDirectoryEndpoint": "https://login.local",
        "azureArcAgents": {"config_dp_endpoint_override": "https://arc.local:8443"},
        "clusterconnect-agent": {
            "notification_dp_endpoint_override": "https://notify.local",
            "relay_endpoint_suffix_override": ".relay.local",
        },
        "clusteridentityoperator": {
            "his_endpoint_override": "https://his.local/discovery?location=eastus&api-version=1.0-preview"
        },
        "image": {"repository": "registry.example"},
    }


def test_agents_receive_the_endpoints_of_an_air_gapped_cloud() -> None:
    called, login, audience = CLOUDS["air-gapped"]
    messages = settings_of({"name": called, "authentication": {"loginEndpoint": login, "audiences": [audience]}})
    agents, identity = messages["azureArcAgents"], messages["clusteridentityoperator"]
    assert agents["config_dp_endpoint_override"] == "https://eastus.dp.kubernetesconfiguration.azure.eaglex.ic.gov"
    assert identity["his_endpoint_override"] == (
        "https://gbl.his.arc.azure.eaglex.ic.gov/discovery?location=eastus&api-version=1.1-preview"
    )


@pytest.mark.parametrize(
    ("name", "data_plane", "principal", "settings"),
    [
        ("AzureStackCloud", "https://dp.local", "p1", {"global.kubeAadEndpoint": "p1.k8sproxysvc.connectrp.azs"}),
        ("AzureStackCloud", "https://dp.local", None, {}),
        ("AzureStackCloud", None, "p1", {}),
        ("AzureCloud", "https://127.0.0.1:1", "p1", {}),
    ],
)
def test_the_entra_proxy_is_named_by_the_identity_where_its_address_is_not_built_in(
    name: str, data_plane: str | None, principal: str | None, settings: dict[str, str]
) -> None:
    cloud = clouds.Cloud(name=name, arm="a", audience="a", login="https://login.x", data_plane=data_plane)
    assert aad_endpoint(cloud, {"identity": {"principalId": principal}}) == settings
    assert aad_endpoint(cloud, {"identity": None}) == {}
