"""The state of the simulated Azure and its rules. The neighbouring modules translate."""

import hashlib
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from arcway_local.azure import record
from arcway_local.azure.agent_signal import AgentSignal
from arcway_local.azure.cluster_features import ClusterFeatures
from arcway_local.azure.extensions import Extensions
from arcway_local.azure.flux_configurations import FluxConfigurations
from arcway_local.azure.keys import load_pkcs1
from arcway_local.azure.managed_resources import ManagedResources
from arcway_local.azure.policy_assignments import PolicyAssignments
from arcway_local.azure.provider_types import LOCATIONS
from arcway_local.azure.record import TYPE, Writer
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.source_control import SourceControl
from arcway_local.azure.subscriptions import Subscription, Subscriptions, Touch, now
from arcway_local.azure.transitions import Change, Pace, Paces
from arcway_local.azure.values import written_distribution


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
    resource_id: str = ""


type Version = tuple[str, str, dict[str, Any]]


class World(Subscriptions):
    """Everything the simulated Azure knows."""

    def __init__(self, paces: Paces, touch: Touch) -> None:
        super().__init__(paces, touch)
        self.clusters: dict[str, dict[str, Any]] = {}
        self.signal = AgentSignal()
        self.source_control = SourceControl(touch)
        self.extensions = Extensions(paces, touch, self.signal)
        self.flux = FluxConfigurations(paces, touch, self.signal, self.extensions, self.source_control)
        self.policies = PolicyAssignments(touch)
        self.features = ClusterFeatures(paces, touch)
        self.operations: dict[str, Operation] = {}
        self._open: dict[str, Operation] = {}
        self.secrets: dict[str, list[Version]] = {}
        self.deleted_secrets: dict[str, list[Version]] = {}
        self.fail_provisioning: dict[str, dict[str, str]] = {}

    def form_of(self, kind: str, key: str) -> Any:
        """The JSON form in which an object is stored; None if it does not exist."""
        if kind == "subscription":
            return self.subscriptions[key].form()
        if kind == "operation":
            operation = self.operations.get(key)
            return {**asdict(operation), "change": None} if operation else None
        if part := self._part_of(kind):
            return part.form_of(kind, key)
        stored: dict[str, dict[str, Any]] = {
            "cluster": self.clusters,
            "secret": self.secrets,
            "deleted-secret": self.deleted_secrets,
            "setting": self.features.settings,
        }
        return stored[kind].get(key)

    def restore(self, kind: str, key: str, form: Any) -> None:
        """Restore what `form_of` returned; an operation in progress starts again."""
        if kind == "subscription":
            self.subscriptions[key] = Subscription.restore(form, self.paces)
        elif kind == "operation":
            pace = self.paces.deletion if form["kind"] == "delete" else self.paces.provisioning
            operation = self.operations[key] = Operation(**{**form, "change": Change(pace)})
            if operation.ended is None:
                self._open[operation.key] = operation
        elif kind == "cluster":
            self.clusters[key] = form
        elif part := self._part_of(kind):
            part.restore(kind, key, form)
        elif kind == "setting":
            self.features.settings[key] = form
        elif kind in ("secret", "deleted-secret"):
            vault = self.secrets if kind == "secret" else self.deleted_secrets
            vault[key] = [(version, value, about) for version, value, about in form]

    def _part_of(self, kind: str) -> ManagedResources | SourceControl | PolicyAssignments | None:
        """The part that stores objects of this kind in a form of its own."""
        parts = (self.extensions, self.flux, self.source_control, self.policies)
        return next((part for part in parts if part.stores(kind)), None)

    # --- connected clusters ----------------------------------------------------------------------------------------

    def put_cluster(
        self, subscription_id: str, group: str, name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], Operation, bool]:
        """Create or replace a connected cluster; returns the resource, the operation, and whether it is new."""
        if self._provider(subscription_id, "Microsoft.Kubernetes").state != "Registered":
            message = "The subscription is not registered to use namespace 'Microsoft.Kubernetes'."
            raise Refusal(409, "MissingSubscriptionRegistration", message)
        group_id = self.group(subscription_id, group)["id"]
        location = str(body.get("location", "")).replace(" ", "").lower()
        if location not in {item.replace(" ", "").lower() for item in LOCATIONS}:
            message = f"The provided location '{location}' is not available for resource type '{TYPE}'."
            raise Refusal(400, "LocationNotAvailableForResourceType", message)
        resource_id = f"{group_id}/providers/Microsoft.Kubernetes/connectedClusters/{name}"
        self._settle(resource_id.lower())
        existing = self.clusters.get(resource_id.lower())
        if existing and existing["location"] != location:
            message = f"The resource '{name}' already exists in location '{existing['location']}'."
            raise Refusal(409, "InvalidResourceLocation", message)
        record.checked_properties(body)
        if existing and existing["properties"].get("provisioningState") == "Deleting":
            raise Refusal(409, "Conflict", f"The resource '{name}' is being deleted. Try again when it is gone.")
        cluster = existing or record.new_record(resource_id, name, location, self.tenant, writer)
        earlier = cluster["properties"]
        record.replace(cluster, body, writer)
        self.features.written(cluster, earlier)
        self.clusters[resource_id.lower()] = cluster
        self.touch("cluster", resource_id.lower())
        return cluster, self._start(resource_id.lower(), "write", self.paces.provisioning), existing is None

    def cluster(self, subscription_id: str, group: str, name: str) -> dict[str, Any]:
        """The connected cluster. Raises `Refusal` 404 ResourceNotFound."""
        group_id = self.group(subscription_id, group)["id"]
        key = f"{group_id}/providers/{TYPE}/{name}".lower()
        self._settle(key)
        record = self.clusters.get(key)
        if record is None:
            message = f"The Resource '{TYPE}/{name}' under resource group '{group}' was not found."
            raise Refusal(404, "ResourceNotFound", message)
        return record

    def patch_cluster(self, cluster: dict[str, Any], body: dict[str, Any], writer: Writer) -> dict[str, Any]:
        """Change tags and the few properties that may change without a PUT."""
        self.touch("cluster", cluster["id"].lower())
        record.patch(cluster, body, writer)
        return cluster

    def start_patch(self, cluster: dict[str, Any]) -> Operation:
        """Start an operation for a change that has already taken effect, for clients that have to follow one."""
        return self._start(cluster["id"].lower(), "patch", self.paces.provisioning)

    def delete_cluster(self, cluster: dict[str, Any]) -> Operation:
        """Start deleting; what is below the connected cluster is gone at once, whatever its agents do."""
        cluster["properties"]["provisioningState"] = "Deleting"
        self._forget_children(cluster["id"].lower())
        return self._start(cluster["id"].lower(), "delete", self.paces.deletion)

    def clusters_in(self, subscription_id: str, group: str | None) -> list[dict[str, Any]]:
        """All connected clusters of a subscription or a group, by id."""
        prefix = self.group(subscription_id, group)["id"] if group else f"/subscriptions/{subscription_id}"
        keys = [key for key in sorted(self.clusters) if key.startswith(f"{prefix.lower()}/")]
        for key in keys:
            self._settle(key)
        return [self.clusters[key] for key in keys if key in self.clusters]

    def empty_group(self, group_id: str) -> None:
        """Remove the connected clusters of a group, with what is below them."""
        for key in [key for key in self.clusters if key.startswith(f"{group_id.lower()}/")]:
            del self.clusters[key]
            self._open.pop(key, None)
            self.touch("cluster", key)
            self._forget_children(key)
        self._forget_children(group_id.lower())

    def _forget_children(self, scope: str) -> None:
        """Forget what is below a connected cluster or a group, so that the next of this name starts without."""
        for part in (self.extensions, self.flux, self.source_control, self.policies):
            part.forget_below(scope)
        self.features.forget_cluster(scope)

    def look_at_operation(self, operation_id: str) -> Operation:
        """Count a read of the operation. Raises `Refusal` 404."""
        operation = self.operations.get(operation_id)
        if operation is None:
            raise Refusal(404, "ResourceNotFound", f"Operation {operation_id} was not found.")
        self._advance(operation)
        return operation

    def _start(self, key: str, kind: str, pace: Pace) -> Operation:
        unique = uuid.uuid4()
        operation_id = f"{unique}*{hashlib.sha256(unique.bytes).hexdigest().upper()}"
        operation = Operation(operation_id, key, kind, Change(pace), now(), resource_id=self.clusters[key]["id"])
        self.operations[operation_id] = self._open[key] = operation
        self.touch("operation", operation_id)
        self.touch("cluster", key)
        return operation

    def _settle(self, key: str) -> None:
        """A read of the resource moves its operation on, too."""
        if operation := self._open.get(key):
            self._advance(operation)
        if cluster := self.clusters.get(key):
            self.features.settle(cluster)

    def _advance(self, operation: Operation) -> None:
        if operation.ended is not None or not operation.change.look():
            return
        operation.ended = now()
        self.touch("operation", operation.id)
        self.touch("cluster", operation.key)
        if self._open.get(operation.key) is operation:
            del self._open[operation.key]
        cluster = self.clusters.get(operation.key)
        if operation.kind == "delete":
            self.clusters.pop(operation.key, None)
            self._forget_children(operation.key)
            operation.status = "Succeeded"
        elif error := self.fail_provisioning.pop(operation.key, None):
            operation.status, operation.error = "Failed", error
        else:
            operation.status = "Succeeded"
        if cluster and operation.kind == "write":
            properties = cluster["properties"]
            properties["provisioningState"] = operation.status
            if properties.get("distribution"):
                properties["distribution"] = written_distribution(properties["distribution"])

    # --- what the Arc service does when agents speak -----------------------------------------------------------------

    def public_key_of(self, resource_id: str) -> RSAPublicKey | None:
        """The public key of a provisioned connected cluster; None when there is none."""
        cluster = self.clusters.get(resource_id.lower())
        if cluster is None or cluster["properties"]["provisioningState"] != "Succeeded":
            return None
        return load_pkcs1(cluster["properties"]["agentPublicKeyCertificate"])

    def public_key_text(self, resource_id: str) -> str:
        """The public key as it was put; empty when there is no such connected cluster."""
        cluster = self.clusters.get(resource_id.lower())
        return str(cluster["properties"]["agentPublicKeyCertificate"]) if cluster else ""

    def is_deleting(self, cluster_key: str) -> bool:
        """Whether there is such a connected cluster, and it is being deleted."""
        cluster = self.clusters.get(cluster_key)
        return cluster is not None and cluster["properties"].get("provisioningState") == "Deleting"

    def set_properties(self, resource_id: str, properties: dict[str, Any], gone: Pace | None = None) -> None:
        """Set properties that only the service writes; with `gone`, the record is removed at that pace.

        Raises `Refusal` 404.
        """
        cluster = self.clusters.get(resource_id.lower())
        if cluster is None:
            raise Refusal(404, "ResourceNotFound", f"There is no connected cluster {resource_id}.")
        self.touch("cluster", resource_id.lower())
        cluster["properties"].update(properties)
        record.sign(cluster, record.SERVICE)
        if gone is not None:
            self._start(resource_id.lower(), "delete", gone)

    def report(self, resource_id: str, metadata: dict[str, Any], *, expires: datetime | None) -> bool:
        """A heartbeat of the cluster's agents; returns whether the service counts it as Connected."""
        cluster = self.clusters.get(resource_id.lower())
        if cluster is None or cluster["properties"]["provisioningState"] == "Deleting":
            return False
        if cluster["properties"]["connectivityStatus"] == "Expired":
            return False
        properties = cluster["properties"]
        self.touch("cluster", resource_id.lower())
        properties["connectivityStatus"] = "Connected"
        properties["lastConnectivityTime"] = now()
        properties.update({**metadata, "distribution": written_distribution(str(metadata.get("distribution") or ""))})
        record.sign(cluster, record.SERVICE)
        if expires:
            properties["managedIdentityCertificateExpirationTime"] = expires.isoformat().replace("+00:00", "Z")
        return True
