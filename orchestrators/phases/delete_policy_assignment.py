"""deletePolicyAssignment: delete the policy assignment that the request names, before the extension."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.policy_request import DisablePolicyRequest

from orchestrators.run_context import RunContext, Work


def delete_policy_assignment(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no assignment: it may have been created since."""
    request = run.request
    if not isinstance(request, DisablePolicyRequest):
        raise TypeError("deletePolicyAssignment is a phase of the request to disable Azure Policy")
    if request.assignment is None:
        run.set_detail("the request names no assignment")
        return
    existed = run.facts.get("assignmentExists", False)
    if existed:
        run.set_leftovers([leftover("PolicyAssignment", request.assignment.name, reason="NotRemovedYet")])
    outcome = yield from run.poll(
        steps.DELETE_POLICY_ASSIGNMENT, POLL_REMOVAL, timeout_code=Code.POLICY_ASSIGNMENT_NOT_DELETED
    )
    if existed := existed or outcome["existed"]:
        run.mark_changed()
    run.facts["assignmentExists"] = existed
    run.set_leftovers([])
    run.set_detail("deleted" if existed else "the assignment does not exist")
