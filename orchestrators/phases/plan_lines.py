"""The plan of a run in words: what it would do, by the facts of its check."""

from arcway.domain.extension_request import DeleteExtensionRequest, ExtensionRequest
from arcway.domain.gitops_request import ApplyGitopsRequest, DeleteGitopsRequest, GitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe, leftover, read_leftovers
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest
from arcway.domain.request import OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest

from orchestrators.phases.policy_plan import plan_of_policy
from orchestrators.run_context import RunContext

NOT_CHECKED = leftover("Agents", None, reason="NotChecked")


def plan_of(run: RunContext) -> list[str]:
    """What the run would do, in words; by the facts of its check, which has no errors."""
    if isinstance(run.request, OffboardRequest):
        return [f"remove {describe(item)}" for item in to_remove(run) if item != NOT_CHECKED]
    if isinstance(run.request, UpdateRequest | UpgradeRequest):
        return _plan_of_change(run)
    if isinstance(run.request, EnablePolicyRequest | DisablePolicyRequest):
        return plan_of_policy(run, run.request)
    if isinstance(run.request, ApplyGitopsRequest | DeleteGitopsRequest):
        return _plan_of_gitops(run, run.request)
    if not isinstance(run.request, OnboardRequest):
        return _plan_of_extension(run, run.request)
    facts, plan = run.facts, _registrations(run)
    if not facts["resourceGroupExists"]:
        plan.append(f"create resource group {run.request.resource_group} in {run.request.location}")
    if facts["releaseDeployed"]:
        plan += [f"change {name} of release azure-arc" for name in facts.get("agentChanges", [])]
    else:
        plan.append("install release azure-arc")
    if not facts["resourceExists"]:
        plan.append(f"create connected cluster {run.request.name}")
    elif facts.get("takesOver"):
        plan.append(f"take over connected cluster {run.request.name} from another cluster")
    plan += [f"change {name} of connected cluster {run.request.name}" for name in facts.get("resourceChanges", [])]
    return plan + (_lines_of_gitops(run, run.request.gitops.name) if run.request.gitops is not None else [])


def _registrations(run: RunContext) -> list[str]:
    return [f"register provider namespace {namespace}" for namespace in run.facts.get("toRegister", ())]


def _plan_of_gitops(run: RunContext, request: GitopsRequest) -> list[str]:
    name, facts = request.configuration.name, run.facts
    if isinstance(request, DeleteGitopsRequest):
        plan = [f"delete Flux configuration {name}"] if facts["configurationChanges"] else []
        return [*plan, *([f"delete extension {facts['extensionName']}"] if facts["extensionChanges"] else [])]
    return _registrations(run) + _lines_of_gitops(run, name)


def _lines_of_gitops(run: RunContext, name: str) -> list[str]:
    facts = run.facts
    lines = _lines("extension", facts["extensionName"], facts["extensionChanges"])
    return lines + _lines("Flux configuration", name, facts["configurationChanges"])


def _lines(noun: str, name: str, changes: list[str]) -> list[str]:
    """One line for each change; one for all of what is new."""
    if changes in (["extension"], ["configuration"]):
        return [f"create {noun} {name}"]
    return [f"change {change} of {noun} {name}" for change in changes]


def _plan_of_change(run: RunContext) -> list[str]:
    facts, plan = run.facts, _registrations(run)
    plan += [f"change {name} of connected cluster {run.request.name}" for name in facts["resourceChanges"]]
    plan += [f"change {name} of release azure-arc" for name in facts.get("agentChanges", [])]
    if "wanted" in facts and facts["wanted"] != facts["release"]["version"]:
        plan.append(f"upgrade release azure-arc from {facts['release']['version']} to {facts['wanted']}")
    return plan


def _plan_of_extension(run: RunContext, request: ExtensionRequest) -> list[str]:
    name, facts = request.extension.name, run.facts
    if not facts["extensionChanges"]:
        return []
    if isinstance(request, DeleteExtensionRequest):
        return [f"delete extension {name}"]
    return _registrations(run) + _lines("extension", name, facts["extensionChanges"])


def to_remove(run: RunContext) -> list[Json]:
    """What a disconnect removes, as leftovers."""
    resource = leftover("ConnectedCluster", run.request.name, reason="NotRemovedYet")
    extensions = [leftover("Extension", name, reason="NotRemovedYet") for name in run.facts.get("extensions", [])]
    return extensions + ([resource] if run.facts["resourceExists"] else []) + read_leftovers(run.facts["agents"])
