"""The extensions of connected clusters, their operations, and what the agents are to do about them.

An operation ends when the cluster's agents have reported and the pace of extensions is over; without agents it never
does. A deletion with force needs no agents; they remove the release later.
"""

import asyncio
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from arcway_local.azure import extension_record
from arcway_local.azure.extension_record import TYPE
from arcway_local.azure.extension_types import EXTENSION_TYPES
from arcway_local.azure.record import Writer
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Touch, now
from arcway_local.azure.transitions import Change, Paces

_UNRESOLVED = "Failed to resolve the extension version from the given values."


@dataclass(slots=True)
class ExtensionOperation:
    """One long-running operation on an extension; `report` is what the agents said of it."""

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
class Extension:
    """One extension: what a GET shows, its protected settings, and its last operation."""

    record: dict[str, Any]
    protected: dict[str, str] = field(default_factory=dict)
    operation: str = ""


class Extensions:
    """All extensions by resource id in lower case. `orders` are the failures that the test controls ask for."""

    def __init__(self, paces: Paces, touch: Touch) -> None:
        self._paces = paces
        self._touch = touch
        self._known: dict[str, Extension] = {}
        self._operations: dict[str, ExtensionOperation] = {}
        # Never the number of an earlier process: agents that outlive it have to read again.
        self._first_revision = time.time_ns()
        self._revisions: dict[str, int] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.orders: dict[str, dict[str, Any]] = {}

    # --- stored forms -------------------------------------------------------------------------------------------------

    def form_of(self, kind: str, key: str) -> Any:
        """The JSON form in which an extension or an operation is stored; None if it does not exist."""
        stored = (self._known if kind == "extension" else self._operations).get(key)
        if stored is None:
            return None
        return {**asdict(stored), "change": None} if isinstance(stored, ExtensionOperation) else asdict(stored)

    def restore(self, kind: str, key: str, form: Any) -> None:
        """Restore what `form_of` returned; the pace of an operation in progress starts again."""
        if kind == "extension":
            self._known[key] = Extension(**form)
        else:
            self._operations[key] = ExtensionOperation(**{**form, "change": Change(self._paces.extension)})

    # --- what clients do ----------------------------------------------------------------------------------------------

    def get(self, cluster_id: str, name: str) -> Extension:
        """The extension; a read moves its operation on. Raises `Refusal` 404 ResourceNotFound."""
        key = _key(cluster_id, name)
        if key in self._known:
            self._advance(self._operations.get(self._known[key].operation))
        if key not in self._known:
            message = f"The Resource '{TYPE}/{name}' was not found."
            raise Refusal(404, "ResourceNotFound", message, by_service=True)
        return self._known[key]

    def in_cluster(self, cluster_id: str) -> list[Extension]:
        """The extensions of a connected cluster, by name."""
        prefix = f"{cluster_id}/".lower()
        keys = [key for key in sorted(self._known) if key.startswith(prefix)]
        for key in keys:
            self._advance(self._operations.get(self._known[key].operation))
        return [self._known[key] for key in keys if key in self._known]

    def put(
        self, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[Extension, ExtensionOperation, bool]:
        """Create or replace; returns the extension, the operation, and whether it is new. Raises `Refusal`."""
        existing = self._writable(cluster["id"], name)
        resource_id = f"{cluster['id']}/providers/{TYPE}/{name}"
        tenant = cluster["identity"]["tenantId"]
        record, protected = extension_record.replaced(
            existing.record if existing else None, resource_id, tenant, body, writer
        )
        state = "Updating" if existing else "Creating"
        return *self._write(record, protected, state), existing is None

    def patch(
        self, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[Extension, ExtensionOperation]:
        """Change the extension. Raises `Refusal`, 404 ResourceNotFound among others."""
        self.get(cluster["id"], name)
        existing = self._writable(cluster["id"], name)
        if existing is None:
            raise Refusal(404, "ResourceNotFound", f"The Resource '{TYPE}/{name}' was not found.", by_service=True)
        record, protected = extension_record.patched(existing.record, body, writer)
        return self._write(record, protected, "Updating")

    def delete(self, cluster: dict[str, Any], name: str, *, force: bool) -> ExtensionOperation | None:
        """Start deleting; None when the record is gone at once. Raises `Refusal` 404 ResourceNotFound."""
        extension = self.get(cluster["id"], name)
        if force:
            self.remove([_key(cluster["id"], name)])
            return None
        return self._write(extension.record, extension.protected, "Deleting")[1]

    def operation(self, operation_id: str, query: dict[str, str]) -> ExtensionOperation:
        """Count a read of the operation; `query` must have its signature. Raises `Refusal` 404 or 403."""
        operation = self._operations.get(operation_id.lower())
        if operation is None:
            raise Refusal(404, "ResourceNotFound", f"Operation {operation_id} was not found.", by_service=True)
        if any(query.get(name) != value for name, value in operation.signature.items()):
            raise Refusal(403, "InvalidSignature", "The signature of the operation's URL is invalid.", by_service=True)
        self._advance(operation)
        return operation

    def forget_cluster(self, cluster_key: str) -> None:
        """The extensions of a connected cluster go with it; what they are in the cluster stays there."""
        self.remove([key for key in self._known if key.startswith(f"{cluster_key}/")], told=False)

    def remove(self, keys: Iterable[str], *, told: bool = True) -> None:
        """Remove records at once; with `told` the agents learn of it."""
        for key in keys:
            extension = self._known.pop(key, None)
            if extension is None:
                continue
            self._touch("extension", key)
            self._cancel(extension)
            if told:
                self._tell_agents(key)

    def set_properties(self, key: str, properties: dict[str, Any]) -> None:
        """Set properties that only the service writes. Raises `Refusal` 404."""
        if key not in self._known:
            raise Refusal(404, "ResourceNotFound", f"There is no extension {key}.")
        self._known[key].record["properties"].update(properties)
        self._touch("extension", key)

    # --- what agents do -----------------------------------------------------------------------------------------------

    async def wait_for_change(self, cluster_key: str, known: int, seconds: float) -> int:
        """Wait until the extensions of a cluster are others than those of revision `known`; returns the revision."""
        if self._revision(cluster_key) == known:
            changed = self._changed.setdefault(cluster_key, asyncio.Event())
            try:
                await asyncio.wait_for(changed.wait(), seconds)
            except TimeoutError:
                return known
        return self._revision(cluster_key)

    def release_waiting(self) -> None:
        """Let all who wait return, because the simulation stops."""
        for changed in self._changed.values():
            changed.set()

    def desired(self, cluster_key: str) -> list[dict[str, Any]]:
        """What the agents of a cluster should make of each extension."""
        prefix = f"{cluster_key}/"
        return [self._desired(key, known) for key, known in sorted(self._known.items()) if key.startswith(prefix)]

    def report(self, cluster_key: str, report: dict[str, Any]) -> None:
        """Take what the agents say of an operation; of one that is over or unknown it counts for nothing."""
        operation = self._operations.get(str(report.get("operationId")))
        if operation and operation.key.startswith(f"{cluster_key}/") and not operation.ended:
            operation.report = report
            self._touch("extension-operation", operation.id)
            if operation.change.pace.reads == 0:
                self._advance(operation)

    def _desired(self, key: str, extension: Extension) -> dict[str, Any]:
        properties = extension.record["properties"]
        known = EXTENSION_TYPES.get(properties["extensionType"])
        version = known.resolve(properties["releaseTrain"], properties["version"]) if known else None
        order = self.orders.get(key) or ({"message": _UNRESOLVED} if version is None else {})
        return {
            "name": extension.record["name"],
            "operationId": extension.operation,
            "state": properties["provisioningState"],
            "properties": properties,
            "protected": extension.protected,
            "version": version,
            "workloads": known.workloads if known else (),
            "order": order,
        }

    # --- operations ---------------------------------------------------------------------------------------------------

    def _writable(self, cluster_id: str, name: str) -> Extension | None:
        existing = self._known.get(_key(cluster_id, name))
        if existing:
            self._advance(self._operations.get(existing.operation))
            existing = self._known.get(_key(cluster_id, name))
        if existing and existing.record["properties"]["provisioningState"] == "Deleting":
            raise Refusal(409, "Conflict", f"The extension '{name}' is being deleted.", by_service=True)
        return existing

    def _write(
        self, record: dict[str, Any], protected: dict[str, str], state: str
    ) -> tuple[Extension, ExtensionOperation]:
        key = record["id"].lower()
        if key in self._known:
            self._cancel(self._known[key])
        signature = {"t": str(time.time_ns()), "c": "MIIH", "s": secrets.token_urlsafe(48), "h": secrets.token_hex(16)}
        operation = ExtensionOperation(str(uuid.uuid4()), key, state, Change(self._paces.extension), signature)
        record["properties"] = {**record["properties"], "provisioningState": state, "statuses": [], "errorInfo": None}
        extension = self._known[key] = Extension(record, protected, operation.id)
        self._operations[operation.id] = operation
        self._touch("extension-operation", operation.id)
        self._touch("extension", key)
        self._tell_agents(key)
        return extension, operation

    def _cancel(self, extension: Extension) -> None:
        operation = self._operations.get(extension.operation)
        if operation and not operation.ended:
            operation.status = "Canceled"
            self._touch("extension-operation", operation.id)

    def _advance(self, operation: ExtensionOperation | None) -> None:
        if operation is None or operation.ended:
            return
        is_due = operation.change.look()
        if operation.report is None or not is_due:
            return
        report, extension = operation.report, self._known[operation.key]
        self._touch("extension-operation", operation.id)
        self._touch("extension", operation.key)
        if operation.status == "Deleting" and report["status"] == "Succeeded":
            del self._known[operation.key]
            operation.status = "Succeeded"
            return
        operation.status = report["status"]
        properties = extension.record["properties"]
        properties["provisioningState"] = report["status"]
        if report["status"] == "Succeeded":
            properties["currentVersion"] = report["version"]
            return
        text = f"The extension operation failed with the following error: {report['message']}"
        operation.error = {"code": "ExtensionOperationFailed", "message": text, "details": []}
        properties["errorInfo"] = {"code": report["code"], "message": report["message"]}
        properties["statuses"] = [
            {
                "code": report["code"],
                "displayStatus": None,
                "level": "Error",
                "message": report["message"],
                "time": now(),
            }
        ]

    def _revision(self, cluster_key: str) -> int:
        return self._revisions.get(cluster_key, self._first_revision)

    def _tell_agents(self, key: str) -> None:
        cluster_key = key.partition("/providers/microsoft.kubernetesconfiguration/")[0]
        self._revisions[cluster_key] = self._revision(cluster_key) + 1
        if changed := self._changed.pop(cluster_key, None):
            changed.set()


def _key(cluster_id: str, name: str) -> str:
    return f"{cluster_id}/providers/{TYPE}/{name}".lower()
