"""The Helm values of a request: only what it names, on top of the release's values.

A value of None takes a key away, as Helm does with null, so that the chart's own default holds again.
"""

from collections.abc import Sequence
from typing import Any

from arcway.cluster.agents.values import Values, proxy_values
from arcway.domain.features import Features
from arcway.domain.proxy import Proxy, no_proxy_list

_ADDRESSES = ("httpsProxy", "httpProxy", "noProxy", "proxyCert")
_SWITCHES = ("isProxyEnabled", "isCustomCert")


def changed_proxy(
    current: Values, proxy: Proxy, *, credentials: str | None, inside: Sequence[str], cloud_domain: str
) -> Values:
    """The values that change the proxy settings that `proxy` has; `credentials` is `user:password`.

    What the cluster has `inside` is left out of the proxy when a first proxy or another skip range is given.
    """
    has = _global(current)
    enabled = bool(proxy.https or proxy.http or _is_on(has.get("isProxyEnabled")))
    skip_range = ""
    if proxy.skip_range or (enabled and not has.get("noProxy")):
        skip_range = no_proxy_list(proxy.skip_range, inside, cloud_domain)
    values: Values = {**proxy_values(proxy, credentials, skip_range)["global"], "isProxyEnabled": enabled}
    if proxy.certificate or has.get("proxyCert"):
        values["isCustomCert"] = not enabled
    return {"global": values}


def without_a_proxy(current: Values) -> Values:
    """The values that remove the proxy and its certificate; empty if the release never had one."""
    has = _global(current)
    texts = {name: None for name in _ADDRESSES if has.get(name) is not None}
    switches = {name: False for name in _SWITCHES if has.get(name) is not None}
    return {"global": {**texts, **switches}} if texts or switches else {}


def agent_settings(
    *, auto_upgrade: bool | None, distribution: str | None, infrastructure: str | None, train: str | None = None
) -> Values:
    """The values of auto-upgrade, distribution and infrastructure; None leaves one unchanged."""
    description = {"kubernetesDistro": distribution, "kubernetesInfra": infrastructure}
    values: Values = {"global": {name: value for name, value in description.items() if value is not None}}
    upgrades = {"autoUpdate": auto_upgrade, "releaseTrain": train}
    if settings := {name: value for name, value in upgrades.items() if value is not None}:
        values["systemDefaultValues"] = {"azureArcAgents": settings}
    return values


def feature_values(features: Features | None, current: Values) -> Values:
    """The values of the features that are values of the release; what the features leave out stays unchanged.

    What is turned off and was never on in the `current` values is left out: the chart has it off.
    """
    if features is None:
        return {}
    values: Values = {}
    if features.cluster_connect is not None:
        values["clusterconnect-agent"] = {"enabled": features.cluster_connect}
    if locations := features.custom_locations:
        values["customLocations"] = {"enabled": locations.enabled, "oid": locations.object_id or ""}
    if rbac := features.azure_rbac:
        # az leaves the other two as they are when it turns the guard off.
        values["guard"] = {"enabled": rbac.enabled, **({"authnMode": "arc"} if rbac.enabled else {})}
        if rbac.skip_authorization_for is not None:
            values["guard"]["skipAuthzCheck"] = ",".join(rbac.skip_authorization_for)
    has = current.get("systemDefaultValues") or {}
    named = {name: value for name, value in values.items() if value["enabled"] or has.get(name)}
    return {"systemDefaultValues": named} if named else {}


def _global(values: Values) -> dict[str, Any]:
    global_values: dict[str, Any] = values.get("global") or {}
    return global_values


def _is_on(value: Any) -> bool:
    return str(value).lower() == "true"
