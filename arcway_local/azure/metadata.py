"""The metadata of the simulated cloud: the names that clients read in the public cloud's, with local addresses."""

from typing import Any

_SUFFIXES = {
    "acrLoginServer": "azurecr.local",
    "attestationEndpoint": "attest.local",
    "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.local",
    "azureDataLakeStoreFileSystem": "azuredatalakestore.local",
    "azureFrontDoorEndpointSuffix": "azurefd.local",
    "keyVaultDns": "vault.local",
    "mariadbServerEndpoint": "mariadb.database.local",
    "mhsmDns": "managedhsm.local",
    "mysqlServerEndpoint": "mysql.database.local",
    "postgresqlServerEndpoint": "postgres.database.local",
    "relayEndpointSuffix": "relay.local",
    "sqlServerHostname": "database.local",
    "storage": "storage.local",
    "storageSyncEndpointSuffix": "afs.local",
    "synapseAnalytics": "dev.azuresynapse.local",
}
_HERE = (
    "activeDirectoryDataLake",
    "appInsightsResourceId",
    "attestationResourceId",
    "batch",
    "gallery",
    "graph",
    "graphAudience",
    "logAnalyticsResourceId",
    "media",
    "microsoftGraphResourceId",
    "ossrDbmsResourceId",
    "portal",
    "sqlManagement",
    "synapseAnalyticsResourceId",
)
_DATA_PLANE = (
    "arcConfigEndpoint",
    "arcHybridIdentityServiceEndpoint",
    "arcHybridComputeGuestConfigurationEndpoint",
)
# Only agents speak to it, and none runs here.
_NOTIFICATIONS = "https://guestnotificationservice.local"


def metadata(endpoint: str, tenant: str) -> dict[str, Any]:
    """The body of `GET /metadata/endpoints`."""
    return {
        "name": "AzureCloud",
        "authentication": {
            "loginEndpoint": endpoint,
            "audiences": [endpoint, f"{endpoint}/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        **dict.fromkeys(_HERE, endpoint),
        "appInsightsTelemetryChannelResourceId": f"{endpoint}/v2/track",
        "vmImageAliasDoc": f"{endpoint}/aliases.json",
        "resourceManager": f"{endpoint}/",
        "suffixes": _SUFFIXES,
        "dataplaneEndpoints": {
            **dict.fromkeys(_DATA_PLANE, endpoint),
            "arcGlobalNotificationServiceEndpoint": _NOTIFICATIONS,
        },
    }
