"""poll_extension_release: reads the Deployments of an extension's release once."""

from activities.cluster_session import open_cluster
from activities.extension_target import extension_name
from activities.step import Call
from arcway.cluster import extension_release
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import Polled


def poll_extension_release(call: Call[ApplyExtensionRequest] | Call[EnablePolicyRequest]) -> Polled:
    """Done when all are Ready; `code` and `remedy` say why they are not."""
    with open_cluster(call) as api:
        verdict = extension_release.check(api, extension_name(call), call.payload.get("namespace"))
    polled: Polled = {"done": verdict.done, "detail": verdict.detail}
    if verdict.hindrance is None:
        return polled
    return {**polled, "code": verdict.hindrance.error.code, "remedy": verdict.hindrance.error.remedy}
