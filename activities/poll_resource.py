"""poll_resource: reads the provisioning of the connected cluster once."""

from activities.absence import believe_absent
from activities.shared_reads import listed, looks_until_done
from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.errors import code_of, described
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_provisioned
from arcway.domain.errors import ArcError, redact
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Polled

_ENDED_BADLY = ("Failed", "Canceled")


@looks_until_done
def poll_resource(call: Call[AnyRequest]) -> Polled:
    """Done when provisioning succeeded. Raises ARC-4010 when it ended otherwise, ARC-4012 when it is gone."""
    if (progress := _listed_progress(call)) is not None:
        return progress
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


def _listed_progress(call: Call[AnyRequest]) -> Polled | None:
    """What the shared listing says; None if the operation itself is to be asked, as when it has failed."""
    item = listed(call)
    if item is None or (item.is_current and item.resource is None):
        return None
    if not item.is_current or item.resource is None:
        return {"done": False, "detail": "provisioning is in progress", "retryAfter": item.next_in}
    status = item.resource["properties"].get("provisioningState", "")
    written_at = (item.resource.get("systemData") or {}).get("lastModifiedAt") or ""
    # Before this run's write the resource may have been as it should be, too.
    if status in _ENDED_BADLY or written_at < call.payload["createdAt"]:
        return None
    return {
        "done": is_provisioned(item.resource),
        "detail": f"provisioning is {status}",
        "retryAfter": None if is_provisioned(item.resource) else item.next_in,
    }
