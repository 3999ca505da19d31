"""poll_network_check: reads the Job that tries the network once."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.checks import network_check
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import NetworkCheckPolled


def poll_network_check(call: Call | Call[EnablePolicyRequest]) -> NetworkCheckPolled:
    """Done when the Job has an outcome or cannot have one; then `findings` and, by address, `reachable`."""
    with open_cluster(call) as api:
        outcome = network_check.read_outcome(api)
    if outcome.problem:
        findings = [finding(Code.NETWORK_NOT_CHECKED, f"The network check could not run. {outcome.problem}", "warning")]
        return {"done": True, "detail": "could not run", "findings": findings, "reachable": {}}
    if outcome.reachable is None:
        return {"done": False, "detail": outcome.detail}
    endpoints = call.payload["addresses"]
    findings = [item for endpoint in endpoints for item in _findings(endpoint, outcome.reachable)]
    addresses = [endpoint["address"] for endpoint in endpoints]
    reachable = {address: outcome.reachable[address] for address in addresses if address in outcome.reachable}
    return {"done": True, "detail": outcome.detail, "findings": findings, "reachable": reachable}


def _findings(endpoint: Json, reachable: dict[str, bool]) -> list[Json]:
    address, purpose = endpoint["address"], endpoint["purpose"]
    if address not in reachable:
        return [
            finding(Code.NETWORK_NOT_CHECKED, f"The check reported no result for {address} ({purpose}).", "warning")
        ]
    if reachable[address]:
        return []
    message = f"Pods of the cluster cannot reach {address} ({purpose})."
    return [finding(Code.AGENT_ENDPOINT_UNREACHABLE, message, "warning" if endpoint["optional"] else "error")]
