"""The rows and columns of the matrix: each step, which of its requests fails, and how.

`faults.py` brings a fault about, `invariants.py` says what has to hold afterwards.
"""

from dataclasses import dataclass

from arcway.domain.json_values import Json

AZURE, CLUSTER, BUS = "azure", "cluster", "bus"
LEASE = r"/leases/arcway$"


@dataclass(frozen=True)
class Row:
    """One step: which of its requests fails, and the kind of run that has it."""

    step: str
    system: str
    method: str
    path: str
    rollback: bool = False
    settings_differ: bool = False
    offboard: bool = False
    change: str = ""
    features: bool = False
    broken: bool = False
    network: bool = False
    temporary: bool = False
    going: bool = False
    publishing: bool = False

    @property
    def name(self) -> str:
        return (
            self.step
            + " (other settings)" * self.settings_differ
            + " (disconnecting)" * self.offboard
            + " (publishing)" * self.publishing
        )


RECORDS = r"/azure-arc-release/secrets"
ASSIGNMENT = r"/policyAssignments/[^/]+$"
CONNECTED = r"/connectedClusters/[^/]+$"
ROWS = (
    Row("check_cluster", CLUSTER, "GET", LEASE),
    Row("check_azure", AZURE, "GET", r"/resourceGroups/[^/]+$"),
    Row("start_network_check", CLUSTER, "POST", r"/arcway-check/jobs$", network=True),
    Row("poll_network_check", CLUSTER, "GET", r"/arcway-check/pods$", network=True),
    Row("end_network_check", CLUSTER, "DELETE", r"/namespaces/arcway-check$", network=True),
    Row("register_providers", AZURE, "POST", r"/register$"),
    Row("poll_registration", AZURE, "GET", r"/providers/Microsoft\.Kubernetes$"),
    Row("ensure_resource_group", AZURE, "PUT", r"/resourceGroups/[^/]+$"),
    Row("await_removal", CLUSTER, "GET", LEASE),
    Row("ensure_key_pair", CLUSTER, "POST", r"/namespaces/azure-arc/secrets$"),
    Row("deploy_agents", CLUSTER, "POST", RECORDS),
    Row("deploy_agents", CLUSTER, "POST", RECORDS, settings_differ=True),
    Row("poll_agents", CLUSTER, "GET", r"/deployments$"),
    Row("await_deletion", AZURE, "GET", CONNECTED, going=True),
    Row("create_resource", AZURE, "PUT", CONNECTED),
    Row("poll_resource", AZURE, "GET", r"/operationStatuses/"),
    Row("configure_agents", AZURE, "POST", r"/GetHelmSettings$"),
    Row("configure_agents", CLUSTER, "POST", RECORDS, settings_differ=True),
    Row("wait_for_metadata", AZURE, "GET", CONNECTED),
    Row("publish_events", BUS, "", ""),
    Row("create_resource", BUS, "", "", publishing=True),
    Row("release_cluster", CLUSTER, "DELETE", LEASE),
    Row("discard_credential", CLUSTER, "DELETE", r"/clusterroles/arcway-tmp-", temporary=True),
    Row("discard_secret", AZURE, "DELETE", r"/secrets/arcway-tmp-", temporary=True),
    Row("delete_resource", AZURE, "DELETE", CONNECTED, rollback=True),
    Row("uninstall_agents", CLUSTER, "DELETE", RECORDS, rollback=True),
    Row("check_agents", CLUSTER, "GET", LEASE, offboard=True),
    Row("check_resource", AZURE, "GET", CONNECTED, offboard=True),
    Row("delete_resource", AZURE, "DELETE", CONNECTED, offboard=True),
    Row("uninstall_agents", CLUSTER, "DELETE", RECORDS, offboard=True),
    Row("delete_extensions", AZURE, "DELETE", r"/extensions/flux$", offboard=True),
    Row("check_connected_cluster", AZURE, "GET", CONNECTED, change="update"),
    Row("check_release", CLUSTER, "GET", LEASE, change="update"),
    Row("update_resource", AZURE, "PUT", CONNECTED, change="update"),
    Row("link_gateway", AZURE, "PUT", r"/settings/default$", change="update", features=True),
    Row("update_agents", CLUSTER, "POST", RECORDS, change="update"),
    Row("wait_for_features", AZURE, "GET", CONNECTED, change="update", features=True),
    Row("upgrade_agents", CLUSTER, "POST", RECORDS, change="upgrade"),
    Row("check_extension", AZURE, "GET", r"/extensions$", change="applyExtension"),
    Row("check_extension_cluster", CLUSTER, "GET", r"/azure-clusterconfig$", change="applyExtension"),
    Row("apply_extension", AZURE, "PATCH", r"/extensions/flux$", change="applyExtension"),
    Row("poll_extension", AZURE, "GET", r"/extensions/flux/operations/", change="applyExtension"),
    Row("poll_extension_release", CLUSTER, "GET", r"/deployments$", change="applyExtension"),
    Row("delete_extension", AZURE, "DELETE", r"/extensions/flux$", change="deleteExtension"),
    Row("poll_extension_removal", CLUSTER, "GET", r"/deployments$", change="deleteExtension"),
    Row("check_policy", AZURE, "GET", ASSIGNMENT, change="enablePolicy"),
    Row("check_policy_cluster", CLUSTER, "GET", r"/deployments$", change="enablePolicy"),
    Row("assign_policy", AZURE, "PUT", ASSIGNMENT, change="enablePolicy"),
    Row("delete_policy_assignment", AZURE, "DELETE", ASSIGNMENT, change="disablePolicy"),
    Row("check_gitops", AZURE, "GET", r"/fluxConfigurations$", change="applyGitops"),
    Row("apply_configuration", AZURE, "PATCH", r"/fluxConfigurations/config$", change="applyGitops"),
    Row("poll_configuration", AZURE, "GET", r"/fluxConfigurations/config/operations/", change="applyGitops"),
    Row("poll_compliance", AZURE, "GET", r"/fluxConfigurations/config$", change="applyGitops"),
    Row("delete_configuration", AZURE, "DELETE", r"/fluxConfigurations/config$", change="deleteGitops"),
    Row("roll_back_agents", CLUSTER, "POST", RECORDS, change="upgrade", broken=True),
)

KILLS = ("killed before the effect", "killed after the effect")
EXISTS = "already done"
FAULTS: dict[str, Json | None] = {
    **dict.fromkeys((*KILLS, EXISTS)),
    "time-out": {"delay": 6.0},
    "connection refused": {"drop": True},
    "429 with Retry-After": {"status": 429, "retryAfter": 2},
    "500": {"status": 500},
    "503": {"status": 503},
    "malformed answer": {"status": 200, "text": "<html>not JSON"},
    "permission denied": {"status": 403},
    "vanished": {"status": 404},
}
HARMLESS = (*KILLS, EXISTS, "time-out", "connection refused", "429 with Retry-After", "500", "503", "malformed answer")
