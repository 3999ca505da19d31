"""poll_network_check: reads the Job that tries the network once."""

from activities.step import Call, Json
from activities.targets import access_to
from arcway.cluster.access.api import cluster_api
from arcway.cluster.checks import network_check
from arcway.domain.codes import Code
from arcway.domain.findings import finding


def poll_network_check(call: Call) -> Json:
    """Done when the Job has an outcome or cannot have one; then `findings` and, by address, `reachable`."""
    with cluster_api(access_to(call)) as api:
        seen = network_check.read_outcome(api)
    if seen.problem:
        found = [finding(Code.NETWORK_NOT_CHECKED, f"The network check could not run. {seen.problem}", "warning")]
        return {"done": True, "detail": "could not run", "findings": found, "reachable": {}}
    if seen.reachable is None:
        return {"done": False, "detail": seen.detail}
    found = [item for tried in call.given["addresses"] for item in _judged(tried, seen.reachable)]
    reachable = {
        tried["address"]: seen.reachable[tried["address"]]
        for tried in call.given["addresses"]
        if tried["address"] in seen.reachable
    }
    return {"done": True, "detail": seen.detail, "findings": found, "reachable": reachable}


def _judged(tried: Json, reachable: dict[str, bool]) -> list[Json]:
    address, purpose = tried["address"], tried["purpose"]
    if address not in reachable:
        return [
            finding(Code.NETWORK_NOT_CHECKED, f"The check reported no result for {address} ({purpose}).", "warning")
        ]
    if reachable[address]:
        return []
    text = f"Pods of the cluster cannot reach {address} ({purpose})."
    return [finding(Code.AGENT_ENDPOINT_UNREACHABLE, text, "warning" if tried["optional"] else "error")]
