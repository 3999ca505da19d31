"""delete_configuration: deletes a Flux configuration in Azure; its agents then remove its objects from the cluster."""

from typing import Any

from activities.managed_deletion import delete_resource_of
from activities.step import Call
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.steps import Polled


def delete_configuration(call: Call[Any]) -> Polled:
    """Done when it does not exist; asks for deletion unless Azure is deleting it already. `operation` is to follow."""
    name, is_forced = call.request.configuration.name, bool(getattr(call.request, "force", False))
    return delete_resource_of(call, FLUX_CONFIGURATIONS, name, f"Flux configuration {name}", force=is_forced)
