"""Features of a connected cluster, as a request names them: what each may be, and which exclude one another.

A feature that is left out stays as it is. Some features are properties of the connected cluster, some are values of the
agents' release, some are both; what each is, its writers decide by `resource_settings` and by the release's own values.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool

from arcway.domain.json_values import Json
from arcway.domain.model import Model

CUSTOM_LOCATIONS_APP = "bc313c14-388c-4e7d-a58e-70017303ee3b"
"""The application whose service principal the agents let in for custom locations; the same in every tenant."""
ISSUER_OF_ITS_OWN = frozenset({"eks", "gke", "aks"})
"""Distributions whose API server has an issuer that cannot be changed."""
NO_AZURE_RBAC = frozenset({"eks", "gke", "openshift"})
"""Distributions whose API server takes no authentication webhook."""
ISSUER_WITHOUT_A_FLAG = frozenset({"openshift"})
"""Distributions that set the issuer by a resource of their own, and not by a flag of the API server."""

OIDC_ISSUER, SELF_HOSTED_ISSUER = "oidcIssuerProfile.enabled", "oidcIssuerProfile.selfHostedIssuerUrl"
WORKLOAD_IDENTITY = "securityProfile.workloadIdentity.enabled"
GATEWAY, GATEWAY_LINK = "gateway.enabled", "gateway.resourceId"
PRIVATE_LINK, PRIVATE_LINK_SCOPE = "privateLinkState", "privateLinkScopeResourceId"
AZURE_RBAC = "aadProfile.enableAzureRBAC"

_GUID = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_ARM_PREFIX = (
    r"^/[Ss]ubscriptions/[^/?#\s]+/[Rr]esource[Gg]roups/[^/?#\s]+/providers/[Mm]icrosoft\.[Hh]ybrid[Cc]ompute/"
)
_ISSUER = re.compile(r"https://[0-9A-Za-z][0-9A-Za-z.-]*(:[0-9]{1,5})?(/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?")


def is_issuer(url: object) -> bool:
    """Whether this is the URL of an issuer: https, without a query, a fragment or credentials (RFC 8414)."""
    return isinstance(url, str) and _ISSUER.fullmatch(url) is not None


def _issuer(url: str) -> str:
    if not is_issuer(url):
        raise ValueError("must be an https URL without a query, a fragment or credentials")
    return url


def _user_name(name: str) -> str:
    if not name.strip() or "," in name or name != name.strip():
        raise ValueError("must be names without commas, and without blanks at their ends")
    return name


type ObjectId = Annotated[str, Field(pattern=_GUID)]
type IssuerUrl = Annotated[str, Field(max_length=512), AfterValidator(_issuer)]
type GatewayId = Annotated[str, Field(max_length=400, pattern=_ARM_PREFIX + r"[Gg]ateways/[^/?#\s]+$")]
type ScopeId = Annotated[str, Field(max_length=400, pattern=_ARM_PREFIX + r"[Pp]rivate[Ll]ink[Ss]copes/[^/?#\s]+$")]
type UserName = Annotated[str, Field(max_length=256), AfterValidator(_user_name)]


class CustomLocations(Model):
    """Whether custom locations can be made on the cluster."""

    enabled: StrictBool
    object_id: ObjectId | None = None
    """In this tenant, of the service principal that Azure uses for custom locations; required to enable them."""


class OidcIssuer(Model):
    """Whether Azure publishes the keys of the cluster's ServiceAccount tokens."""

    enabled: StrictBool
    self_hosted_issuer_url: IssuerUrl | None = None
    """The cluster's own public issuer; required for the distributions eks, gke and aks."""


class Gateway(Model):
    """The Azure Arc gateway that the agents use: resourceId, or enabled false to use none."""

    enabled: StrictBool | None = None
    resource_id: GatewayId | None = None


class PrivateLink(Model):
    """The private link scope that the agents use: scopeResourceId, or enabled false to use none."""

    enabled: StrictBool | None = None
    scope_resource_id: ScopeId | None = None


class AzureRbac(Model):
    """Whether Azure role assignments decide what users may do in the cluster."""

    enabled: StrictBool
    skip_authorization_for: Annotated[list[UserName], Field(max_length=100)] | None = None
    """Users and ServiceAccounts that Azure is not asked about; replaces all."""


class Features(Model):
    """Features of the connected cluster and its agents. Omitted features stay unchanged."""

    cluster_connect: StrictBool | None = None
    """Default for new agents: on, and off with a private link."""
    custom_locations: CustomLocations | None = None
    oidc_issuer: OidcIssuer | None = None
    workload_identity: StrictBool | None = None
    gateway: Gateway | None = None
    private_link: PrivateLink | None = None
    azure_rbac: AzureRbac | None = None

    @property
    def names_something(self) -> bool:
        """Whether a feature is named at all."""
        return any(value is not None for value in vars(self).values())

    @property
    def gateway_id(self) -> str | None:
        """The gateway to use, if one is named."""
        return self.gateway.resource_id if self.gateway else None

    @property
    def uses_private_link(self) -> bool:
        """Whether a private link is asked for."""
        return self.private_link is not None and self.private_link.scope_resource_id is not None

    @property
    def uses_custom_locations(self) -> bool:
        """Whether custom locations are asked for."""
        return self.custom_locations is not None and self.custom_locations.enabled

    @property
    def awaits_agents(self) -> bool:
        """Whether Azure reports later, by the agents, how the change ended."""
        return self.workload_identity is True or (self.oidc_issuer is not None and self.oidc_issuer.enabled)


def resource_settings(features: Features | None) -> dict[str, Any]:
    """The properties of the connected cluster that the features set, by their names with dots; none for None."""
    if features is None:
        return {}
    settings: dict[str, Any] = {WORKLOAD_IDENTITY: features.workload_identity}
    if issuer := features.oidc_issuer:
        settings |= {OIDC_ISSUER: issuer.enabled, SELF_HOSTED_ISSUER: issuer.self_hosted_issuer_url}
    if features.gateway:
        settings[GATEWAY] = features.gateway_id is not None
    if features.private_link:
        settings[PRIVATE_LINK] = "Enabled" if features.uses_private_link else "Disabled"
        settings[PRIVATE_LINK_SCOPE] = features.private_link.scope_resource_id
    if features.azure_rbac:
        settings[AZURE_RBAC] = features.azure_rbac.enabled
    return {name: value for name, value in settings.items() if value is not None}


def namespaces_of(features: Features | None) -> tuple[str, ...]:
    """The provider namespaces that the features need in the cluster's subscription."""
    if features is None:
        return ()
    custom = ("Microsoft.ExtendedLocation",) if features.uses_custom_locations else ()
    return (*custom, *(("Microsoft.HybridCompute",) if features.gateway_id else ()))


def wrong_features(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    """What excludes what in the features of a request's JSON form, each problem with its field.

    Not part of the model: a request that was accepted is read again on every replay, whatever the rules are by then.
    What has the wrong type is the model's to report.
    """
    features = _object(fields, "features")
    problems = [*_of_custom_locations(features), *_of_identity(features), *_of_links(features), *_of_rbac(features)]
    if (distribution := str(fields.get("distribution") or "").lower()) and features:
        problems += _of_distribution(features, distribution)
    return [{"field": f"features.{field}", "message": message} for field, message in problems]


type _Problems = Iterator[tuple[str, str]]


def _of_custom_locations(features: Json) -> _Problems:
    locations = _object(features, "customLocations")
    if locations.get("enabled") is True:
        if locations.get("objectId") is None:
            yield (
                "customLocations.objectId",
                "is required: the object id of Azure's service principal for custom locations in your tenant; "
                f"`az ad sp show --id {CUSTOM_LOCATIONS_APP} --query id` prints it",
            )
        if features.get("clusterConnect") is False:
            yield "clusterConnect", "cannot be false while customLocations is enabled"
    elif locations.get("objectId") is not None:
        yield "customLocations.objectId", "can only be given with enabled true"


def _of_identity(features: Json) -> _Problems:
    issuer = _object(features, "oidcIssuer")
    if issuer.get("enabled") is False:
        if issuer.get("selfHostedIssuerUrl") is not None:
            yield "oidcIssuer.selfHostedIssuerUrl", "can only be given with enabled true"
        if features.get("workloadIdentity") is True:
            yield "workloadIdentity", "needs the OIDC issuer: oidcIssuer.enabled cannot be false"


def _of_links(features: Json) -> _Problems:
    for name, target in (("gateway", "resourceId"), ("privateLink", "scopeResourceId")):
        if not isinstance(features.get(name), dict):
            continue
        link = features[name]
        if link.get("enabled") is False and link.get(target) is not None:
            yield f"{name}.{target}", "cannot be given with enabled false"
        if link.get("enabled") is not False and link.get(target) is None:
            yield f"{name}.{target}", "is required, or enabled false"
    if _object(features, "privateLink").get("scopeResourceId") is not None:
        if features.get("clusterConnect") is True:
            yield "clusterConnect", "cannot be true with a private link"
        if _object(features, "customLocations").get("enabled") is True:
            yield "customLocations.enabled", "cannot be true with a private link"


def _of_rbac(features: Json) -> _Problems:
    rbac = _object(features, "azureRbac")
    if rbac.get("enabled") is False and rbac.get("skipAuthorizationFor") is not None:
        yield "azureRbac.skipAuthorizationFor", "can only be given with enabled true"


def _of_distribution(features: Json, distribution: str) -> _Problems:
    issuer = _object(features, "oidcIssuer")
    needs_url = issuer.get("enabled") is True and issuer.get("selfHostedIssuerUrl") is None
    if needs_url and distribution in ISSUER_OF_ITS_OWN:
        yield "oidcIssuer.selfHostedIssuerUrl", f"is required for distribution {distribution}"
    if _object(features, "azureRbac").get("enabled") is True and distribution in NO_AZURE_RBAC:
        yield "azureRbac.enabled", f"cannot be true for distribution {distribution}"


def _object(fields: Mapping[str, Any], name: str) -> Json:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
