"""ensure_resource_group: creates the resource group if it does not exist and the request allows it."""

from activities.absence import believe_absent
from activities.shared_reads import is_member
from activities.step import Call
from arcway.azure import subscriptions
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.steps import Created


def ensure_resource_group(call: Call) -> Created:
    """Returns whether the group was created now. Raises `ArcError` ARC-4006 if it is missing."""
    request = call.request
    group = subscriptions.resource_group(
        call.installation.azure, request.subscription_id, request.resource_group, shared=is_member(call)
    )
    if group is not None:
        return {"created": False}
    if not request.create_resource_group:
        raise ArcError(Code.RESOURCE_GROUP_NOT_FOUND, f"Resource group {request.resource_group} does not exist.")
    if call.payload.get("resourceGroupExists"):
        believe_absent(call, f"resource group {request.resource_group}")
    tags = request.tags or {}
    subscriptions.create_resource_group(
        call.installation.azure, request.subscription_id, request.resource_group, request.location, tags
    )
    return {"created": True}
