"""How the data plane turns a connected cluster's `arcAgentryConfigurations` into Helm settings of the agents' chart.

The names of the proxy's settings are the chart's. The public cloud's mapping of other features is not published: here
`feature.setting` becomes `systemDefaultValues.feature.setting`.
"""

from typing import Any

_PROXY = {
    "https_proxy": "global.httpsProxy",
    "http_proxy": "global.httpProxy",
    "no_proxy": "global.noProxy",
    "proxy_cert": "global.proxyCert",
}


def helm_settings(configurations: list[Any]) -> dict[str, str]:
    """Helm settings by name, every value a string. Protected settings keep the placeholder that their sender wrote."""
    settings: dict[str, str] = {}
    for configuration in configurations:
        if not isinstance(configuration, dict):
            continue
        feature = str(configuration.get("feature", ""))
        both = {**(configuration.get("settings") or {}), **(configuration.get("protectedSettings") or {})}
        named = {name: str(value) for name, value in both.items() if value is not None}
        settings |= _proxy(named) if feature.lower() == "proxy" else _other(feature, named)
    return settings


def _proxy(named: dict[str, str]) -> dict[str, str]:
    settings = {_PROXY[name]: value for name, value in named.items() if name in _PROXY}
    if settings:
        addresses = any(name in named for name in ("https_proxy", "http_proxy", "no_proxy"))
        settings["global.isProxyEnabled"] = str(addresses).lower()
        settings["global.isCustomCert"] = str("proxy_cert" in named and not addresses).lower()
    return settings


def _other(feature: str, named: dict[str, str]) -> dict[str, str]:
    return {f"systemDefaultValues.{feature}.{name}": value for name, value in named.items()}
