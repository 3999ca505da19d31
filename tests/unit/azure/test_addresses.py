"""The addresses that the agents need follow from the cloud's metadata, in every cloud."""

from unittest import mock

import pytest

from arcway.azure import data_plane, endpoints
from arcway.azure.cloud import Cloud

PUBLIC = Cloud("AzureCloud", "https://management.azure.com", "a", "https://login.microsoftonline.com/", None)
GOVERNMENT = Cloud("Gov", "https://management.usgovcloudapi.net", "a", "https://login.microsoftonline.us", None)
LOCAL = Cloud(
    "Local",
    "https://arm.local:8443",
    "a",
    "https://login.local",
    "https://arc.local",
    identity_service="https://his.local/x",
    notification_service="https://gns.local",
)


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        (
            PUBLIC,
            [
                "management.azure.com:443",
                "login.microsoftonline.com:443",
                "eastus.dp.kubernetesconfiguration.azure.com:443",
                "gbl.his.arc.azure.com:443",
                "guestnotificationservice.azure.com:443",
                "mcr.example:5000",
            ],
        ),
        (
            GOVERNMENT,
            [
                "management.usgovcloudapi.net:443",
                "login.microsoftonline.us:443",
                "eastus.dp.kubernetesconfiguration.azure.us:443",
                "gbl.his.arc.azure.us:443",
                "guestnotificationservice.azure.us:443",
                "mcr.example:5000",
            ],
        ),
        (
            LOCAL,
            [
                "arm.local:8443",
                "login.local:443",
                "arc.local:443",
                "his.local:443",
                "gns.local:443",
                "mcr.example:5000",
            ],
        ),
    ],
    ids=["public", "US government", "by its metadata"],
)
def test_addresses_of_a_cloud(cloud: Cloud, expected: list[str]) -> None:
    chart = "mcr.example:5000/azurearck8s/chart:1.0.0"
    with mock.patch.object(data_plane, "latest_chart", return_value=chart):
        result = endpoints.required_endpoints(mock.Mock(cloud=cloud), "eastus", "stable")
    assert [item.address for item in result if not item.optional] == expected
    assert [item.address for item in result if item.optional] == ["github.com:9418"]


def test_what_is_at_one_address_is_one_address() -> None:
    address = "https://127.0.0.1:9000"
    cloud = Cloud("Local", address, "a", address, address, address, address)
    with mock.patch.object(data_plane, "latest_chart", return_value="127.0.0.1:9000/chart:1"):
        first, *remaining = endpoints.required_endpoints(mock.Mock(cloud=cloud), "eastus", "stable")
    assert (first.address, len(remaining)) == ("127.0.0.1:9000", 1)
    assert first.purpose.startswith("Resource Manager, sign-in, ")


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        (PUBLIC, ["data.policy.core.windows.net:443", "store.policy.core.windows.net:443", "login.windows.net:443"]),
        (GOVERNMENT, ["data.policy.azure.us:443", "store.policy.azure.us:443", "login.microsoftonline.us:443"]),
        (LOCAL, ["login.local:443"]),
    ],
    ids=["public", "US government", "by its metadata"],
)
def test_addresses_of_azure_policy_follow_from_the_cloud(cloud: Cloud, expected: list[str]) -> None:
    addresses = endpoints.policy_endpoints(mock.Mock(cloud=cloud))
    assert [item.address for item in addresses if not item.optional] == expected
    assert [item.address for item in addresses if item.optional] == ["dc.services.visualstudio.com:443"]
