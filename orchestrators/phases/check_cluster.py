"""checkCluster: look at the cluster and at Azure, collect every finding, stop on any error; nothing is changed."""

from typing import Any

from arcway.domain.errors import ArcError

from orchestrators.run import Json, Run, StepFailed, Work

_ATTEMPTS = 2


def check_cluster(run: Run) -> Work[None]:
    """Learn the facts that later phases need; a check alone has its findings as its result and never fails on them."""
    findings: list[Json] = []
    findings += yield from _look(run, "check_cluster")
    findings += yield from _look(run, "check_azure", owner=run.facts.get("cluster", {}).get("owner"))
    run.find(findings)
    errors = [finding for finding in findings if finding["level"] == "error"]
    run.detail(f"{len(errors)} errors in {len(findings)} findings" if findings else "nothing found")
    if run.request.operation == "check":
        run.facts["result"] = {"ready": not errors, "findings": findings, "plan": _plan(run) if not errors else []}
    elif errors:
        raise StepFailed(_as_error(errors))


def _look(run: Run, step: str, **extra: Any) -> Work[list[Json]]:
    try:
        seen = yield from run.call(step, attempts=_ATTEMPTS, **extra)
    except StepFailed as failure:
        return [_as_finding(failure.error)]
    run.facts.update(seen["facts"])
    found: list[Json] = seen["findings"]
    return found


def _plan(run: Run) -> list[str]:
    facts = run.facts
    plan = [f"register provider namespace {namespace}" for namespace in facts["toRegister"]]
    if not facts["resourceGroupExists"]:
        plan.append(f"create resource group {run.request.resource_group} in {run.request.location}")
    if not facts["releaseDeployed"]:
        plan.append("install release azure-arc")
    if not facts["resourceExists"]:
        plan.append(f"create connected cluster {run.request.name}")
    return plan


def _as_finding(error: Json) -> Json:
    return {"code": error["code"], "level": "error", "message": error["message"], "remedy": error["remedy"]}


def _as_error(errors: list[Json]) -> Json:
    first = errors[0]
    more = f" ({len(errors) - 1} more errors in findings)" if len(errors) > 1 else ""
    return ArcError(first["code"], first["message"] + more, remedy=first["remedy"], details=errors).as_dict()
