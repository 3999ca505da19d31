"""Subscriptions of the simulated Azure: provider namespaces, resource groups, what callers may do. No HTTP here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from arcway_local.azure.provider_types import PROVIDERS
from arcway_local.azure.providers import describe
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.transitions import Change, Pace, Paces

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"

type Touch = Callable[[str, str], None]


@dataclass(slots=True)
class Provider:
    """One provider namespace in one subscription."""

    state: str = "NotRegistered"
    change: Change | None = None


@dataclass(slots=True)
class Subscription:
    """One subscription and what is in it; names are keys in lower case."""

    id: str
    providers: dict[str, Provider] = field(default_factory=lambda: {key: Provider() for key in PROVIDERS})
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: list[str] = field(default_factory=lambda: ["*"])
    not_actions: list[str] = field(default_factory=list)
    state: str = "Enabled"

    def form(self) -> dict[str, Any]:
        """The JSON form in which the subscription is stored."""
        states = {name: provider.state for name, provider in self.providers.items()}
        stored = {"providers": states, "groups": self.groups, "actions": self.actions, "notActions": self.not_actions}
        return {"id": self.id, "state": self.state, **stored}

    @classmethod
    def restore(cls, form: dict[str, Any], paces: Paces) -> "Subscription":
        """Restore what `form` returned; a registration in progress starts again."""
        # A state folder of an earlier version has fewer namespaces.
        providers = {name: Provider() for name in PROVIDERS} | {
            name: Provider(state, Change(paces.registration) if state in _MOVES else None)
            for name, state in form["providers"].items()
        }
        state = form.get("state", "Enabled")
        return cls(form["id"], providers, form["groups"], form["actions"], form["notActions"], state)


_MOVES = {"Registering": "Registered", "Unregistering": "Unregistered"}


def now() -> str:
    """The time as Resource Manager writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Subscriptions:
    """All subscriptions of the one tenant."""

    def __init__(self, paces: Paces, touch: Touch) -> None:
        self.paces = paces
        self.touch = touch
        self.tenant = TENANT
        self.subscriptions = {SUBSCRIPTION: Subscription(SUBSCRIPTION)}
        self._leaving: dict[str, Change] = {}

    def subscription(self, subscription_id: str) -> Subscription:
        """The subscription. Raises `Refusal` 404 SubscriptionNotFound."""
        subscription = self.subscriptions.get(subscription_id.lower())
        if subscription is None:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
        return subscription

    def provider(self, subscription_id: str, namespace: str) -> dict[str, Any]:
        """The provider namespace as a GET shows it. Raises `Refusal` 404 InvalidResourceNamespace."""
        provider = self._provider(subscription_id, namespace)
        if provider.state in _MOVES and provider.change and provider.change.look():
            provider.state, provider.change = _MOVES[provider.state], None
            self.touch("subscription", subscription_id.lower())
        return describe(subscription_id, namespace.lower(), provider.state)

    def providers(self, subscription_id: str) -> list[dict[str, Any]]:
        """All provider namespaces of the subscription."""
        return [self.provider(subscription_id, name) for name in self.subscription(subscription_id).providers]

    def register(self, subscription_id: str, namespace: str) -> dict[str, Any]:
        """Start registration; no effect if it is in progress or complete."""
        return self._move(subscription_id, namespace, ("NotRegistered", "Unregistered"), "Registering")

    def unregister(self, subscription_id: str, namespace: str) -> dict[str, Any]:
        """Start to unregister; no effect without a registration."""
        return self._move(subscription_id, namespace, ("Registered",), "Unregistering")

    def _move(
        self, subscription_id: str, namespace: str, previous_states: tuple[str, ...], state: str
    ) -> dict[str, Any]:
        provider = self._provider(subscription_id, namespace)
        if provider.state in previous_states:
            provider.state, provider.change = state, Change(self.paces.registration)
            self.touch("subscription", subscription_id.lower())
        return describe(subscription_id, namespace.lower(), provider.state)

    def _provider(self, subscription_id: str, namespace: str) -> Provider:
        provider = self.subscription(subscription_id).providers.get(namespace.lower())
        if provider is None:
            raise Refusal(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        return provider

    def set_provider(self, subscription_id: str, namespace: str, state: str) -> None:
        """Set the state of a namespace; Registering and Unregistering complete at their pace."""
        provider = self._provider(subscription_id, namespace)
        provider.state, provider.change = state, Change(self.paces.registration) if state in _MOVES else None
        self.touch("subscription", subscription_id.lower())

    def group(self, subscription_id: str, name: str) -> dict[str, Any]:
        """The resource group. Raises `Refusal` 404 ResourceGroupNotFound."""
        groups = self.subscription(subscription_id).groups
        group = groups.get(name.lower())
        if group and (leaving := self._leaving.get(group["id"].lower())) and leaving.look():
            del self._leaving[group["id"].lower()]
            self.empty_group(group["id"])
            self.touch("subscription", subscription_id.lower())
            group = groups.pop(name.lower(), None) and None
        if group is None:
            raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return group

    def delete_group(self, subscription_id: str, name: str, gone: Pace | None) -> None:
        """Start to delete the group and its resources; without `gone` it stays Deleting."""
        group = self.group(subscription_id, name)
        group["properties"]["provisioningState"] = "Deleting"
        self.touch("subscription", subscription_id.lower())
        if gone is not None:
            self._leaving[group["id"].lower()] = Change(gone)

    def empty_group(self, group_id: str) -> None:
        """Called when a group is deleted; the subclass that stores resources removes those of the group."""

    def put_group(
        self, subscription_id: str, name: str, location: str, tags: dict[str, str]
    ) -> tuple[dict[str, Any], bool]:
        """Create or update a resource group; returns it and whether it is new."""
        groups = self.subscription(subscription_id).groups
        existing = groups.get(name.lower())
        if existing and existing["location"] != location:
            message = f"Invalid resource group location '{location}'. The group exists in '{existing['location']}'."
            raise Refusal(409, "InvalidResourceGroupLocation", message)
        self.touch("subscription", subscription_id.lower())
        groups[name.lower()] = {
            "id": existing["id"] if existing else f"/subscriptions/{subscription_id}/resourceGroups/{name}",
            "name": existing["name"] if existing else name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "tags": tags,
            "properties": {"provisioningState": "Succeeded"},
        }
        return groups[name.lower()], existing is None
