"""assignPolicy: create or change the policy assignment that the request names; the result says what comes when."""

from arcway.domain import steps
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.policy_request import EnablePolicyRequest

from orchestrators.run_context import RunContext, Work

# https://learn.microsoft.com/azure/governance/policy/concepts/policy-for-kubernetes
SCHEDULE: Json = {
    "assignmentsFetchedEveryMinutes": 15,
    "fullScanEveryMinutes": 15,
    "resultsInAzureAfterMinutes": {"least": 15, "most": 45},
}
"""How long after a change the cluster has it and Azure shows its results."""


def assign_policy(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    request = run.request
    if not isinstance(request, EnablePolicyRequest):
        raise TypeError("assignPolicy is a phase of the request to enable Azure Policy")
    changes = run.facts.get("assignmentChanges", [])
    result: Json = {"extension": run.facts.get("result"), "assignment": None, "schedule": SCHEDULE}
    run.facts["result"] = result
    if request.assignment is None:
        run.set_detail("the request names no assignment")
        return
    # Until Azure has answered, the assignment may be written or not.
    pending = [leftover("PolicyAssignment", request.assignment.name, reason="MayExist")] if changes else []
    run.set_leftovers([*_installed(run), *pending])
    # What the run has written until now is not the assignment: Azure need not be given time to show that.
    outcome = yield from run.call(steps.ASSIGN_POLICY, writtenAt=None)
    if changes or outcome["changed"]:
        run.mark_changed()
    run.set_leftovers([])
    result["assignment"] = outcome["assignment"]
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")


def _installed(run: RunContext) -> list[Json]:
    """The extension that the run has changed before, which stays if this phase fails."""
    if not run.facts["extensionChanges"]:
        return []
    is_new = not run.facts["extensionExists"]
    return [leftover("Extension", run.facts["extensionName"], reason="Kept" if is_new else "Changed")]
