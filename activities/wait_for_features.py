"""wait_for_features: reads once whether the agents have set up the features that the run turned on."""

from activities.absence import believe_absent
from activities.shared_reads import listed, looks_until_done, own_read
from activities.step import Call
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.feature_reports import (
    agent_errors,
    agent_state,
    handed_out,
    is_older_failure,
    is_self_hosted,
    issuer_of,
)
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, UpdateRequest
from arcway.domain.steps import MetadataPolled

_DONE, _FAILED = "succeeded", "failed"


@looks_until_done
def wait_for_features(call: Call[OnboardRequest | UpdateRequest]) -> MetadataPolled:
    """Done when the agents report success and the issuer is known; the resource comes along then, with the issuer.

    Raises `ArcError` ARC-5060 with the agents' errors when they report a failure, ARC-4012 when the resource is gone.
    """
    item = listed(call)
    if item is not None and not item.is_current:
        return {"done": False, "detail": "the agents' state is not known yet", "retryAfter": item.next_in}
    if item is not None and item.resource is not None and not _is_over(call, item.resource):
        return {**_waiting(call, item.resource), "retryAfter": item.next_in}
    resource = own_read(call, item)
    if resource is None:
        believe_absent(call, f"connected cluster {call.request.name}")
        raise ArcError(Code.CONNECTED_CLUSTER_NOT_FOUND, "The connected cluster was deleted during the run.")
    if not _is_over(call, resource):
        return _waiting(call, resource)
    if _state(resource) == _FAILED:
        reason = agent_errors(resource) or "no reason given"
        raise ArcError(Code.FEATURES_FAILED, f"The agents could not set up the features: {reason}", retryable=False)
    return {"done": True, "detail": "set up", "resource": {**resource, "features": handed_out(resource)}}


def _is_over(call: Call[OnboardRequest | UpdateRequest], resource: Json) -> bool:
    state = _state(resource)
    if state == _FAILED:
        # One of before this run's change, or of before the run if it changed nothing, is of another cause.
        return not is_older_failure(resource, call.payload.get("writtenAt") or call.payload["createdAt"])
    # A service that reports no state has nothing to report of what this run did not change.
    is_unchanged = state is None and call.payload.get("writtenAt") is None
    is_reported = state == _DONE or is_unchanged or not _is_reported_on(call, resource)
    return is_reported and not _lacks_issuer(call, resource)


def _lacks_issuer(call: Call[OnboardRequest | UpdateRequest], resource: Json) -> bool:
    features = call.request.features
    return bool(features and features.oidc_issuer and features.oidc_issuer.enabled and issuer_of(resource) is None)


def _is_reported_on(call: Call[OnboardRequest | UpdateRequest], resource: Json) -> bool:
    """Whether the agents have something to set up; an issuer of the cluster's own they only take note of."""
    features = call.request.features
    return not is_self_hosted(resource) or bool(features and features.workload_identity)


def _waiting(call: Call[OnboardRequest | UpdateRequest], resource: Json) -> MetadataPolled:
    state, errors = agent_state(resource), agent_errors(resource)
    detail = f"the agents report {state}" if state else "the agents have not reported yet"
    detail += ", and the issuer is not known yet" if _lacks_issuer(call, resource) else ""
    return {"done": False, "detail": f"{detail} ({errors})" if errors else detail}


def _state(resource: Json) -> str | None:
    state = agent_state(resource)
    return state.lower() if state else None
