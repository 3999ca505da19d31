"""The plan of a run about Azure Policy, in the words that people read."""

from arcway.domain.policy_request import DisablePolicyRequest, PolicyRequest

from orchestrators.run_context import RunContext


def plan_of_policy(run: RunContext, request: PolicyRequest) -> list[str]:
    """One line for each change; what the check has seen to differ."""
    facts = run.facts
    extension = f"extension {facts['extensionName']}"
    assignment = f"policy assignment {request.assignment.name}" if request.assignment else ""
    if isinstance(request, DisablePolicyRequest):
        lines = [f"delete {assignment}"] if facts["assignmentChanges"] else []
        return lines + ([f"delete {extension}"] if facts["extensionChanges"] else [])
    lines = [f"register provider namespace {namespace}" for namespace in facts["toRegister"]]
    lines += _changes(extension, facts["extensionChanges"], exists=facts["extensionExists"])
    return lines + _changes(assignment, facts["assignmentChanges"], exists=facts.get("assignmentExists", False))


def _changes(subject: str, names: list[str], *, exists: bool) -> list[str]:
    if not names:
        return []
    return [f"change {name} of {subject}" for name in names] if exists else [f"create {subject}"]
