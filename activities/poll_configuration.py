"""poll_configuration: reads once how far Azure is with bringing a Flux configuration into the cluster."""

from typing import Any

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure.connected_clusters import operation_state
from arcway.azure.errors import described
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.gitops_status import deploy_key, failure_text, in_result
from arcway.domain.json_values import Json
from arcway.domain.managed_states import ended_badly, is_in_progress, state_of
from arcway.domain.steps import ConfigurationPolled

_ENDED = ("", "Succeeded", "Failed", "Canceled")


def poll_configuration(call: Call[Any]) -> ConfigurationPolled:
    """Done when Azure has finished. With `settle` in the payload it counts as finished when it has failed, too.

    Raises `ArcError`: ARC-4040 when the configuration is gone, ARC-5040 when it failed.
    """
    status, wait, error = "", None, None
    if operation := call.payload.get("operation"):
        status, wait, error = operation_state(call.installation.azure, operation)
    if status not in _ENDED:
        return {"done": False, "detail": f"configuration is {status}", "retryAfter": wait}
    name = call.request.configuration.name
    resource = FLUX_CONFIGURATIONS.get(call.installation.azure, call.request.cluster, name)
    if resource is None:
        believe_absent(call, f"Flux configuration {name}")
        if call.payload.get("settle"):
            return {"done": True, "detail": "deleted"}
        raise ArcError(Code.GITOPS_NOT_FOUND, f"Flux configuration {name} was deleted while it was being applied.")
    if is_in_progress(resource):
        return {"done": False, "detail": f"configuration is {state_of(resource)}", "retryAfter": wait}
    if not call.payload.get("settle"):
        _raise_failure(resource, status, error or {})
    return {
        "done": True,
        "detail": f"configuration is {state_of(resource)}",
        "resource": in_result(resource),
        "publicKey": deploy_key(resource),
    }


def _raise_failure(resource: Json, status: str, error: Json) -> None:
    if ended_badly(resource):
        raise ArcError(Code.GITOPS_FAILED, failure_text(resource, described(error)), retryable=False)
    if status in ("Failed", "Canceled"):
        message = f"Azure's operation is {status}: {described(error) or 'no reason'}."
        raise ArcError(Code.GITOPS_FAILED, message, retryable=False)
