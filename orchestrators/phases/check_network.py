"""The part of checkCluster that only runs when asked for: a Job in the cluster tries the network, and is removed."""

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.phases import POLL_NETWORK_CHECK

from orchestrators.failures import StepFailed
from orchestrators.run import Json, Run, Work

# Twice as long as the Job may take, so that its own end is seen.
_LIMIT_SECONDS = 120
_NAMESPACE = "namespace arcway-check"


def check_network(run: Run) -> Work[list[Json]]:
    """Findings about the addresses that the agents need. A check that cannot run is a finding, never a hang."""
    run.limit(_LIMIT_SECONDS)
    run.temporary(_NAMESPACE, "end_network_check")
    try:
        findings = yield from _try(run)
    except StepFailed as failure:
        error = failure.error
        cause = ArcError(
            Code.NETWORK_NOT_CHECKED, f"The network check could not run. {error['code']}: {error['message']}"
        )
        findings = [{**as_finding(cause.as_dict()), "level": "warning"}]
    yield from run.tidy(_NAMESPACE)
    return findings


def _try(run: Run) -> Work[list[Json]]:
    facts = run.facts["cluster"]
    started = yield from run.poll("start_network_check", POLL_NETWORK_CHECK, late=Code.NETWORK_NOT_CHECKED, facts=facts)
    tried = started["addresses"]
    seen = yield from run.poll("poll_network_check", POLL_NETWORK_CHECK, late=Code.NETWORK_NOT_CHECKED, addresses=tried)
    reachable = seen["reachable"]
    run.facts["network"] = [{**item, "reachable": reachable.get(item["address"])} for item in tried]
    return [*started["findings"], *seen["findings"]]


def not_checked() -> Json:
    """The finding that stands for a check which was asked for and not begun."""
    error = ArcError(Code.NETWORK_NOT_CHECKED, "The network was not checked, because the cluster itself has errors.")
    return {**as_finding(error.as_dict()), "level": "info"}


def as_finding(error: Json) -> Json:
    """An error as the finding that it is in a check."""
    return {"code": error["code"], "level": "error", "message": error["message"], "remedy": error["remedy"]}
