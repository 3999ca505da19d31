"""The values that Helm gets for the agents: built as a tree, compared key by key.

Key names are the chart's own (`helm show values`); which of them a client sets follows `az connectedk8s`.
"""

import re
from collections.abc import Iterator
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.proxy import Proxy, with_credentials

type Values = dict[str, Any]

_DEPTH = 32
_INTEGER = re.compile(r"[1-9][0-9]{0,17}")


def identity_values(cluster: ClusterId, *, location: str, tenant_id: str, cloud_name: str) -> Values:
    """The values that tie a cluster's agents to one connected cluster."""
    return {
        "global": {
            "subscriptionId": cluster.subscription_id,
            "resourceGroupName": cluster.resource_group,
            "resourceName": cluster.name,
            "location": location,
            "tenantId": tenant_id,
            "azureEnvironment": cloud_name,
        }
    }


def first_values(*, distribution: str, infrastructure: str, cluster_connect: bool = True) -> Values:
    """The values of agents that are new, unless the request says otherwise."""
    return {
        "global": {"kubernetesDistro": distribution, "kubernetesInfra": infrastructure},
        "systemDefaultValues": {
            "spnOnboarding": False,
            "clusterconnect-agent": {"enabled": cluster_connect},
            "azureArcAgents": {"autoUpdate": True, "releaseTrain": "stable"},
        },
    }


def proxy_values(proxy: Proxy | None, credentials: str | None, skip_range: str) -> Values:
    """The values for an outbound proxy; `credentials` is `user:password`, `skip_range` what is reached without it."""
    if proxy is None:
        return {}
    values: Values = {"isProxyEnabled": bool(proxy.https or proxy.http)}
    for name, url in (("httpsProxy", proxy.https), ("httpProxy", proxy.http)):
        if url:
            values[name] = with_credentials(url, credentials) if credentials else url
    if skip_range:
        values["noProxy"] = skip_range
    if proxy.certificate:
        values["proxyCert"] = proxy.certificate
        values["isCustomCert"] = not values["isProxyEnabled"]
    return {"global": values}


def from_dotted(settings: dict[str, str]) -> Values:
    """The tree of dotted keys, each text turned into a value as `helm --set` does (true, false, null, integers).

    Raises `ArcError` ARC-4011 if the keys do not form a tree.
    """
    tree: Values = {}
    for key, value in settings.items():
        *path, last = key.split(".", _DEPTH)
        branch = tree
        for name in path:
            branch = branch.setdefault(name, {})
            if not isinstance(branch, dict):
                raise ArcError(
                    Code.AZURE_RESPONSE_INVALID,
                    "The data plane's Helm settings have a name that is both a value and a parent of others.",
                )
        if "." in last:
            raise ArcError(
                Code.AZURE_RESPONSE_INVALID, f"The data plane's Helm settings have a name of more than {_DEPTH} parts."
            )
        branch[last] = _typed(value)
    return tree


def deep_merge(base: Values, over: Values) -> Values:
    """`base` with every leaf of `over` in its place; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = deep_merge(result[key], value) if both else value
    return result


def changed_keys(current: Values, desired: Values) -> list[str]:
    """The dotted keys of leaves of `desired` that differ in `current`; `true` and `"true"` do not."""
    return [".".join(path) for path, value in _leaves(desired) if not _same(_at(current, path), value)]


def _typed(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    if value == "null":
        return None
    if value == "0" or (_INTEGER.fullmatch(value)):
        return int(value)
    return value


def _leaves(tree: Values, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def _at(tree: Values, path: tuple[str, ...]) -> Any:
    branch: Any = tree
    for name in path:
        if not isinstance(branch, dict) or name not in branch:
            return None
        branch = branch[name]
    return branch


def _same(current: Any, desired: Any) -> bool:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return current == desired or (current is not None and text(current) == text(desired))
