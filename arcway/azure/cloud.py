"""Which Azure cloud this is: endpoints and audiences from Resource Manager's own metadata, nothing hard-coded.

Protocol: GET /metadata/endpoints?api-version=2022-09-01, anonymous. Must not know subscriptions or clusters.
"""

from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from arcway.azure.pipeline import answer, send
from arcway.domain.errors import ArcError
from arcway.settings import settings

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

    @property
    def scope(self) -> str:
        """The scope of tokens for Resource Manager and the Arc data plane."""
        return f"{self.audience.rstrip('/')}/.default"

    @property
    def agents_name(self) -> str:
        """The cloud's name as the agents' chart spells it (`global.azureEnvironment`)."""
        return _NAMES.get(self.name, self.name.upper())

    def data_plane_of(self, location: str) -> str:
        """The Arc data plane's address for a location."""
        if self.data_plane:
            return self.data_plane
        domain = ".".join((urlsplit(self.login).hostname or "").split(".")[2:])
        return f"https://{location}.dp.kubernetesconfiguration.azure.{domain}"


@cache
def cloud() -> Cloud:
    """The cloud that ARCWAY_ARM_ENDPOINT belongs to; asked once per process."""
    arm = settings().arm_endpoint
    seen = answer(send(arm, None, "GET", f"/metadata/endpoints?api-version={_API}"))
    try:
        return Cloud(
            name=seen["name"],
            arm=arm,
            audience=seen["authentication"]["audiences"][0],
            login=seen["authentication"]["loginEndpoint"],
            data_plane=(seen.get("dataplaneEndpoints") or {}).get("arcConfigEndpoint"),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ArcError("ARC-4011", f"Resource Manager's metadata lack {error}.") from error
