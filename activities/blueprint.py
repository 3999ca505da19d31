"""Registers every step as an activity under its own name."""

import azure.durable_functions as df

from activities.activity import Activities, fleet_activity
from activities.apply_configuration import apply_configuration
from activities.apply_extension import apply_extension
from activities.assign_policy import assign_policy
from activities.await_deletion import await_deletion
from activities.await_removal import await_removal
from activities.check_agents import check_agents
from activities.check_azure import check_azure
from activities.check_cluster import check_cluster
from activities.check_connected_cluster import check_connected_cluster
from activities.check_extension import check_extension
from activities.check_extension_cluster import check_extension_cluster
from activities.check_fleet_list import check_fleet_list
from activities.check_gitops import check_gitops
from activities.check_policy import check_policy
from activities.check_policy_cluster import check_policy_cluster
from activities.check_release import check_release
from activities.check_resource import check_resource
from activities.configure_agents import configure_agents
from activities.create_resource import create_resource
from activities.delete_configuration import delete_configuration
from activities.delete_extension import delete_extension
from activities.delete_extensions import delete_extensions
from activities.delete_policy_assignment import delete_policy_assignment
from activities.delete_resource import delete_resource
from activities.deploy_agents import deploy_agents
from activities.discard_credential import discard_credential
from activities.discard_secret import discard_secret
from activities.end_network_check import end_network_check
from activities.ensure_key_pair import ensure_key_pair
from activities.ensure_resource_group import ensure_resource_group
from activities.link_gateway import link_gateway
from activities.look_at_azure import look_at_azure
from activities.look_at_members import look_at_members
from activities.poll_agents import poll_agents
from activities.poll_compliance import poll_compliance
from activities.poll_configuration import poll_configuration
from activities.poll_extension import poll_extension
from activities.poll_extension_release import poll_extension_release
from activities.poll_extension_removal import poll_extension_removal
from activities.poll_network_check import poll_network_check
from activities.poll_registration import poll_registration
from activities.poll_resource import poll_resource
from activities.publish_events import publish_events
from activities.register_providers import register_providers
from activities.release_cluster import release_cluster
from activities.roll_back_agents import roll_back_agents
from activities.start_check import start_check
from activities.start_members import start_members
from activities.start_network_check import start_network_check
from activities.summarize_check import summarize_check
from activities.uninstall_agents import uninstall_agents
from activities.update_agents import update_agents
from activities.update_resource import update_resource
from activities.upgrade_agents import upgrade_agents
from activities.wait_for_features import wait_for_features
from activities.wait_for_metadata import wait_for_metadata
from arcway.installation import Installation

STEPS = (
    apply_configuration,
    apply_extension,
    assign_policy,
    await_deletion,
    await_removal,
    check_agents,
    check_azure,
    check_cluster,
    check_connected_cluster,
    check_extension,
    check_extension_cluster,
    check_gitops,
    check_policy,
    check_policy_cluster,
    check_release,
    check_resource,
    configure_agents,
    create_resource,
    delete_configuration,
    delete_extension,
    delete_extensions,
    delete_policy_assignment,
    delete_resource,
    deploy_agents,
    discard_credential,
    discard_secret,
    end_network_check,
    ensure_key_pair,
    ensure_resource_group,
    link_gateway,
    poll_agents,
    poll_compliance,
    poll_configuration,
    poll_extension,
    poll_extension_release,
    poll_extension_removal,
    poll_network_check,
    poll_registration,
    poll_resource,
    publish_events,
    register_providers,
    release_cluster,
    roll_back_agents,
    start_network_check,
    uninstall_agents,
    update_agents,
    update_resource,
    upgrade_agents,
    wait_for_features,
    wait_for_metadata,
)

FLEET_STEPS = (check_fleet_list, look_at_azure, look_at_members, start_check, start_members, summarize_check)


def blueprint_of(installation: Installation) -> df.Blueprint:
    """The activities of an installation."""
    blueprint, activities = df.Blueprint(), Activities(installation)
    for step in STEPS:
        blueprint.activity_trigger(input_name="payload")(activities.activity(step))
    for fleet_step in FLEET_STEPS:
        with_client = installation.engine.input(blueprint)
        blueprint.activity_trigger(input_name="payload")(with_client(fleet_activity(fleet_step, installation)))
    return blueprint
