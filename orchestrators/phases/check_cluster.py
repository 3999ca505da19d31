"""checkCluster: read the cluster and Azure, collect every finding, stop on any error; nothing is changed."""

from typing import Any

from arcway.domain import steps
from arcway.domain.codes import Code, Family, family
from arcway.domain.errors import CATALOGUE, ArcError
from arcway.domain.extension_request import ApplyExtensionRequest, DeleteExtensionRequest, ExtensionRequest
from arcway.domain.fleets.plan import forecast
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe, leftover, read_leftovers
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest, PolicyRequest
from arcway.domain.request import OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest
from arcway.domain.text import counted

from orchestrators.expectation import require_planned
from orchestrators.failures import StepFailed
from orchestrators.phases.check_network import as_finding, check_network, not_checked
from orchestrators.phases.named_extension import named_extension
from orchestrators.phases.policy_plan import plan_of_policy
from orchestrators.run_context import ATTEMPTS, RunContext, Work

# A cluster that does not answer is a finding soon; Azure, which responds to all others, is worth some patience.
_CLUSTER_ATTEMPTS = 2
_AZURE_CHECKS = (
    steps.CHECK_AZURE,
    steps.CHECK_RESOURCE,
    steps.CHECK_CONNECTED_CLUSTER,
    steps.CHECK_EXTENSION,
    steps.CHECK_POLICY,
)
_NOT_CHECKED = leftover("Agents", None, reason="NotChecked")
_IF_DEAD = " If the cluster no longer exists, set azureOnly (--azure-only) to delete only the connected cluster."


def check_cluster(run: RunContext) -> Work[None]:
    """Learn the facts that later phases need; a check alone has its findings as its result and never fails on them."""
    request = run.request
    if isinstance(request, OnboardRequest):
        findings = yield from _check_connect(run, request)
    elif isinstance(request, OffboardRequest):
        findings = yield from _check_disconnect(run, request)
    elif isinstance(request, ApplyExtensionRequest | DeleteExtensionRequest):
        findings = yield from _check_extension(run, request)
    elif isinstance(request, EnablePolicyRequest | DisablePolicyRequest):
        findings = yield from _check_policy(run, request)
    else:
        findings = yield from _check_change(run, request)
    run.add_findings(findings)
    errors = _errors(findings)
    run.set_detail(summary(findings))
    if run.request.operation == "check":
        network = {"network": run.facts["network"]} if "network" in run.facts else {}
        plan = _plan(run) if not errors else []
        expected = forecast(request, run.facts, findings).as_json()
        run.facts["result"] = {"ready": not errors, "findings": findings, "plan": plan, **expected, **network}
        return
    require_planned(run, findings)
    if errors:
        raise StepFailed(_as_error(errors))
    if isinstance(request, OffboardRequest):
        run.set_leftovers(_to_remove(run))


def summary(findings: list[Json]) -> str:
    """How many findings there are of each level, the worst first."""
    levels = [finding["level"] for finding in findings]
    nouns = {"error": "error", "warning": "warning", "info": "note"}
    counts = [counted(levels.count(level), noun) for level, noun in nouns.items() if level in levels]
    return ", ".join(counts) or "no problems found"


def _check_connect(run: RunContext, request: OnboardRequest) -> Work[list[Json]]:
    # What the release would get is read for those alone who compare it with a plan.
    compared: Json = {"planned": True} if run.planned and run.planned["depth"] == "cluster" else {}
    findings = yield from _check(run, steps.CHECK_CLUSTER, **compared)
    can_run_pods = not _errors(findings)
    cluster = run.facts.get("cluster", {})
    arguments = {"owner": cluster.get("owner"), "publicKey": cluster.get("publicKey"), "cluster": cluster or None}
    findings = findings + (yield from _check(run, steps.CHECK_AZURE, **arguments))
    if request.check_network:
        findings += (yield from check_network(run)) if can_run_pods else [not_checked()]
    return findings


def _check_disconnect(run: RunContext, request: OffboardRequest) -> Work[list[Json]]:
    run.facts["agents"] = [_NOT_CHECKED]
    findings: list[Json] = []
    if not request.azure_only:
        findings += yield from _check(run, steps.CHECK_AGENTS)
        for finding in findings:
            if family(finding["code"]) is Family.NETWORK:
                finding["remedy"] += _IF_DEAD
    if request.agents_only:
        run.facts["resourceExists"] = False
        return findings
    findings += yield from _check(run, steps.CHECK_RESOURCE, publicKey=run.facts.get("publicKey"))
    if run.facts.get("resourceExists") and not run.facts["agents"] and not _errors(findings):
        remedy = CATALOGUE[Code.AGENTS_NOT_INSTALLED].remedy
        message = f"The cluster has no agents; only connected cluster {request.name} will be deleted."
        findings.append({"code": Code.AGENTS_NOT_INSTALLED, "level": "warning", "message": message, "remedy": remedy})
    return findings


def _check_change(run: RunContext, request: UpdateRequest | UpgradeRequest) -> Work[list[Json]]:
    findings = yield from _check(run, steps.CHECK_CONNECTED_CLUSTER)
    run.facts["result"] = run.facts.get("resource")
    if request.scope != "azure-only":
        location, resource = run.facts.get("location"), run.facts.get("resource")
        findings += yield from _check(run, steps.CHECK_RELEASE, location=location, resource=resource)
    return findings


def _check_extension(run: RunContext, request: ExtensionRequest) -> Work[list[Json]]:
    findings = yield from _check(run, steps.CHECK_EXTENSION)
    if request.scope != "azure-only":
        findings += yield from _check(run, steps.CHECK_EXTENSION_CLUSTER)
    return findings


def _check_policy(run: RunContext, request: PolicyRequest) -> Work[list[Json]]:
    findings = yield from _check(run, steps.CHECK_POLICY)
    if request.scope == "azure-only":
        return findings
    step = steps.CHECK_POLICY_CLUSTER if isinstance(request, EnablePolicyRequest) else steps.CHECK_EXTENSION_CLUSTER
    in_cluster = yield from _check(run, step, **named_extension(run))
    findings = [*findings, *in_cluster]
    if isinstance(request, EnablePolicyRequest) and request.check_network:
        # In the cluster of another connected cluster nothing is started.
        findings += [not_checked()] if _errors(in_cluster) else (yield from check_network(run))
    return findings


def _check(run: RunContext, step: steps.Step[steps.Checked], **arguments: Any) -> Work[list[Json]]:
    try:
        attempts = ATTEMPTS if step in _AZURE_CHECKS else _CLUSTER_ATTEMPTS
        outcome = yield from run.call(step, attempts=attempts, **arguments)
    except StepFailed as failure:
        return [as_finding(failure.error)]
    run.facts.update(outcome.get("facts", {}))
    return outcome["findings"]


def _plan(run: RunContext) -> list[str]:
    if isinstance(run.request, OffboardRequest):
        return [f"remove {describe(item)}" for item in _to_remove(run) if item != _NOT_CHECKED]
    if isinstance(run.request, UpdateRequest | UpgradeRequest):
        return _plan_of_change(run)
    if isinstance(run.request, EnablePolicyRequest | DisablePolicyRequest):
        return plan_of_policy(run, run.request)
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
    return plan


def _registrations(run: RunContext) -> list[str]:
    return [f"register provider namespace {namespace}" for namespace in run.facts.get("toRegister", ())]


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
    plan = [f"register provider namespace {namespace}" for namespace in facts["toRegister"]]
    if not facts["extensionExists"]:
        return [*plan, f"create extension {name}"]
    return [*plan, *(f"change {item} of extension {name}" for item in facts["extensionChanges"])]


def _to_remove(run: RunContext) -> list[Json]:
    resource = leftover("ConnectedCluster", run.request.name, reason="NotRemovedYet")
    extensions = [leftover("Extension", name, reason="NotRemovedYet") for name in run.facts.get("extensions", [])]
    return extensions + ([resource] if run.facts["resourceExists"] else []) + read_leftovers(run.facts["agents"])


def _errors(findings: list[Json]) -> list[Json]:
    return [finding for finding in findings if finding["level"] == "error"]


def _as_error(errors: list[Json]) -> Json:
    first = errors[0]
    more = f" ({counted(len(errors) - 1, 'more error')} in findings)" if len(errors) > 1 else ""
    return ArcError(first["code"], first["message"] + more, remedy=first["remedy"], details=errors).as_dict()
