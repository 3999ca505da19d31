"""The Arc data plane: health check, latest chart path, the Helm settings of a connected cluster."""

from typing import Any

from aiohttp import web

from arcway_local.azure.agentry import helm_settings
from arcway_local.azure.cluster_features import helm_settings_of
from arcway_local.azure.entra import Entra
from arcway_local.azure.exchange import Exchange, Routes
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.world import World

_API_VERSIONS = ("2024-07-01-preview", "2019-11-01-preview")


class DataPlane:
    """The routes of the data plane. `chart` is the path of the current agents' chart per release train."""

    def __init__(self, world: World, entra: Entra, charts: dict[str, str]) -> None:
        self._world = world
        self._entra = entra
        self.charts = charts
        self.extra_settings: dict[str, str] = {}

    def routes(self, routes: Routes) -> None:
        """Register the routes of this service."""
        routes.add("POST", r"/azure-arc-k8sagents/healthcheck", self._health)
        routes.add("POST", r"/azure-arc-k8sagents/getlatesthelmpackagepath", self._latest)
        routes.add("POST", r"/azure-arc-k8sagents/gethelmsettings", self._settings)

    async def _health(self, exchange: Exchange) -> web.StreamResponse:
        self._check(exchange)
        return web.Response(status=200)

    async def _latest(self, exchange: Exchange) -> web.StreamResponse:
        self._check(exchange)
        return web.json_response({"repositoryPath": self._chart(exchange)})

    async def _settings(self, exchange: Exchange) -> web.StreamResponse:
        self._check(exchange)
        resource = exchange.json()
        cluster = self._world.clusters.get(str(resource.get("id", "")).lower())
        if cluster is None:
            raise Refusal(404, "ResourceNotFound", "The connected cluster of the request does not exist.")
        # What is protected is in the request alone, as a placeholder that its sender replaces.
        features = resource.get("properties") or {}
        configurations = features.get("arcAgentryConfigurations") or resource.get("arcAgentryConfigurations")
        configurations = configurations or cluster["properties"].get("arcAgentryConfigurations") or []
        values = {**_values(cluster), **helm_settings_of(features), **helm_settings(configurations)}
        values |= self.extra_settings
        return web.json_response({"repositoryPath": self._chart(exchange), "helmValuesContent": values})

    def _check(self, exchange: Exchange) -> None:
        self._entra.check(exchange.request)
        version = exchange.query("api-version")
        if version not in _API_VERSIONS:
            message = f"The api-version '{version}' is invalid. The supported versions are '{','.join(_API_VERSIONS)}'."
            raise Refusal(400, "InvalidApiVersionParameter", message, by_service=True)

    def _chart(self, exchange: Exchange) -> str:
        train = exchange.query("releaseTrain") or "stable"
        path = self.charts.get(train.lower())
        if path is None:
            raise Refusal(400, "InvalidReleaseTrain", f"Release train '{train}' does not exist.")
        return path


def _values(cluster: dict[str, Any]) -> dict[str, str]:
    _, _, subscription, _, group, *_ = cluster["id"].split("/")
    profile = cluster["properties"].get("arcAgentProfile") or {}
    settings = {
        "global.subscriptionId": subscription,
        "global.resourceGroupName": group,
        "global.resourceName": cluster["name"],
        "global.location": cluster["location"],
        "global.tenantId": cluster["identity"]["tenantId"],
        "systemDefaultValues.azureArcAgents.autoUpdate": str(profile.get("agentAutoUpgrade") != "Disabled").lower(),
    }
    if version := profile.get("desiredAgentVersion"):
        settings["systemDefaultValues.azureArcAgents.desiredAgentVersion"] = str(version)
    return settings
