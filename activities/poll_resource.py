"""poll_resource: reads the provisioning of the connected cluster once."""

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.errors import code_of, described
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Polled

_ENDED_BADLY = ("Failed", "Canceled")


def poll_resource(call: Call[AnyRequest]) -> Polled:
    """Done when provisioning succeeded. Raises ARC-4010 when it ended otherwise, ARC-4012 when it is gone."""
    status, wait, error = "", None, None
    if call.payload["operation"]:
        status, wait, error = connected_clusters.operation_state(call.installation.azure, call.payload["operation"])
    if not status:
        resource = connected_clusters.get(call.installation.azure, call.request.cluster)
        if resource is None:
            believe_absent(call, f"connected cluster {call.request.name}")
            raise ArcError(
                Code.CONNECTED_CLUSTER_NOT_FOUND, "The connected cluster was deleted while it was being provisioned."
            )
        status = resource["properties"].get("provisioningState", "")
    if status in _ENDED_BADLY:
        failure = error or {}
        reason = redact(f"{failure.get('code', '')} {described(failure)}".strip(), 300) or "no reason given"
        message = f"Provisioning of the connected cluster ended in state {status}: {reason}"
        raise ArcError(code_of(failure) or Code.PROVISIONING_FAILED, message, retryable=False)
    return {"done": status == "Succeeded", "detail": f"provisioning is {status}", "retryAfter": wait}
