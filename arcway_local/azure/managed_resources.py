"""Resources below a connected cluster that its agents act on: records, long-running operations, what agents report.

An operation ends when the cluster's agents have reported and its pace is over; without agents it never does. A
deletion with force needs no agents; they remove later what is in the cluster.
"""

import secrets
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from arcway_local.azure.agent_signal import AgentSignal
from arcway_local.azure.record import Writer
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Touch
from arcway_local.azure.transitions import Change, Pace, Paces


@dataclass(slots=True)
class ManagedOperation:
    """One long-running operation; `report` is what the agents reported of it."""

    id: str
    key: str
    status: str
    change: Change
    signature: dict[str, str]
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ("Succeeded", "Failed", "Canceled")


@dataclass(slots=True)
class ManagedResource:
    """One resource: what a GET shows, its protected settings, its last operation, what agents observed since."""

    record: dict[str, Any]
    protected: dict[str, str] = field(default_factory=dict)
    operation: str = ""
    observed: dict[str, Any] | None = None


class ManagedResources(ABC):
    """All resources of one type by id in lower case. `orders` are the failures that the test controls ask for."""

    TYPE: ClassVar[str]
    NOUN: ClassVar[str]
    """How messages name one."""
    STORED: ClassVar[str]
    """The kind under which one is stored."""

    def __init__(self, paces: Paces, touch: Touch, signal: AgentSignal) -> None:
        self._paces = paces
        self._touch = touch
        self._signal = signal
        self._resources: dict[str, ManagedResource] = {}
        self._operations: dict[str, ManagedOperation] = {}
        self.orders: dict[str, dict[str, Any]] = {}

    # --- what each type decides ---------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _pace(self) -> Pace:
        """How long an operation takes."""

    @abstractmethod
    def _replaced(
        self, existing: dict[str, Any] | None, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The record that a PUT leaves, and its protected settings. Raises `Refusal` 400."""

    @abstractmethod
    def _patched(
        self, existing: ManagedResource, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The record that a PATCH leaves, and its protected settings. Raises `Refusal` 400."""

    @abstractmethod
    def _started(self, state: str) -> dict[str, Any]:
        """The properties that the service sets when an operation starts."""

    @abstractmethod
    def _settle(self, resource: ManagedResource, operation: ManagedOperation, report: dict[str, Any]) -> None:
        """Write what the agents reported of an operation that is over; the state is set already."""

    @abstractmethod
    def _desired(self, key: str, resource: ManagedResource) -> dict[str, Any]:
        """What the agents should make of the resource."""

    def _is_complete(self, operation: ManagedOperation) -> bool:
        """Whether an operation that the agents have reported may end; counts a read."""
        return operation.change.look()

    def _refresh(self, key: str) -> None:
        """A read of the resource moves its operation on, too."""
        if resource := self._resources.get(key):
            self._advance(self._operations.get(resource.operation))

    # --- stored forms -------------------------------------------------------------------------------------------------

    def stores(self, kind: str) -> bool:
        """Whether objects of this stored kind are its resources or operations."""
        return kind in (self.STORED, f"{self.STORED}-operation")

    def form_of(self, kind: str, key: str) -> Any:
        """The JSON form in which a resource or an operation is stored; None if it does not exist."""
        stored = (self._resources if kind == self.STORED else self._operations).get(key)
        if stored is None:
            return None
        return {**asdict(stored), "change": None} if isinstance(stored, ManagedOperation) else asdict(stored)

    def restore(self, kind: str, key: str, form: Any) -> None:
        """Restore what `form_of` returned; the pace of an operation in progress starts again."""
        if kind == self.STORED:
            self._resources[key] = ManagedResource(**form)
        else:
            self._operations[key] = ManagedOperation(**{**form, "change": Change(self._pace)})

    # --- what clients do ----------------------------------------------------------------------------------------------

    def get(self, cluster_id: str, name: str) -> ManagedResource:
        """The resource; a read moves its operation on. Raises `Refusal` 404 ResourceNotFound."""
        key = self._key(cluster_id, name)
        self._refresh(key)
        if key not in self._resources:
            raise self._missing(name)
        return self._resources[key]

    def in_cluster(self, cluster_id: str) -> list[ManagedResource]:
        """The resources of a connected cluster, by name."""
        prefix = f"{cluster_id}/".lower()
        keys = [key for key in sorted(self._resources) if key.startswith(prefix)]
        for key in keys:
            self._refresh(key)
        return [self._resources[key] for key in keys if key in self._resources]

    def put(
        self, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[ManagedResource, ManagedOperation, bool]:
        """Create or replace; returns the resource, the operation, and whether it is new. Raises `Refusal`."""
        existing = self._writable(cluster, name)
        record, protected = self._replaced(existing.record if existing else None, cluster, name, body, writer)
        state = "Updating" if existing else "Creating"
        return *self._write(record, protected, state), existing is None

    def patch(
        self, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[ManagedResource, ManagedOperation]:
        """Change the resource. Raises `Refusal`, 404 ResourceNotFound among others."""
        self.get(cluster["id"], name)
        existing = self._writable(cluster, name)
        if existing is None:
            raise self._missing(name)
        record, protected = self._patched(existing, body, writer)
        return self._write(record, protected, "Updating")

    def delete(self, cluster: dict[str, Any], name: str, *, force: bool) -> ManagedOperation | None:
        """Start deleting; None when the record is gone at once. Raises `Refusal` 404 ResourceNotFound."""
        resource = self.get(cluster["id"], name)
        if force:
            self.remove([self._key(cluster["id"], name)])
            return None
        return self._write(resource.record, resource.protected, "Deleting")[1]

    def operation(self, operation_id: str, query: dict[str, str]) -> ManagedOperation:
        """Count a read of the operation; `query` must have its signature. Raises `Refusal` 404 or 403."""
        operation = self._operations.get(operation_id.lower())
        if operation is None:
            raise Refusal(404, "ResourceNotFound", f"Operation {operation_id} was not found.", by_service=True)
        if any(query.get(name) != value for name, value in operation.signature.items()):
            raise Refusal(403, "InvalidSignature", "The signature of the operation's URL is invalid.", by_service=True)
        self._advance(operation)
        return operation

    def forget_below(self, scope: str) -> None:
        """Remove what is below a scope, in lower case, that is deleted; what it is in clusters stays there."""
        self.remove([key for key in self._resources if key.startswith(f"{scope}/")], notify=False)

    def remove(self, keys: Iterable[str], *, notify: bool = True) -> None:
        """Remove records at once; with `notify` the agents learn of it."""
        for key in keys:
            resource = self._resources.pop(key, None)
            if resource is None:
                continue
            self._touch(self.STORED, key)
            self._cancel(resource)
            if notify:
                self._signal.notify(key)

    def set_properties(self, key: str, properties: dict[str, Any]) -> None:
        """Set properties that only the service writes. Raises `Refusal` 404."""
        if key not in self._resources:
            raise Refusal(404, "ResourceNotFound", f"There is no {self.NOUN} {key}.")
        self._resources[key].record["properties"].update(properties)
        self._touch(self.STORED, key)
        self._signal.notify(key)

    # --- what agents do -----------------------------------------------------------------------------------------------

    def desired(self, cluster_key: str) -> list[dict[str, Any]]:
        """What the agents of a cluster should make of each resource."""
        prefix = f"{cluster_key}/"
        return [self._desired(key, item) for key, item in sorted(self._resources.items()) if key.startswith(prefix)]

    def report(self, cluster_key: str, report: dict[str, Any]) -> None:
        """Take what the agents report of an operation; of one that is over or unknown it counts for nothing."""
        operation = self._operations.get(str(report.get("operationId")))
        if operation and operation.key.startswith(f"{cluster_key}/") and not operation.ended:
            operation.report = report
            self._touch(f"{self.STORED}-operation", operation.id)
            if operation.change.pace.reads == 0:
                self._advance(operation)

    # --- operations ---------------------------------------------------------------------------------------------------

    def _writable(self, cluster: dict[str, Any], name: str) -> ManagedResource | None:
        if cluster["properties"].get("provisioningState") == "Deleting":
            message = f"The connected cluster '{cluster['name']}' is being deleted."
            raise Refusal(409, "Conflict", message, by_service=True)
        key = self._key(cluster["id"], name)
        self._refresh(key)
        existing = self._resources.get(key)
        if existing and existing.record["properties"]["provisioningState"] == "Deleting":
            raise Refusal(409, "Conflict", f"The {self.NOUN} '{name}' is being deleted.", by_service=True)
        return existing

    def _write(
        self, record: dict[str, Any], protected: dict[str, str], state: str
    ) -> tuple[ManagedResource, ManagedOperation]:
        key = record["id"].lower()
        if key in self._resources:
            self._cancel(self._resources[key])
        signature = {"t": str(time.time_ns()), "c": "MIIH", "s": secrets.token_urlsafe(48), "h": secrets.token_hex(16)}
        operation = ManagedOperation(str(uuid.uuid4()), key, state, Change(self._pace), signature)
        record["properties"] = {**record["properties"], **self._started(state), "provisioningState": state}
        resource = self._resources[key] = ManagedResource(record, protected, operation.id)
        self._operations[operation.id] = operation
        self._touch(f"{self.STORED}-operation", operation.id)
        self._touch(self.STORED, key)
        self._signal.notify(key)
        return resource, operation

    def _cancel(self, resource: ManagedResource) -> None:
        operation = self._operations.get(resource.operation)
        if operation and not operation.ended:
            operation.status = "Canceled"
            self._touch(f"{self.STORED}-operation", operation.id)

    def _advance(self, operation: ManagedOperation | None) -> None:
        if operation is None or operation.ended:
            return
        is_complete = self._is_complete(operation)
        if operation.report is None or not is_complete:
            return
        report, resource = operation.report, self._resources[operation.key]
        self._touch(f"{self.STORED}-operation", operation.id)
        self._touch(self.STORED, operation.key)
        self._signal.notify(operation.key)
        if operation.status == "Deleting" and report["status"] == "Succeeded":
            del self._resources[operation.key]
            operation.status = "Succeeded"
            return
        operation.status = resource.record["properties"]["provisioningState"] = report["status"]
        self._settle(resource, operation, report)

    def _key(self, cluster_id: str, name: str) -> str:
        return f"{cluster_id}/providers/{self.TYPE}/{name}".lower()

    def _missing(self, name: str) -> Refusal:
        return Refusal(404, "ResourceNotFound", f"The Resource '{self.TYPE}/{name}' was not found.", by_service=True)
