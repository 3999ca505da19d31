"""What Arcway needs to know of a subscription: its tenant, its resource groups, what the caller may do there."""

from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

_SUBSCRIPTIONS_API = "2022-12-01"
_PERMISSIONS_API = "2022-04-01"
_MOST_PAGES = 100
_ENABLED = "Enabled"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as Resource Manager shows it."""

    tenant_id: str
    """The tenant that it trusts."""
    state: str
    """Enabled, Warned, PastDue, Disabled, Deleted: https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states."""


def subscription(azure: AzureClients, subscription_id: str, *, shared: bool = False) -> Subscription:
    """Read the subscription; with `shared` a good answer of the last minute will do, as below.

    Raises `ArcError` ARC-4003 if it does not exist or is not visible.
    """
    return azure.constants.read(
        (subscription_id, "subscription"),
        lambda: _subscription(azure, subscription_id),
        lambda answer: answer.state == _ENABLED,
        shared=shared,
    )


def _subscription(azure: AzureClients, subscription_id: str) -> Subscription:
    body, _ = azure.get(f"/subscriptions/{subscription_id}?api-version={_SUBSCRIPTIONS_API}")
    tenant = body.get("tenantId")
    if not isinstance(tenant, str):
        raise ArcError(Code.AZURE_RESPONSE_INVALID, "The subscription has no tenantId in Azure's response.")
    return Subscription(tenant, str(body.get("state") or _ENABLED))


def resource_group(
    azure: AzureClients, subscription_id: str, name: str, *, shared: bool = False
) -> dict[str, Any] | None:
    """Read the resource group; None if it does not exist."""
    return azure.constants.read(
        (subscription_id, ("group", name.lower())),
        lambda: _resource_group(azure, subscription_id, name),
        lambda group: group is not None and not is_being_deleted(group),
        shared=shared,
    )


def _resource_group(azure: AzureClients, subscription_id: str, name: str) -> dict[str, Any] | None:
    with azure_errors():
        try:
            group: dict[str, Any] = azure.resources(subscription_id).resource_groups.get(name).as_dict()
        except ResourceNotFoundError as error:
            if error.error is not None and error.error.code == "SubscriptionNotFound":
                raise
            return None
    return group


def resource_groups(azure: AzureClients, subscription_id: str) -> dict[str, dict[str, Any]]:
    """The resource groups of the subscription that the caller sees, by name in lower case."""
    with azure_errors():
        pages = azure.resources(subscription_id).resource_groups.list()
        groups: list[dict[str, Any]] = [group.as_dict() for group in pages]
    return {str(group["name"]).lower(): group for group in groups}


def is_being_deleted(group: dict[str, Any]) -> bool:
    """Whether Azure is deleting the resource group; nothing can be created in it any more."""
    properties = group.get("properties") or {}
    state = properties.get("provisioningState") or properties.get("provisioning_state")
    return str(state).lower() == "deleting"


def create_resource_group(
    azure: AzureClients, subscription_id: str, name: str, location: str, tags: dict[str, str]
) -> None:
    """Create the resource group; does nothing if it exists."""
    with azure_errors():
        azure.resources(subscription_id).resource_groups.create_or_update(name, {"location": location, "tags": tags})


def missing_actions(
    azure: AzureClients, subscription_id: str, resource_group: str, actions: tuple[str, ...], *, shared: bool = False
) -> list[str]:
    """Return those of `actions` that Arcway's identity lacks in the resource group.

    Rule: an action is allowed by an assignment whose `actions` match it and whose `notActions` do not
    (https://learn.microsoft.com/azure/role-based-access-control/role-definitions).
    """
    return azure.constants.read(
        (subscription_id, ("actions", resource_group.lower(), actions)),
        lambda: _missing_actions(azure, subscription_id, resource_group, actions),
        lambda missing: not missing,
        shared=shared,
    )


def _missing_actions(
    azure: AzureClients, subscription_id: str, resource_group: str, actions: tuple[str, ...]
) -> list[str]:
    url = (
        f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
        f"/providers/Microsoft.Authorization/permissions?api-version={_PERMISSIONS_API}"
    )
    granted: list[dict[str, list[str]]] = []
    for _ in range(_MOST_PAGES):
        body, _headers = azure.get(url)
        granted += body.get("value", [])
        url = body.get("nextLink") or ""
        if not url:
            break
    return [action for action in actions if not any(_allows(permission, action) for permission in granted)]


def _allows(permission: dict[str, list[str]], action: str) -> bool:
    def matches(patterns: list[str]) -> bool:
        return any(is_match(pattern.lower(), action.lower()) for pattern in patterns)

    return matches(permission.get("actions", [])) and not matches(permission.get("notActions", []))


def is_match(pattern: str, scope: str) -> bool:
    """Whether a text matches a pattern in which `*` stands for any text. The time does not grow with many stars."""
    first, *parts = pattern.split("*")
    if not parts:
        return first == scope
    if not scope.startswith(first) or len(scope) < len(first) + len(parts[-1]) or not scope.endswith(parts[-1]):
        return False
    place, end = len(first), len(scope) - len(parts[-1])
    for part in parts[:-1]:
        place = scope.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
