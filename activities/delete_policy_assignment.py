"""delete_policy_assignment: deletes the policy assignment that the request names."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import policies
from arcway.domain.policy_request import DisablePolicyRequest
from arcway.domain.steps import AssignmentDeleted


def delete_policy_assignment(call: Call[DisablePolicyRequest]) -> AssignmentDeleted:
    """Done when Azure does not have it; an answer to the deletion alone is not believed."""
    request, azure = call.request, call.installation.azure
    if request.assignment is None:
        raise TypeError("delete_policy_assignment is a step of a request with an assignment")
    assignment_id = request.assignment.resource_id(request.cluster)
    if policies.get_assignment(azure, assignment_id) is None:
        believe_absent(call, f"policy assignment {request.assignment.name}")
        return {"done": True, "detail": "deleted", "existed": False}
    policies.delete_assignment(azure, assignment_id)
    is_gone = policies.get_assignment(azure, assignment_id) is None
    return {"done": is_gone, "detail": "deleted" if is_gone else "being deleted", "existed": True}
