"""What the service and the agents make of a connected cluster's features, and its settings of Microsoft.HybridCompute.

An OIDC issuer and workload identity are set up by the agents: they report while the cluster is Connected, at the pace
`features`. An order has the next report fail, or never come. Which state a real service shows before the agents have
reported is not published; here there is none.
"""

import uuid
from typing import Any

from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import TENANT, Touch, now
from arcway_local.azure.transitions import Change, Paces

_OVER = ("Succeeded", "Failed")
# What the data plane tells the agents of a feature. Only the first name is published.
_SETTINGS = {
    "global.enableOidcIssuer": ("oidcIssuerProfile", "enabled"),
    "global.enableWorkloadIdentity": ("securityProfile", "workloadIdentity", "enabled"),
    "global.enableGateway": ("gateway", "enabled"),
}


def helm_settings_of(properties: dict[str, Any]) -> dict[str, str]:
    """What the data plane tells the agents of the features in these properties, as texts."""
    values = {name: _at(properties, *path) for name, path in _SETTINGS.items()}
    return {name: str(value).lower() for name, value in values.items() if isinstance(value, bool)}


def check_features(properties: dict[str, Any]) -> None:
    """Refuse features of a PUT that are not complete. Raises `Refusal` 400."""
    if properties.get("privateLinkState") == "Enabled" and not properties.get("privateLinkScopeResourceId"):
        message = "privateLinkScopeResourceId is required when privateLinkState is Enabled."
        raise Refusal(400, "InvalidPrivateLinkScope", message, by_service=True)


class ClusterFeatures:
    """The reports of the agents about features, and the settings, by resource id in lower case."""

    def __init__(self, paces: Paces, touch: Touch) -> None:
        self._paces = paces
        self._touch = touch
        self._reports: dict[str, Change] = {}
        self.settings: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        """For clusters: `errors`, with which the next report fails, or `hang`, so that there is none."""

    def written(self, cluster: dict[str, Any], earlier: dict[str, Any]) -> None:
        """A PUT has replaced the properties `earlier`: what the agents reported counts no more if it was of others."""
        properties = cluster["properties"]
        if _asked(properties) == _asked(earlier):
            return
        self._reports.pop(cluster["id"].lower(), None)
        own = {"arcAgentProfile": ["agentState", "agentErrors"]}
        own |= {} if _asked(properties)[0] else {"oidcIssuerProfile": ["issuerUrl"]}
        for name, inside in own.items():
            kept = {key: value for key, value in properties.pop(name, {}).items() if key not in inside}
            properties |= {name: kept} if kept else {}

    def settle(self, cluster: dict[str, Any]) -> None:
        """A read of the cluster moves the report of its agents on."""
        properties, key = cluster["properties"], cluster["id"].lower()
        has_issuer, own_url, has_identity = _asked(properties)
        is_reported_on = (has_issuer and not own_url) or has_identity
        if not is_reported_on or properties.get("connectivityStatus") != "Connected":
            return
        profile = properties.setdefault("arcAgentProfile", {})
        if profile.get("agentState") in _OVER or self.orders.get(key, {}).get("hang"):
            return
        if not self._reports.setdefault(key, Change(self._paces.features)).look():
            profile["agentState"] = "Updating"
            return
        self._touch("cluster", key)
        if order := self.orders.pop(key, None):
            profile["agentErrors"] = [{"severity": "Error", "time": now(), **error} for error in order["errors"]]
            profile["agentState"] = "Failed"
            return
        profile["agentState"] = "Succeeded"
        if has_issuer and not own_url:
            unique = uuid.uuid5(uuid.NAMESPACE_URL, key)
            url = f"https://{cluster['location']}.oic.prod-arc.local/{TENANT}/{unique}/"
            properties["oidcIssuerProfile"]["issuerUrl"] = url

    def put_setting(self, cluster: dict[str, Any], body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Create or replace the cluster's setting; returns it and whether it is new. Raises `Refusal` 400."""
        gateway = _at(body, "properties", "gatewayProperties", "gatewayResourceId")
        if "/providers/microsoft.hybridcompute/gateways/" not in str(gateway).lower():
            message = "properties.gatewayProperties.gatewayResourceId must be the id of a gateway."
            raise Refusal(400, "InvalidGatewayResourceId", message, by_service=True)
        key = cluster["id"].lower()
        form = {
            "id": f"{cluster['id']}/providers/Microsoft.HybridCompute/settings/default",
            "name": "default",
            "type": "microsoft.hybridcompute/settings",
            "properties": {"tenantId": TENANT, "gatewayProperties": {"gatewayResourceId": gateway}},
        }
        is_new = key not in self.settings
        self.settings[key] = form
        self._touch("setting", key)
        return form, is_new

    def setting(self, cluster: dict[str, Any]) -> dict[str, Any]:
        """The setting `default` of the cluster. Raises `Refusal` 404."""
        form = self.settings.get(cluster["id"].lower())
        if form is None:
            raise Refusal(
                404, "ResourceNotFound", "The Resource 'Microsoft.HybridCompute/settings/default' was not found."
            )
        return form

    def forget_cluster(self, key: str) -> None:
        """The cluster is gone, and its setting with it."""
        self._reports.pop(key, None)
        if self.settings.pop(key, None):
            self._touch("setting", key)


def _asked(properties: dict[str, Any]) -> tuple[bool, str, bool]:
    """Whether there is to be an issuer, the cluster's own one, and whether there is to be workload identity."""
    return (
        _at(properties, "oidcIssuerProfile", "enabled") is True,
        str(_at(properties, "oidcIssuerProfile", "selfHostedIssuerUrl") or ""),
        _at(properties, "securityProfile", "workloadIdentity", "enabled") is True,
    )


def _at(tree: Any, *path: str) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
