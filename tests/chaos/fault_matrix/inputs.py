"""What runs are given, as `arcway.runs.starter` puts it together."""

from datetime import UTC, datetime

from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.chaos.fault_matrix.world import Case


def payload(case: Case, on_failure: str, source: str | None = None, agents: Json | None = None) -> Json:
    return {
        "runId": "0123456789ab",
        "operation": "onboard",
        "requestKey": "key",
        "keys": [],
        "request": parse_request({**case.request(on_failure), "agents": agents or {}}).as_json(),
        "createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "correlationId": "matrix",
        "source": source,
        "traceparent": None,
    }


def offboarding(case: Case) -> Json:
    """What a run that disconnects the case's cluster is given otherwise."""
    fields = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
    body = {key: value for key, value in case.request("keep").items() if key in fields}
    request = parse_request(body, "offboard").as_json()
    return {"runId": "ba9876543210", "operation": "offboard", "request": request}
