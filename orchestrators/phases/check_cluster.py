"""checkCluster: read the cluster and Azure, collect every finding, stop on any error; nothing is changed."""

from typing import Any

from arcway.domain import steps
from arcway.domain.codes import Code, Family, family
from arcway.domain.errors import CATALOGUE, ArcError
from arcway.domain.extension_request import ApplyExtensionRequest, DeleteExtensionRequest, ExtensionRequest
from arcway.domain.fleets.plan import forecast
from arcway.domain.gitops_request import ApplyGitopsRequest, DeleteGitopsRequest, GitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest, PolicyRequest
from arcway.domain.request import OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest
from arcway.domain.text import counted

from orchestrators.expectation import require_planned
from orchestrators.failures import StepFailed
from orchestrators.phases.apply_extension import name_of_extension
from orchestrators.phases.check_network import as_finding, check_network, not_checked
from orchestrators.phases.plan_lines import NOT_CHECKED, plan_of, to_remove
from orchestrators.run_context import ATTEMPTS, RunContext, Work

# A cluster that does not answer is a finding soon; Azure, which responds to all others, is worth some patience.
_CLUSTER_ATTEMPTS = 2
_AZURE_CHECKS = (
    steps.CHECK_AZURE,
    steps.CHECK_RESOURCE,
    steps.CHECK_CONNECTED_CLUSTER,
    steps.CHECK_EXTENSION,
    steps.CHECK_GITOPS,
    steps.CHECK_POLICY,
)
_IF_DEAD = " If the cluster no longer exists, set azureOnly (--azure-only) to delete only the connected cluster."


def check_cluster(run: RunContext) -> Work[None]:
    """Learn the facts that later phases need; a check alone has its findings as its result and never fails on them."""
    request = run.request
    if isinstance(request, OnboardRequest):
        findings = yield from _check_connect(run, request)
    elif isinstance(request, OffboardRequest):
        findings = yield from _check_disconnect(run, request)
    elif isinstance(request, ApplyExtensionRequest | DeleteExtensionRequest):
        findings = yield from _check_extension(run, request, steps.CHECK_EXTENSION)
    elif isinstance(request, ApplyGitopsRequest | DeleteGitopsRequest):
        findings = yield from _check_extension(run, request, steps.CHECK_GITOPS)
    elif isinstance(request, EnablePolicyRequest | DisablePolicyRequest):
        findings = yield from _check_policy(run, request)
    else:
        findings = yield from _check_change(run, request)
    run.add_findings(findings)
    errors = _errors(findings)
    run.set_detail(summary(findings))
    if run.request.operation == "check":
        network = {"network": run.facts["network"]} if "network" in run.facts else {}
        plan = plan_of(run) if not errors else []
        expected = forecast(request, run.facts, findings).as_json()
        run.facts["result"] = {"ready": not errors, "findings": findings, "plan": plan, **expected, **network}
        return
    require_planned(run, findings)
    if errors:
        raise StepFailed(_as_error(errors))
    if isinstance(request, OffboardRequest):
        run.set_leftovers(to_remove(run))


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
    if request.gitops is not None:
        findings = findings + (yield from _check(run, steps.CHECK_GITOPS))
    if request.check_network:
        findings += (yield from check_network(run)) if can_run_pods else [not_checked()]
    return findings


def _check_disconnect(run: RunContext, request: OffboardRequest) -> Work[list[Json]]:
    run.facts["agents"] = [NOT_CHECKED]
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


def _check_extension(
    run: RunContext, request: ExtensionRequest | GitopsRequest, step: steps.Step[steps.Checked]
) -> Work[list[Json]]:
    findings = yield from _check(run, step)
    if request.scope != "azure-only":
        findings += yield from _check(run, steps.CHECK_EXTENSION_CLUSTER)
    return findings


def _check_policy(run: RunContext, request: PolicyRequest) -> Work[list[Json]]:
    findings = yield from _check(run, steps.CHECK_POLICY)
    if request.scope == "azure-only":
        return findings
    step = steps.CHECK_POLICY_CLUSTER if isinstance(request, EnablePolicyRequest) else steps.CHECK_EXTENSION_CLUSTER
    in_cluster = yield from _check(run, step, **name_of_extension(run))
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


def _errors(findings: list[Json]) -> list[Json]:
    return [finding for finding in findings if finding["level"] == "error"]


def _as_error(errors: list[Json]) -> Json:
    first = errors[0]
    more = f" ({counted(len(errors) - 1, 'more error')} in findings)" if len(errors) > 1 else ""
    return ArcError(first["code"], first["message"] + more, remedy=first["remedy"], details=errors).as_dict()
