"""poll_resource: one look at the provisioning of the connected cluster."""

from activities.step import Call, Json
from arcway.azure import connected_clusters
from arcway.domain.errors import ArcError, redact
from arcway.domain.request import AnyRequest

_ENDED_BADLY = ("Failed", "Canceled")


def poll_resource(call: Call[AnyRequest]) -> Json:
    """Done when provisioning succeeded. Raises `ArcError` ARC-4010 when it ended otherwise."""
    if call.given["operation"]:
        status, wait, error = connected_clusters.operation_state(call.given["operation"])
    else:
        resource = connected_clusters.get(call.request.cluster)
        status = resource["properties"].get("provisioningState", "") if resource else "Failed"
        wait, error = None, None
    if status in _ENDED_BADLY:
        text = redact(f"{(error or {}).get('code', '')} {(error or {}).get('message', '')}".strip(), 300)
        raise ArcError(
            "ARC-4010", f"Provisioning of the connected cluster ended as {status}: {text or 'no reason given'}"
        )
    return {"done": status == "Succeeded", "detail": f"provisioning is {status}", "retryAfter": wait}
