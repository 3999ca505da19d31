"""The extensions of connected clusters, and what the agents are to do about them."""

from typing import Any

from arcway_local.azure import extension_record
from arcway_local.azure.extension_record import TYPE
from arcway_local.azure.extension_types import EXTENSION_TYPES
from arcway_local.azure.managed_resources import ManagedOperation, ManagedResource, ManagedResources
from arcway_local.azure.record import Writer
from arcway_local.azure.subscriptions import now
from arcway_local.azure.transitions import Pace

_UNRESOLVED = "Failed to resolve the extension version from the given values."


class Extensions(ManagedResources):
    """All extensions by resource id in lower case."""

    TYPE = TYPE
    NOUN = "extension"
    STORED = "extension"

    @property
    def _pace(self) -> Pace:
        return self._paces.extension

    def is_installed(self, cluster_key: str, extension_type: str) -> bool:
        """Whether the cluster has an extension of this type that succeeded."""
        return any(
            key.startswith(f"{cluster_key}/")
            and extension.record["properties"]["extensionType"] == extension_type
            and extension.record["properties"]["provisioningState"] == "Succeeded"
            for key, extension in self._resources.items()
        )

    def _replaced(
        self, existing: dict[str, Any] | None, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        resource_id, tenant = f"{cluster['id']}/providers/{TYPE}/{name}", cluster["identity"]["tenantId"]
        return extension_record.replaced(existing, resource_id, tenant, body, writer)

    def _patched(
        self, existing: ManagedResource, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        return extension_record.patched(existing.record, body, writer)

    def _started(self, state: str) -> dict[str, Any]:
        return {"statuses": [], "errorInfo": None}

    def _desired(self, key: str, resource: ManagedResource) -> dict[str, Any]:
        properties = resource.record["properties"]
        known = EXTENSION_TYPES.get(properties["extensionType"])
        version = known.resolve(properties["releaseTrain"], properties["version"]) if known else None
        order = self.orders.get(key) or ({"message": _UNRESOLVED} if version is None else {})
        return {
            "name": resource.record["name"],
            "operationId": resource.operation,
            "state": properties["provisioningState"],
            "properties": properties,
            "protected": resource.protected,
            "version": version,
            "workloads": known.workloads if known else (),
            "definitions": known.definitions if known else (),
            "order": order,
        }

    def _settle(self, resource: ManagedResource, operation: ManagedOperation, report: dict[str, Any]) -> None:
        properties = resource.record["properties"]
        if report["status"] == "Succeeded":
            properties["currentVersion"] = report["version"]
            return
        code, message = report["code"], report["message"]
        described = f"The extension operation failed with the following error: {message}"
        operation.error = {"code": "ExtensionOperationFailed", "message": described, "details": []}
        properties["errorInfo"] = {"code": code, "message": message}
        status = {"code": code, "displayStatus": None, "level": "Error", "message": message, "time": now()}
        properties["statuses"] = [status]
