"""What speaks against the features of a request, and what remains to be done by hand: findings, before any change.

What the request alone tells is refused when it arrives (`arcway.domain.features.wrong_features`); here is what follows
from the connected cluster and from the agents that are there.
"""

from collections.abc import Collection

from arcway.domain.codes import Code
from arcway.domain.feature_reports import CLUSTER_CONNECT, CUSTOM_LOCATIONS, is_on, value_at
from arcway.domain.features import (
    ISSUER_OF_ITS_OWN,
    ISSUER_WITHOUT_A_FLAG,
    NO_AZURE_RBAC,
    OIDC_ISSUER,
    PRIVATE_LINK,
    SELF_HOSTED_ISSUER,
    Features,
)
from arcway.domain.findings import finding
from arcway.domain.json_values import Json


def azure_findings(features: Features | None, resource: Json | None, distribution: str | None) -> list[Json]:
    """Findings by the connected cluster as it is, None if there is none yet, and by the cluster's distribution."""
    if features is None:
        return []
    properties: Json = (resource or {}).get("properties") or {}
    name = (distribution or "").lower()
    return [
        *_of_issuer(features, properties, name),
        *_of_private_link(features, properties),
        *_of_gateway(features, properties),
        *_of_rbac(features, name),
    ]


def agent_findings(features: Features | None, values: Json, architectures: Collection[str]) -> list[Json]:
    """Findings by the values of a release that is there, empty without one, and by the nodes' architectures."""
    if features is None:
        return []
    findings: list[Json] = []
    connect = _after(features.cluster_connect, values, CLUSTER_CONNECT)
    custom = _after(features.custom_locations.enabled if features.custom_locations else None, values, CUSTOM_LOCATIONS)
    if custom and not connect and values:
        message = "Custom locations need cluster connect, which is off: set both clusterConnect and customLocations."
        findings.append(finding(Code.FEATURES_EXCLUDE, message))
    if features.uses_private_link and values:
        on = [words for words, is_in_use in (("Cluster connect", connect), ("Custom locations", custom)) if is_in_use]
        findings += [
            finding(Code.FEATURES_EXCLUDE, f"{words} is on, which excludes a private link: turn it off as well.")
            for words in on
        ]
    if features.azure_rbac and features.azure_rbac.enabled and {*architectures} == {"arm64"}:
        findings.append(finding(Code.FEATURE_NOT_SUPPORTED, "Azure RBAC does not run on arm64, which all nodes have."))
    return findings


def is_private(features: Features | None, resource: Json | None) -> bool:
    """Whether the connected cluster has a private link after the request."""
    if features is not None and features.private_link is not None:
        return features.uses_private_link
    return is_on((resource or {}).get("properties") or {}, PRIVATE_LINK)


def _after(requested: bool | None, values: Json, path: str) -> bool:
    return is_on(values, path) if requested is None else requested


def _of_issuer(features: Features, properties: Json, distribution: str) -> list[Json]:
    issuer = features.oidc_issuer
    if issuer is None or not issuer.enabled:
        needs_issuer = features.workload_identity is True and not is_on(properties, OIDC_ISSUER)
        message = "Workload identity has no effect without an OIDC issuer: set oidcIssuer as well."
        return [finding(Code.FEATURES_EXCLUDE, message, "warning")] if needs_issuer else []
    if issuer.self_hosted_issuer_url or value_at(properties, SELF_HOSTED_ISSUER):
        return []
    if distribution in ISSUER_OF_ITS_OWN:
        message = f"Distribution {distribution} has an issuer of its own, which cannot be changed."
        return [finding(Code.SELF_HOSTED_ISSUER_MISSING, message)]
    how = (
        "set spec.serviceAccountIssuer of its Authentication resource"
        if distribution in ISSUER_WITHOUT_A_FLAG
        else "give the API server the flag --service-account-issuer"
    )
    message = f"Tokens are trusted only after the cluster's administrator has set the issuer: {how} (see the result)."
    return [finding(Code.FEATURE_NEEDS_ADMINISTRATOR, message, "info")]


def _of_private_link(features: Features, properties: Json) -> list[Json]:
    if features.private_link is not None or not is_on(properties, PRIVATE_LINK):
        return []
    asked = {
        "clusterConnect": features.cluster_connect is True,
        "customLocations": features.uses_custom_locations,
    }
    return [
        finding(Code.FEATURES_EXCLUDE, f"The connected cluster has a private link, which excludes {name}.")
        for name, is_asked in asked.items()
        if is_asked
    ]


def _of_gateway(features: Features, properties: Json) -> list[Json]:
    if features.gateway is None or features.gateway_id is not None or not is_on(properties, "gateway.enabled"):
        return []
    message = "Without the gateway the agents need all endpoints again; keep those of the gateway open for an hour."
    return [finding(Code.FEATURE_NEEDS_ADMINISTRATOR, message, "info")]


def _of_rbac(features: Features, distribution: str) -> list[Json]:
    if features.azure_rbac is None or not features.azure_rbac.enabled:
        return []
    if distribution in NO_AZURE_RBAC:
        message = f"Distribution {distribution} does not support Azure RBAC."
        return [finding(Code.FEATURE_NOT_SUPPORTED, message)]
    message = (
        "Azure RBAC takes effect only after the cluster's administrator has given the API server the webhook files of "
        "Secret kube-system/azure-arc-guard-manifests, and the cluster's identity has its role."
    )
    return [finding(Code.FEATURE_NEEDS_ADMINISTRATOR, message, "info")]
