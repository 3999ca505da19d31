"""The endpoints that agents need in clouds whose addresses are not built into them.

Key names are the chart's own; which of them a client sets, and where, follows `az connectedk8s`: where the cloud's
metadata name the Arc data plane, and in the air-gapped clouds.
"""

from collections.abc import Mapping
from typing import Any

from arcway.azure.cloud import Cloud

_AIR_GAPPED = ("ussec", "usnat")
_BUILT_IN = ("azurecloud", "azureusgovernment", "azurechinacloud")
_AAD_SUFFIX = "k8sproxysvc.connectrp.azs"
"""As `az connectedk8s` has it; no other cloud that needs one is known."""


def endpoints(cloud: Cloud, location: str, registry: str) -> dict[str, Any]:
    """Helm values with the cloud's endpoints; empty if the agents know them. `registry` is the host of their images."""
    is_air_gapped = cloud.name.lower() in _AIR_GAPPED
    if not cloud.data_plane and not is_air_gapped:
        return {}
    identity = cloud.identity_service or f"https://gbl.his.arc.azure.{cloud.domain}"
    version = "1.1-preview" if is_air_gapped else "1.0-preview"
    notifications = cloud.notification_service or f"https://guestnotificationservice.azure.{cloud.domain}"
    connect: dict[str, Any] = {"notification_dp_endpoint_override": notifications}
    if cloud.relay_suffix:
        connect["relay_endpoint_suffix_override"] = cloud.relay_suffix
    return {
        "systemDefaultValues": {
            "azureResourceManagerEndpoint": cloud.resource_manager,
            "activeDirectoryEndpoint": cloud.login,
            "azureArcAgents": {"config_dp_endpoint_override": cloud.data_plane_of(location)},
            "clusterconnect-agent": connect,
            "clusteridentityoperator": {
                "his_endpoint_override": f"{identity}/discovery?location={location}&api-version={version}"
            },
            "image": {"repository": registry},
        }
    }


def aad_endpoint(cloud: Cloud, resource: Mapping[str, Any]) -> dict[str, str]:
    """The setting, by its dotted key, for the proxy through which users reach the cluster with Entra ID.

    It has the principal id of the connected cluster's identity, so it is known only once `resource` exists. Empty for
    clouds whose address is built into the agents.
    """
    principal = (resource.get("identity") or {}).get("principalId")
    if not cloud.data_plane or cloud.name.lower() in _BUILT_IN or not principal:
        return {}
    return {"global.kubeAadEndpoint": f"{principal}.{_AAD_SUFFIX}"}
