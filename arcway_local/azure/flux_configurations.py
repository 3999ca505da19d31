"""The Flux configurations of connected clusters: what agents are to apply, and how they comply.

Compliance follows provisioning at a pace of its own. Nothing acts on a configuration before the cluster has the
extension microsoft.flux.
"""

import time
from typing import Any

from arcway_local.azure import flux_record, flux_rules
from arcway_local.azure.agent_signal import AgentSignal
from arcway_local.azure.extensions import Extensions
from arcway_local.azure.flux_record import TYPE
from arcway_local.azure.flux_shapes import revealed
from arcway_local.azure.managed_resources import ManagedOperation, ManagedResource, ManagedResources
from arcway_local.azure.record import Writer
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.source_control import SourceControl
from arcway_local.azure.subscriptions import Touch, now
from arcway_local.azure.transitions import Change, Pace, Paces

_EXTENSION_TYPE = "microsoft.flux"


class FluxConfigurations(ManagedResources):
    """All Flux configurations by resource id in lower case."""

    TYPE = TYPE
    NOUN = "Flux configuration"
    STORED = "flux-configuration"

    def __init__(
        self, paces: Paces, touch: Touch, signal: AgentSignal, extensions: Extensions, source_control: SourceControl
    ) -> None:
        super().__init__(paces, touch, signal)
        self._extensions = extensions
        self._source_control = source_control
        self._reconciling: dict[str, Change] = {}

    @property
    def _pace(self) -> Pace:
        return self._paces.flux

    def set_orders(self, orders: dict[str, dict[str, Any]]) -> None:
        """Replace the failures that the test controls ask for; agents act on each that is another than before."""
        changed = {key for key in {*self.orders, *orders} if self.orders.get(key) != orders.get(key)}
        self.orders = orders
        for key in changed:
            self._signal.notify(key)

    def is_supported(self, cluster_key: str) -> bool:
        """Whether the cluster has the extension that acts on Flux configurations."""
        return self._extensions.is_installed(cluster_key, _EXTENSION_TYPE)

    def report(self, cluster_key: str, report: dict[str, Any]) -> None:
        """Take what the agents report of an operation and of compliance, which they report later on, too."""
        operation = self._operations.get(str(report.get("operationId")))
        if operation and operation.key.startswith(f"{cluster_key}/") and "compliance" in report:
            resource = self._resources.get(operation.key)
            if resource and resource.operation == operation.id:
                resource.observed = report["compliance"]
                self._touch(self.STORED, operation.key)
        super().report(cluster_key, report)
        if operation and self._paces.compliance.reads == 0:
            self._comply(operation.key)

    def _replaced(
        self, existing: dict[str, Any] | None, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        if self._source_control.in_cluster(cluster["id"]):
            # The command line refuses this before it asks; both need the cluster for themselves.
            message = "The cluster has sourceControlConfigurations (Flux v1), which exclude fluxConfigurations."
            raise Refusal(409, "Conflict", message, by_service=True)
        return flux_record.replaced(existing, f"{cluster['id']}/providers/{TYPE}/{name}", body, writer)

    def _patched(
        self, existing: ManagedResource, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], dict[str, str]]:
        return flux_record.patched(existing.record, existing.protected, body, writer)

    def _started(self, state: str) -> dict[str, Any]:
        return {} if state == "Deleting" else {"complianceState": "Pending", "errorMessage": "", "statuses": []}

    def _write(
        self, record: dict[str, Any], protected: dict[str, str], state: str
    ) -> tuple[ManagedResource, ManagedOperation]:
        self._reconciling.pop(record["id"].lower(), None)
        return super()._write(record, protected, state)

    def _desired(self, key: str, resource: ManagedResource) -> dict[str, Any]:
        return {
            "name": resource.record["name"],
            "operationId": resource.operation,
            "state": resource.record["properties"]["provisioningState"],
            "properties": revealed(resource.record["properties"], resource.protected),
            "order": self.orders.get(key) or {},
        }

    def _is_complete(self, operation: ManagedOperation) -> bool:
        properties = self._resources[operation.key].record["properties"]
        if not operation.change.look():
            return False
        succeeded = operation.report is not None and operation.report["status"] == "Succeeded"
        if operation.status == "Deleting" or not succeeded or not properties["waitForReconciliation"]:
            return True
        self._comply(operation.key)
        is_over = time.monotonic() - operation.change.started >= flux_rules.wait_seconds(properties)
        return is_over or properties["complianceState"] == "Compliant"

    def _settle(self, resource: ManagedResource, operation: ManagedOperation, report: dict[str, Any]) -> None:
        properties = resource.record["properties"]
        if report["status"] == "Succeeded":
            properties["repositoryPublicKey"] = report.get("publicKey") or ""
            return
        operation.error = {"code": report["code"], "message": report["message"], "details": []}
        properties.update(errorMessage=report["message"], complianceState="Non-Compliant")

    def _refresh(self, key: str) -> None:
        super()._refresh(key)
        self._comply(key)

    def _comply(self, key: str) -> None:
        """Write what the agents observed, once the pace of compliance is over; counts a read."""
        resource = self._resources.get(key)
        if resource is None or resource.observed is None:
            return
        properties = resource.record["properties"]
        is_waiting = properties["waitForReconciliation"] and properties["provisioningState"] in ("Creating", "Updating")
        if properties["provisioningState"] != "Succeeded" and not is_waiting:
            return
        change = self._reconciling.setdefault(key, Change(self._paces.compliance))
        if not change.look():
            return
        observed = resource.observed
        if all(properties[name] == value for name, value in observed.items()):
            return
        commit = properties["sourceSyncedCommitId"]
        if observed.get("sourceSyncedCommitId", commit) != commit:
            properties["sourceUpdatedAt"] = now()
        properties.update(observed, statusUpdatedAt=now())
        self._touch(self.STORED, key)
