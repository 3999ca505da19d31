"""What a connected cluster says of its features: what is on, the issuer, and how the agents report a change of it.

Read from the resource as Azure has it, and from the values of the agents' release.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from arcway.domain.errors import redact
from arcway.domain.features import (
    AZURE_RBAC,
    GATEWAY,
    ISSUER_OF_ITS_OWN,
    ISSUER_WITHOUT_A_FLAG,
    OIDC_ISSUER,
    PRIVATE_LINK,
    SELF_HOSTED_ISSUER,
    WORKLOAD_IDENTITY,
    is_issuer,
)
from arcway.domain.json_values import Json

CLUSTER_CONNECT = "systemDefaultValues.clusterconnect-agent.enabled"
CUSTOM_LOCATIONS = "systemDefaultValues.customLocations.enabled"
GUARD = "systemDefaultValues.guard.enabled"
_ISSUER_URL, _STATE, _ERRORS = (
    "oidcIssuerProfile.issuerUrl",
    "arcAgentProfile.agentState",
    "arcAgentProfile.agentErrors",
)
_ERRORS_SHOWN, _ERROR_LENGTH = 3, 300
_OF_RESOURCE = {
    OIDC_ISSUER: "OIDC issuer",
    WORKLOAD_IDENTITY: "workload identity",
    GATEWAY: "gateway",
    PRIVATE_LINK: "private link",
    AZURE_RBAC: "Azure RBAC",
}
_OF_RELEASE = {CLUSTER_CONNECT: "cluster connect", CUSTOM_LOCATIONS: "custom locations", GUARD: "Azure RBAC"}


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    """The value to which a name with dots leads; None if there is none."""
    value: Any = tree
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def is_on(tree: Mapping[str, Any], path: str) -> bool:
    """Whether a property or value is on: true, as a truth value or a text, or Enabled."""
    return str(value_at(tree, path)).lower() in ("true", "enabled")


def features_in_azure(resource: Json) -> list[str]:
    """The features that are on by the connected cluster, in words."""
    properties = resource.get("properties") or {}
    return [words for path, words in _OF_RESOURCE.items() if is_on(properties, path)]


def features_of_agents(values: Json) -> list[str]:
    """The features that are on by the values of the agents' release, in words."""
    return [words for path, words in _OF_RELEASE.items() if is_on(values, path)]


def issuer_of(resource: Json) -> str | None:
    """The issuer of the cluster's ServiceAccount tokens; None while there is none, or while it is not known yet.

    It becomes part of a command, so that what is not the URL of an issuer is not one.
    """
    properties = resource.get("properties") or {}
    if not is_on(properties, OIDC_ISSUER):
        return None
    url: Any = value_at(properties, SELF_HOSTED_ISSUER) or value_at(properties, _ISSUER_URL)
    return url if is_issuer(url) else None


def is_self_hosted(resource: Json) -> bool:
    """Whether the issuer is the cluster's own, about which the agents have nothing to report."""
    return bool(value_at(resource.get("properties") or {}, SELF_HOSTED_ISSUER))


def handed_out(resource: Json) -> Json:
    """What a run's result says of the issuer: its URL, and the API server's flag that the distribution needs."""
    issuer, properties = issuer_of(resource), resource.get("properties") or {}
    if issuer is None:
        return {}
    document: Json = {"issuerUrl": issuer}
    distribution = str(properties.get("distribution") or "").lower()
    if not is_self_hosted(resource) and distribution not in ISSUER_OF_ITS_OWN | ISSUER_WITHOUT_A_FLAG:
        document["apiServerFlag"] = f"--service-account-issuer={issuer}"
    return {"oidcIssuer": document}


def agent_state(resource: Json) -> str | None:
    """How the agents say that they are: Succeeded, Failed, anything else while they work; None before they say it."""
    state = value_at(resource.get("properties") or {}, _STATE)
    return str(state) if state else None


def agent_errors(resource: Json) -> str:
    """The agents' errors in one line, the first of them; empty without any. They are from outside, so redacted."""
    texts = [_error_text(item) for item in _errors(resource)]
    return "; ".join(dict.fromkeys(text for text in texts[:_ERRORS_SHOWN] if text))


def is_older_failure(resource: Json, since: str) -> bool:
    """Whether all errors that the agents give have a time, and all are of before `since`."""
    times = [_time(item.get("time")) for item in _errors(resource)]
    begin = _time(since)
    return begin is not None and bool(times) and all(time is not None and time < begin for time in times)


def _errors(resource: Json) -> list[Json]:
    errors = value_at(resource.get("properties") or {}, _ERRORS)
    return [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []


def _error_text(item: Json) -> str:
    component, message = str(item.get("component") or ""), str(item.get("message") or "")
    return redact(f"{component}: {message}" if component else message, _ERROR_LENGTH)


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else None
