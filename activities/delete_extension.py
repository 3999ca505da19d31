"""delete_extension: deletes an extension in Azure; its agents then remove its release from the cluster."""

from typing import Any

from activities.managed_deletion import delete_resource_of
from activities.step import Call
from activities.wanted_extension import extension_name
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.policy_request import DisablePolicyRequest, is_policy_extension
from arcway.domain.steps import Polled
from arcway.domain.text import listed

_NAMED = 10


def delete_extension(call: Call[Any]) -> Polled:
    """Done when it does not exist; asks for deletion unless Azure is deleting it already. `operation` is to follow.

    Raises `ArcError` ARC-4034 when a run about a Flux configuration would take it away from other ones.
    """
    name, request = extension_name(call), call.request
    if isinstance(request, DisablePolicyRequest):
        resource = EXTENSIONS.get(call.installation.azure, request.cluster, name)
        if resource is not None and not is_policy_extension(resource):
            # Created by others under the name since the check.
            return {"done": True, "detail": "deleted"}
    elif not isinstance(request, DeleteExtensionRequest) and "operation" not in call.payload:
        _refuse_if_used(call, name)
    is_forced = bool(getattr(request, "force", False))
    return delete_resource_of(call, EXTENSIONS, name, f"extension {name}", force=is_forced)


def _refuse_if_used(call: Call[Any], name: str) -> None:
    """Another client may have made a configuration since the check."""
    names = sorted(item["name"] for item in FLUX_CONFIGURATIONS.list_in(call.installation.azure, call.request.cluster))
    if names:
        message = f"Extension {name} has Flux configurations: {listed(names, _NAMED)}."
        raise ArcError(Code.EXTENSION_IN_USE, message)
