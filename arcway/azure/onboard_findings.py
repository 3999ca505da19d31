"""What Azure shows against connecting or changing a cluster: subscription, location, resource group and permissions.

One source for the check of a member and for the plan of a whole fleet. How each was read is its callers' concern.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from arcway.azure import connected_clusters, gateway_links
from arcway.azure.providers import UNDER_WAY, may_not_register, register_action
from arcway.azure.subscriptions import is_being_deleted
from arcway.domain import connected_cluster
from arcway.domain.codes import Code
from arcway.domain.findings import finding, not_allowed
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, UpdateRequest

_CLOSED_SUBSCRIPTION = ("disabled", "warned", "deleted", "expired")


def subscription_findings(subscription_id: str, state: str) -> list[Json]:
    """Nothing can be made in a subscription that is disabled or about to be; one that is past due takes everything."""
    message = f"Subscription {subscription_id} is {state}."
    if state.lower() in _CLOSED_SUBSCRIPTION:
        return [finding(Code.SUBSCRIPTION_DISABLED, message)]
    return [] if state.lower() == "enabled" else [finding(Code.SUBSCRIPTION_DISABLED, message, "warning")]


def location_findings(location: str, offered: Iterable[str]) -> list[Json]:
    """A location that Azure Arc is not offered in, with the nearest one that it is."""
    plain = {item.replace(" ", "").lower() for item in offered}
    if location in plain:
        return []
    nearest = difflib.get_close_matches(location, plain, n=1)
    meant = f"; did you mean {nearest[0]}?" if nearest else "."
    locations = ", ".join(sorted(plain))
    message = f"Azure Arc is not available in location {location}{meant} Available locations: {locations}."
    return [finding(Code.LOCATION_NOT_OFFERED, message)]


def group_findings(request: OnboardRequest, group: Mapping[str, Any] | None) -> list[Json]:
    """A resource group that is being deleted, or is missing and not to be created."""
    name = request.resource_group
    if group is not None:
        deleting = finding(Code.RESOURCE_GROUP_DELETING, f"Resource group {name} is being deleted.")
        return [deleting] if is_being_deleted(dict(group)) else []
    missing = finding(Code.RESOURCE_GROUP_NOT_FOUND, f"Resource group {name} does not exist.")
    return [] if request.create_resource_group else [missing]


def state_findings(request: OnboardRequest, resource: Json | None) -> list[Json]:
    """What the connected cluster's own state says against connecting by it, before any agent is installed."""
    if resource is None:
        return []
    if connected_cluster.is_being_deleted(resource):
        message = f"Connected cluster {resource['id']} is being deleted; the run will wait for it."
        return [finding(Code.CONNECTED_CLUSTER_DELETING, message, "info")]
    location = str(resource.get("location") or "").replace(" ", "").lower()
    if location == request.location:
        return []
    return [finding(Code.LOCATION_MISMATCH, f"Connected cluster {resource['id']} is in {location}.")]


def needed_actions(
    request: OnboardRequest | UpdateRequest, states: Mapping[str, str], *, writes: bool = True
) -> tuple[str, ...]:
    """What the caller must be allowed in the resource group; `states` are those of the provider namespaces.

    `writes` says whether the connected cluster will be written.
    """
    uses_gateway = request.features is not None and request.features.gateway_id is not None
    return (
        *(connected_clusters.WRITE_ACTIONS if writes else ()),
        *(gateway_links.WRITE_ACTIONS if uses_gateway else ()),
        *registrations(states),
    )


def registrations(states: Mapping[str, str]) -> tuple[str, ...]:
    """The actions that registering the namespaces takes which are not registered yet."""
    return tuple(register_action(name) for name in _to_ask_for(states))


def permission_findings(subscription_id: str, states: Mapping[str, str], missing: Collection[str]) -> list[Json]:
    """Of the needed actions those that are missing; a registration that is refused in the group is refused in the
    subscription, too.
    """
    by_action = {register_action(name): name for name in _to_ask_for(states)}
    findings: list[Json] = []
    for action in missing:
        if action in by_action:
            refused = may_not_register(subscription_id, by_action[action])
            findings.append({**finding(refused.code, refused.message), "remedy": refused.remedy})
        else:
            findings += not_allowed([action])
    return findings


def _to_ask_for(states: Mapping[str, str]) -> list[str]:
    return [name for name, state in states.items() if state not in UNDER_WAY]
