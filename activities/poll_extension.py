"""poll_extension: reads once how far Azure is with an extension, and what its pods wait for."""

from activities.absence import believe_absent
from activities.cluster_session import open_cluster
from activities.extension_target import extension_name
from activities.step import Call
from arcway.azure import extensions
from arcway.azure.connected_clusters import operation_state
from arcway.azure.errors import described
from arcway.azure.extensions import EXTENSIONS
from arcway.cluster import extension_release
from arcway.cluster.agents.health import Verdict
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.extension_changes import is_in_progress, state_of
from arcway.domain.extension_request import ExtensionRequest
from arcway.domain.extensions import code_of_failure, failures, with_failures
from arcway.domain.json_values import Json
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import ExtensionPolled

_ENDED = ("", "Succeeded", "Failed", "Canceled")


def poll_extension(call: Call[ExtensionRequest] | Call[EnablePolicyRequest]) -> ExtensionPolled:
    """Done when Azure has finished. With `settle` in the payload it counts as finished when it has failed, too.

    Raises `ArcError`: ARC-4028 when the extension is gone, and the code of the failure when it failed.
    """
    status, wait, error = "", None, None
    if operation := call.payload.get("operation"):
        status, wait, error = operation_state(call.installation.azure, operation)
    if status not in _ENDED:
        return _waiting(call, f"extension is {status}", wait, None)
    name = extension_name(call)
    resource = EXTENSIONS.get(call.installation.azure, call.request.cluster, name)
    if resource is None:
        believe_absent(call, f"extension {name}")
        if call.payload.get("settle"):
            return {"done": True, "detail": "deleted"}
        raise ArcError(Code.EXTENSION_NOT_FOUND, f"Extension {name} was deleted while it was being installed.")
    if is_in_progress(resource):
        return _waiting(call, f"extension is {state_of(resource)}", wait, resource)
    if not call.payload.get("settle"):
        _raise_failure(name, resource, status, error or {})
    return {
        "done": True,
        "detail": f"extension is {state_of(resource)}",
        "resource": with_failures(resource),
        "namespace": extensions.release_namespace(resource),
    }


def _raise_failure(name: str, resource: Json, status: str, error: Json) -> None:
    for item in failures(resource):
        raise ArcError(item["code"], item["message"], remedy=item["remedy"], retryable=False)
    if status in ("Failed", "Canceled"):
        reason = redact(described(error), 300) or "Azure gives no reason."
        raise ArcError(code_of_failure(reason), f"Extension {name} is {status}: {reason}", retryable=False)


def _waiting(
    call: Call[ExtensionRequest] | Call[EnablePolicyRequest], detail: str, wait: float | None, resource: Json | None
) -> ExtensionPolled:
    """What it waits for; pods say why long before Azure does, which waits for Helm to give up."""
    polled: ExtensionPolled = {"done": False, "detail": detail, "retryAfter": wait}
    if call.request.kubeconfig is None:
        return polled
    try:
        with open_cluster(call) as api:
            verdict = extension_release.check(api, extension_name(call), extensions.release_namespace(resource))
    except ArcError as error:
        # Azure decides whether the extension is installed; a cluster that cannot be read now only says less.
        return {**polled, "detail": f"{detail}; {error.message}"}
    return _with(polled, verdict)


def _with(polled: ExtensionPolled, verdict: Verdict) -> ExtensionPolled:
    detailed: ExtensionPolled = {**polled, "detail": f"{polled['detail']}; {verdict.detail}"}
    if verdict.hindrance is None:
        return detailed
    return {**detailed, "code": verdict.hindrance.error.code, "remedy": verdict.hindrance.error.remedy}
