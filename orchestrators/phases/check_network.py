"""The part of checkCluster that only runs when asked for: a Job in the cluster tries the network, and is removed."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_NETWORK_CHECK

from orchestrators.failures import StepFailed
from orchestrators.run_context import RunContext, Work

# Twice as long as the Job may take, so that its own end is seen.
_LIMIT_SECONDS = 120
_NAMESPACE = (leftover("Namespace", "arcway-check"), steps.END_NETWORK_CHECK)


def check_network(run: RunContext) -> Work[list[Json]]:
    """Findings about the addresses that are needed. A check that cannot run is a finding, never a hang."""
    run.set_time_limit(_LIMIT_SECONDS)
    run.add_cleanup(*_NAMESPACE)
    try:
        findings = yield from _run_job(run)
    except StepFailed as failure:
        error = failure.error
        cause = ArcError(
            Code.NETWORK_NOT_CHECKED, f"The network check could not run. {error['code']}: {error['message']}"
        )
        findings = [{**as_finding(cause.as_dict()), "level": "warning"}]
    yield from run.run_cleanups(steps.END_NETWORK_CHECK)
    return findings


def _run_job(run: RunContext) -> Work[list[Json]]:
    facts = run.facts.get("cluster", {})
    timeout_code = Code.NETWORK_NOT_CHECKED
    started = yield from run.poll(steps.START_NETWORK_CHECK, POLL_NETWORK_CHECK, timeout_code=timeout_code, facts=facts)
    addresses = started["addresses"]
    outcome = yield from run.poll(
        steps.POLL_NETWORK_CHECK, POLL_NETWORK_CHECK, timeout_code=timeout_code, addresses=addresses
    )
    reachable = outcome["reachable"]
    run.facts["network"] = [{**item, "reachable": reachable.get(item["address"])} for item in addresses]
    return [*started["findings"], *outcome["findings"]]


def not_checked() -> Json:
    """The finding that stands for a check which was asked for and not begun."""
    error = ArcError(Code.NETWORK_NOT_CHECKED, "The network check was skipped because the cluster has errors.")
    return {**as_finding(error.as_dict()), "level": "info"}


def as_finding(error: Json) -> Json:
    """An error as the finding that it is in a check."""
    return {"code": error["code"], "level": "error", "message": error["message"], "remedy": error["remedy"]}
