"""Which Azure cloud this is: endpoints and audiences from Resource Manager's own metadata, nothing hard-coded.

Protocol: GET /metadata/endpoints?api-version=2022-09-01, anonymous.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from arcway.azure.pipeline import Pipeline, json_object
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

_API = "2022-09-01"
_NAMES = {"AzureCloud": "AZUREPUBLICCLOUD", "AzureUSGovernment": "AZUREUSGOVERNMENTCLOUD"}


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud."""

    name: str
    arm: str
    audience: str
    login: str
    data_plane: str | None
    """Address of the Arc data plane when the metadata names one; otherwise it is derived per location."""
    identity_service: str | None = None
    """Address of the service that issues the agents' certificates (HIS), when the metadata names it."""
    notification_service: str | None = None
    """Address of the service that tells the agents who wants to reach them, when the metadata names it."""
    named_resource_manager: str | None = None
    relay_suffix: str | None = None
    """What the names of the relays end with through which a cluster is reached, when the metadata names it."""

    @property
    def resource_manager(self) -> str:
        """Resource Manager's address as the cloud itself names it, which is where the agents look for it."""
        return self.named_resource_manager or self.arm

    @property
    def scope(self) -> str:
        """The scope of tokens for Resource Manager and the Arc data plane."""
        return f"{self.audience.rstrip('/')}/.default"

    @property
    def agents_name(self) -> str:
        """The cloud's name as the agents' chart spells it (`global.azureEnvironment`)."""
        return _NAMES.get(self.name, self.name.upper())

    @property
    def domain(self) -> str:
        """What the addresses of the Arc services end with: `com`, `us`, `cn`, `eaglex.ic.gov`.

        It is what follows the first two labels of the login endpoint's name, as in Azure's own client; China's has a
        second name with one label more (https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
        """
        host = (urlsplit(self.login).hostname or "").replace("login.partner.", "login.")
        return ".".join(host.split(".")[2:])

    def data_plane_of(self, location: str) -> str:
        """The Arc data plane's address for a location."""
        if self.data_plane:
            return self.data_plane
        return f"https://{location}.dp.kubernetesconfiguration.azure.{self.domain}"


def read_cloud(pipeline: Pipeline, arm: str) -> Cloud:
    """The cloud that the Resource Manager at `arm` belongs to, as its metadata say."""
    metadata = json_object(pipeline.send(arm, None, "GET", f"/metadata/endpoints?api-version={_API}"))
    services = metadata.get("dataplaneEndpoints") or {}
    try:
        return Cloud(
            name=metadata["name"],
            arm=arm,
            audience=metadata["authentication"]["audiences"][0],
            login=metadata["authentication"]["loginEndpoint"],
            data_plane=services.get("arcConfigEndpoint"),
            identity_service=services.get("arcHybridIdentityServiceEndpoint"),
            notification_service=services.get("arcGlobalNotificationServiceEndpoint"),
            named_resource_manager=metadata.get("resourceManager"),
            relay_suffix=(metadata.get("suffixes") or {}).get("relayEndpointSuffix"),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Resource Manager's metadata has no {error}.") from error
