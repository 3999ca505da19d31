"""The state of the simulated Azure and its rules. Must not know HTTP: the neighbouring modules translate."""

import base64
import binascii
import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

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
_TYPE = "Microsoft.Kubernetes/connectedClusters"
_KEY_EXPIRY = timedelta(days=90)


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
class Operation:
    """One long-running operation on a connected cluster."""

    id: str
    key: str
    kind: str
    change: Change
    started: str
    status: str = "Accepted"
    ended: str | None = None
    error: dict[str, str] | None = None


@dataclass(slots=True)
class Subscription:
    """One subscription and what is in it; names are keys in lower case."""

    id: str
    providers: dict[str, Provider] = field(default_factory=lambda: {key: Provider() for key in PROVIDERS})
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: list[str] = field(default_factory=lambda: ["*"])
    not_actions: list[str] = field(default_factory=list)


def now() -> str:
    """The time as Resource Manager writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class World:
    """Everything the simulated Azure knows."""

    def __init__(self, paces: Paces) -> None:
        self.paces = paces
        self.tenant = TENANT
        self.subscriptions = {SUBSCRIPTION: Subscription(SUBSCRIPTION)}
        self.clusters: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, Operation] = {}
        self._open: dict[str, Operation] = {}
        self.secrets: dict[str, list[tuple[str, str]]] = {}
        self.fail_provisioning: dict[str, dict[str, str]] = {}

    # --- subscriptions ---------------------------------------------------------------------------------------------

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
        groups[name.lower()] = {
            "id": existing["id"] if existing else f"/subscriptions/{subscription_id}/resourceGroups/{name}",
            "name": existing["name"] if existing else name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "tags": tags,
            "properties": {"provisioningState": "Succeeded"},
        }
        return groups[name.lower()], existing is None

    # --- connected clusters ----------------------------------------------------------------------------------------

    def put_cluster(
        self, subscription_id: str, group: str, name: str, body: dict[str, Any]
    ) -> tuple[dict[str, Any], Operation, bool]:
        """Create or replace a connected cluster: the resource, the operation to follow, whether it is new."""
        if self._provider(subscription_id, "Microsoft.Kubernetes").state != "Registered":
            text = "The subscription is not registered to use namespace 'Microsoft.Kubernetes'."
            raise Refusal(409, "MissingSubscriptionRegistration", text)
        group_id = self.group(subscription_id, group)["id"]
        location = str(body.get("location", "")).replace(" ", "").lower()
        if location not in {item.replace(" ", "").lower() for item in LOCATIONS}:
            text = f"The provided location '{location}' is not available for resource type '{_TYPE}'."
            raise Refusal(400, "LocationNotAvailableForResourceType", text)
        resource_id = f"{group_id}/providers/Microsoft.Kubernetes/connectedClusters/{name}"
        existing = self.clusters.get(resource_id.lower())
        if existing and existing["location"] != location:
            text = f"The resource '{name}' already exists in location '{existing['location']}'."
            raise Refusal(409, "InvalidResourceLocation", text)
        properties = _checked_properties(body)
        cluster = existing or self._new_cluster(resource_id, name, location)
        if cluster["properties"].get("agentPublicKeyCertificate") != properties["agentPublicKeyCertificate"]:
            cluster["properties"]["connectivityStatus"] = "Connecting"
        cluster["tags"] = body.get("tags") or {}
        cluster["properties"].update(properties)
        cluster["properties"]["provisioningState"] = "Accepted"
        cluster["systemData"]["lastModifiedAt"] = now()
        self.clusters[resource_id.lower()] = cluster
        return cluster, self._start(resource_id.lower(), "write", location), existing is None

    def cluster(self, subscription_id: str, group: str, name: str) -> dict[str, Any]:
        """The connected cluster. Raises `Refusal` 404 ResourceNotFound."""
        group_id = self.group(subscription_id, group)["id"]
        found = self.clusters.get(f"{group_id}/providers/Microsoft.Kubernetes/connectedClusters/{name}".lower())
        if found is None:
            text = f"The Resource '{_TYPE}/{name}' under resource group '{group}' was not found."
            raise Refusal(404, "ResourceNotFound", text)
        self._settle(found["id"].lower())
        return found

    def patch_cluster(self, cluster: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Change tags and the few properties that may change without a PUT."""
        if "tags" in body:
            cluster["tags"] = body["tags"] or {}
        allowed = {"distribution", "distributionVersion", "azureHybridBenefit"}
        cluster["properties"].update({k: v for k, v in (body.get("properties") or {}).items() if k in allowed})
        return cluster

    def delete_cluster(self, cluster: dict[str, Any]) -> Operation:
        """Start deleting."""
        cluster["properties"]["provisioningState"] = "Deleting"
        return self._start(cluster["id"].lower(), "delete", cluster["location"])

    def clusters_in(self, subscription_id: str, group: str | None) -> list[dict[str, Any]]:
        """All connected clusters of a subscription or a group, by id."""
        prefix = self.group(subscription_id, group)["id"] if group else f"/subscriptions/{subscription_id}"
        keys = [key for key in sorted(self.clusters) if key.startswith(f"{prefix.lower()}/")]
        for key in keys:
            self._settle(key)
        return [self.clusters[key] for key in keys if key in self.clusters]

    def look_at_operation(self, operation_id: str) -> Operation:
        """Count a read of the operation. Raises `Refusal` 404."""
        operation = self.operations.get(operation_id)
        if operation is None:
            raise Refusal(404, "ResourceNotFound", f"Operation {operation_id} was not found.")
        self._advance(operation)
        return operation

    def _new_cluster(self, resource_id: str, name: str, location: str) -> dict[str, Any]:
        return {
            "id": resource_id,
            "name": name,
            "type": "microsoft.kubernetes/connectedclusters",
            "location": location,
            "identity": {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": self.tenant},
            "systemData": {"createdAt": now(), "createdByType": "Application"},
            "properties": {
                "connectivityStatus": "Connecting",
                "privateLinkState": "Disabled",
                "azureHybridBenefit": "NotApplicable",
            },
        }

    def _start(self, key: str, kind: str, location: str) -> Operation:
        pace = self.paces.deletion if kind == "delete" else self.paces.provisioning
        unique = uuid.uuid4()
        operation_id = f"{unique}*{hashlib.sha256(unique.bytes).hexdigest().upper()}"
        operation = Operation(operation_id, key, kind, Change(pace), now())
        self.operations[operation_id] = self._open[key] = operation
        return operation

    def _settle(self, key: str) -> None:
        """A read of the resource moves its operation on, too."""
        if operation := self._open.get(key):
            self._advance(operation)

    def _advance(self, operation: Operation) -> None:
        if operation.ended is not None or not operation.change.look():
            return
        operation.ended = now()
        if self._open.get(operation.key) is operation:
            del self._open[operation.key]
        cluster = self.clusters.get(operation.key)
        if operation.kind == "delete":
            self.clusters.pop(operation.key, None)
            operation.status = "Succeeded"
        elif error := self.fail_provisioning.pop(operation.key, None):
            operation.status, operation.error = "Failed", error
        else:
            operation.status = "Succeeded"
        if cluster and operation.kind != "delete":
            cluster["properties"]["provisioningState"] = operation.status

    # --- what the Arc service does when agents speak -----------------------------------------------------------------

    def public_key_of(self, resource_id: str) -> RSAPublicKey | None:
        """The public key of a provisioned connected cluster; None when there is none."""
        cluster = self.clusters.get(resource_id.lower())
        if cluster is None or cluster["properties"]["provisioningState"] != "Succeeded":
            return None
        return load_pkcs1(cluster["properties"]["agentPublicKeyCertificate"])

    def report(self, resource_id: str, metadata: dict[str, Any], *, expires: datetime | None) -> bool:
        """A heartbeat of the cluster's agents; returns whether the service counts it as Connected."""
        cluster = self.clusters.get(resource_id.lower())
        if cluster is None or cluster["properties"]["provisioningState"] == "Deleting":
            return False
        properties = cluster["properties"]
        properties["connectivityStatus"] = "Connected"
        properties["lastConnectivityTime"] = now()
        properties.update(metadata)
        if expires:
            properties["managedIdentityCertificateExpirationTime"] = expires.isoformat().replace("+00:00", "Z")
        return True


def certificate_expiry() -> datetime:
    """When an identity certificate issued now ends: 90 days, as the service does."""
    return (datetime.now(UTC) + _KEY_EXPIRY).replace(microsecond=0)


def load_pkcs1(text: str) -> RSAPublicKey:
    """Read the encoding of `agentPublicKeyCertificate`: base64 of PKCS#1 DER. Raises ValueError."""
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not der.startswith(b"\x30\x82") or der[4:5] != b"\x02":
        raise ValueError("not a PKCS#1 RSAPublicKey")
    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def _checked_properties(body: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in (body.get("properties") or {}).items() if key not in _READ_ONLY}
    try:
        load_pkcs1(str(properties.get("agentPublicKeyCertificate", "")))
    except ValueError as error:
        raise Refusal(400, "InvalidAgentPublicKeyCertificate", f"agentPublicKeyCertificate is {error}.") from error
    if (body.get("identity") or {}).get("type") != "SystemAssigned":
        raise Refusal(400, "InvalidIdentity", "identity.type must be SystemAssigned.")
    return properties


_READ_ONLY = {
    "provisioningState",
    "connectivityStatus",
    "kubernetesVersion",
    "totalNodeCount",
    "totalCoreCount",
    "agentVersion",
    "lastConnectivityTime",
    "managedIdentityCertificateExpirationTime",
    "offering",
}
