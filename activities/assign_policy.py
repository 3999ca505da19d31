"""assign_policy: creates the policy assignment, or changes what differs from the request."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import policies
from arcway.domain.errors import ArcError
from arcway.domain.policy_assignment import assignment_body, assignment_changes, assignment_conflicts
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import PolicyAssigned


def assign_policy(call: Call[EnablePolicyRequest]) -> PolicyAssigned:
    """Write only if something differs; what the request does not name stays.

    Raises `ArcError` ARC-4052 if the assignment that exists is of another definition.
    """
    request, azure = call.request, call.installation.azure
    if request.assignment is None:
        raise TypeError("assign_policy is a step of a request with an assignment")
    assignment_id = request.assignment.resource_id(request.cluster)
    resource = policies.get_assignment(azure, assignment_id)
    if resource is None:
        # Creating it over an existing one would take away what others set there.
        believe_absent(call, f"policy assignment {request.assignment.name}")
    for item in assignment_conflicts(request.assignment, resource):
        raise ArcError(item["code"], item["message"])
    if resource is not None and not assignment_changes(request.assignment, resource):
        return {"changed": False, "assignment": resource}
    body = assignment_body(request.assignment, resource)
    return {"changed": True, "assignment": policies.put_assignment(azure, assignment_id, body)}
