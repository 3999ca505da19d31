"""Subscriptions of the simulated Azure: provider namespaces, resource groups, what callers may do. No HTTP here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from arcway.local.azure.transitions import Change, Paces

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
LOCATIONS = [
    "East US",
    "West Europe",
    "West Central US",
    "South Central US",
    "Southeast Asia",
    "UK South",
    "East US 2",
    "West US 2",
    "Australia East",
    "North Europe",
    "France Central",
    "Central US",
    "West US",
    "North Central US",
    "Korea Central",
    "Japan East",
    "East Asia",
    "West US 3",
    "Canada Central",
    "Sweden Central",
    "Brazil South",
]
PROVIDERS = {
    "microsoft.kubernetes": ("Microsoft.Kubernetes", "connectedClusters"),
    "microsoft.kubernetesconfiguration": ("Microsoft.KubernetesConfiguration", "sourceControlConfigurations"),
    "microsoft.extendedlocation": ("Microsoft.ExtendedLocation", "customLocations"),
    "microsoft.hybridcompute": ("Microsoft.HybridCompute", "machines"),
}


type Touch = Callable[[str, str], None]


class Refusal(Exception):
    """What Resource Manager answers instead of doing it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


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

    def form(self) -> dict[str, Any]:
        """The JSON form that is kept."""
        states = {name: provider.state for name, provider in self.providers.items()}
        kept = {"providers": states, "groups": self.groups, "actions": self.actions, "notActions": self.not_actions}
        return {"id": self.id, **kept}

    @classmethod
    def restore(cls, form: dict[str, Any], paces: Paces) -> "Subscription":
        """Rebuild what `form` gave; a registration under way begins anew."""
        providers = {
            name: Provider(state, Change(paces.registration) if state == "Registering" else None)
            for name, state in form["providers"].items()
        }
        return cls(form["id"], providers, form["groups"], form["actions"], form["notActions"])


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

    def subscription(self, subscription_id: str) -> Subscription:
        """The subscription. Raises `Refusal` 404 SubscriptionNotFound."""
        found = self.subscriptions.get(subscription_id.lower())
        if found is None:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
        return found

    def provider(self, subscription_id: str, namespace: str) -> dict[str, Any]:
        """The provider namespace as a GET shows it. Raises `Refusal` 404 InvalidResourceNamespace."""
        provider = self._provider(subscription_id, namespace)
        if provider.state == "Registering" and provider.change and provider.change.look():
            provider.state, provider.change = "Registered", None
            self.touch("subscription", subscription_id.lower())
        name, kind = PROVIDERS[namespace.lower()]
        return {
            "id": f"/subscriptions/{subscription_id}/providers/{name}",
            "namespace": name,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": provider.state,
            "resourceTypes": [
                {
                    "resourceType": kind,
                    "locations": LOCATIONS,
                    "apiVersions": ["2026-05-01", "2024-01-01"],
                    "capabilities": "SystemAssignedResourceIdentity, SupportsTags, SupportsLocation",
                },
                {"resourceType": "operations", "locations": [], "apiVersions": ["2024-01-01"]},
            ],
        }

    def register(self, subscription_id: str, namespace: str) -> dict[str, Any]:
        """Start registration; harmless when it is under way or over."""
        provider = self._provider(subscription_id, namespace)
        if provider.state == "NotRegistered":
            provider.state, provider.change = "Registering", Change(self.paces.registration)
            self.touch("subscription", subscription_id.lower())
        name, kind = PROVIDERS[namespace.lower()]
        return {"namespace": name, "registrationState": provider.state, "resourceTypes": [{"resourceType": kind}]}

    def _provider(self, subscription_id: str, namespace: str) -> Provider:
        found = self.subscription(subscription_id).providers.get(namespace.lower())
        if found is None:
            raise Refusal(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        return found

    def group(self, subscription_id: str, name: str) -> dict[str, Any]:
        """The resource group. Raises `Refusal` 404 ResourceGroupNotFound."""
        found = self.subscription(subscription_id).groups.get(name.lower())
        if found is None:
            raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return found

    def put_group(
        self, subscription_id: str, name: str, location: str, tags: dict[str, str]
    ) -> tuple[dict[str, Any], bool]:
        """Create or update a resource group; also tells whether it is new."""
        groups = self.subscription(subscription_id).groups
        existing = groups.get(name.lower())
        if existing and existing["location"] != location:
            text = f"Invalid resource group location '{location}'. The group exists in '{existing['location']}'."
            raise Refusal(409, "InvalidResourceGroupLocation", text)
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
