"""One small generator per phase, by the name that users see."""

from collections.abc import Callable

from orchestrators.phases.apply_configuration import apply_configuration
from orchestrators.phases.apply_extension import apply_extension
from orchestrators.phases.assign_policy import assign_policy
from orchestrators.phases.check_cluster import check_cluster
from orchestrators.phases.configure_agents import configure_agents
from orchestrators.phases.create_resource import create_resource
from orchestrators.phases.delete_configuration import delete_configuration
from orchestrators.phases.delete_extension import delete_extension
from orchestrators.phases.delete_extensions import delete_extensions
from orchestrators.phases.delete_policy_assignment import delete_policy_assignment
from orchestrators.phases.delete_resource import delete_resource
from orchestrators.phases.deploy_agents import deploy_agents
from orchestrators.phases.ensure_resource_group import ensure_resource_group
from orchestrators.phases.poll_registration import poll_registration
from orchestrators.phases.register_providers import register_providers
from orchestrators.phases.uninstall_agents import uninstall_agents
from orchestrators.phases.update_agents import update_agents
from orchestrators.phases.update_resource import update_resource
from orchestrators.phases.upgrade_agents import upgrade_agents
from orchestrators.phases.wait_for_compliance import wait_for_compliance
from orchestrators.phases.wait_for_features import wait_for_features
from orchestrators.phases.wait_for_metadata import wait_for_metadata
from orchestrators.phases.wait_for_release import wait_for_release
from orchestrators.run_context import RunContext, Work

PHASES: dict[str, Callable[[RunContext], Work[None]]] = {
    "checkCluster": check_cluster,
    "registerProviders": register_providers,
    "pollRegistration": poll_registration,
    "ensureResourceGroup": ensure_resource_group,
    "deployAgents": deploy_agents,
    "createResource": create_resource,
    "configureAgents": configure_agents,
    "waitForMetadata": wait_for_metadata,
    "deleteResource": delete_resource,
    "uninstallAgents": uninstall_agents,
    "updateResource": update_resource,
    "updateAgents": update_agents,
    "upgradeAgents": upgrade_agents,
    "applyExtension": apply_extension,
    "waitForRelease": wait_for_release,
    "deleteExtension": delete_extension,
    "applyConfiguration": apply_configuration,
    "waitForCompliance": wait_for_compliance,
    "deleteConfiguration": delete_configuration,
    "deleteExtensions": delete_extensions,
    "waitForFeatures": wait_for_features,
    "assignPolicy": assign_policy,
    "deletePolicyAssignment": delete_policy_assignment,
}
