"""checkCluster: look at the cluster and at Azure, collect every finding, stop on any error; nothing is changed."""

from typing import Any

from arcway.domain.errors import CATALOGUE, ArcError
from arcway.domain.request import OffboardRequest, Request

from orchestrators.run import ATTEMPTS, Json, Run, StepFailed, Work

# A cluster that does not answer is a finding soon; Azure, which answers everybody else, is worth some patience.
_CLUSTER_ATTEMPTS = 2
_NOT_LOOKED_AT = "whatever is in the cluster (azureOnly)"
_IF_DEAD = " If the cluster is gone for good, set azureOnly (--azure-only) to delete only the connected cluster."


def check_cluster(run: Run) -> Work[None]:
    """Learn the facts that later phases need; a check alone has its findings as its result and never fails on them."""
    request = run.request
    findings = yield from _to_connect(run) if isinstance(request, Request) else _to_disconnect(run, request)
    run.find(findings)
    errors = [finding for finding in findings if finding["level"] == "error"]
    run.detail(f"{len(errors)} errors in {len(findings)} findings" if findings else "nothing found")
    if run.request.operation == "check":
        run.facts["result"] = {"ready": not errors, "findings": findings, "plan": _plan(run) if not errors else []}
    elif errors:
        raise StepFailed(_as_error(errors))
    elif isinstance(request, OffboardRequest):
        run.leave(_to_remove(run))


def _to_connect(run: Run) -> Work[list[Json]]:
    findings = yield from _look(run, "check_cluster")
    return findings + (yield from _look(run, "check_azure", owner=run.facts.get("cluster", {}).get("owner")))


def _to_disconnect(run: Run, request: OffboardRequest) -> Work[list[Json]]:
    run.facts["agents"] = [_NOT_LOOKED_AT]
    findings: list[Json] = []
    if not request.azure_only:
        findings += yield from _look(run, "check_agents")
        for finding in findings:
            if finding["code"].startswith("ARC-3"):
                finding["remedy"] += _IF_DEAD
    findings += yield from _look(run, "check_resource")
    if run.facts.get("resourceExists") and not run.facts["agents"] and not findings:
        remedy = CATALOGUE["ARC-5012"].remedy
        message = f"There are no agents in the cluster; only connected cluster {request.name} is deleted."
        findings.append({"code": "ARC-5012", "level": "warning", "message": message, "remedy": remedy})
    return findings


def _look(run: Run, step: str, **extra: Any) -> Work[list[Json]]:
    try:
        attempts = ATTEMPTS if step in ("check_azure", "check_resource") else _CLUSTER_ATTEMPTS
        seen = yield from run.call(step, attempts=attempts, **extra)
    except StepFailed as failure:
        return [_as_finding(failure.error)]
    run.facts.update(seen["facts"])
    found: list[Json] = seen["findings"]
    return found


def _plan(run: Run) -> list[str]:
    if isinstance(run.request, OffboardRequest):
        return [f"remove {item}" for item in _to_remove(run) if item != _NOT_LOOKED_AT]
    facts = run.facts
    plan = [f"register provider namespace {namespace}" for namespace in facts["toRegister"]]
    if not facts["resourceGroupExists"]:
        plan.append(f"create resource group {run.request.resource_group} in {run.request.location}")
    if not facts["releaseDeployed"]:
        plan.append("install release azure-arc")
    if not facts["resourceExists"]:
        plan.append(f"create connected cluster {run.request.name}")
    return plan


def _to_remove(run: Run) -> list[str]:
    resource = [f"connected cluster {run.request.name}"] if run.facts["resourceExists"] else []
    return resource + list(run.facts["agents"])


def _as_finding(error: Json) -> Json:
    return {"code": error["code"], "level": "error", "message": error["message"], "remedy": error["remedy"]}


def _as_error(errors: list[Json]) -> Json:
    first = errors[0]
    more = f" ({len(errors) - 1} more errors in findings)" if len(errors) > 1 else ""
    return ArcError(first["code"], first["message"] + more, remedy=first["remedy"], details=errors).as_dict()
