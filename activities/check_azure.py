"""check_azure: checks what Azure must offer and allow before anything is changed in it."""

from activities.absence import believe_absent
from activities.shared_reads import checked_by, is_member, resource_of
from activities.step import Call
from arcway.azure import connected_clusters, data_plane, subscriptions
from arcway.azure.onboard_findings import (
    group_findings,
    location_findings,
    needed_actions,
    permission_findings,
    state_findings,
    subscription_findings,
)
from arcway.azure.providers import REGISTERED, needed_namespaces
from arcway.azure.requested_changes import environment_of, link_changes, onboard_change
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import (
    has_expired,
    has_key,
    is_being_deleted,
    managed_elsewhere,
    serves_another,
    taken,
)
from arcway.domain.errors import ArcError
from arcway.domain.feature_findings import azure_findings
from arcway.domain.findings import finding
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest
from arcway.domain.steps import Checked


def check_azure(call: Call) -> Checked:
    """Findings and facts of the subscription; changes nothing."""
    return checked_by(call, _check)


def _check(call: Call, *, shared: bool) -> Checked:
    request, azure = call.request, call.installation.azure
    subscription = subscriptions.subscription(azure, request.subscription_id, shared=shared)
    findings = subscription_findings(request.subscription_id, subscription.state) + _location(call)
    findings += _owner(call, call.payload["owner"])
    group = subscriptions.resource_group(azure, request.subscription_id, request.resource_group, shared=shared)
    group_exists = group is not None
    findings += group_findings(request, group) if group_exists else []
    resource = resource_of(call, may_be_new=True, shared=shared) if group_exists else None
    findings += managed_elsewhere(resource) + _state(call, resource)
    findings += _of_another(request, resource, call.payload.get("publicKey"))
    findings += azure_findings(request.features, resource, _distribution(call, resource))
    namespaces = needed_namespaces(request)
    states = {name: azure.providers.state(request.subscription_id, name, shared=shared) for name in namespaces}
    if group_exists:
        findings += _permissions(call, states, shared=shared)
    else:
        findings += group_findings(request, None)
    if not any(finding["level"] == "error" for finding in findings):
        data_plane.check_health(azure, request.location)
    return {
        "findings": findings,
        "facts": {
            "tenantId": subscription.tenant_id,
            "resourceGroupExists": group_exists,
            "resourceExists": resource is not None,
            "resourceChanges": _changes(call, resource),
            "takesOver": resource is not None and serves_another(resource, call.payload.get("publicKey")),
            "toRegister": [name for name, state in states.items() if state != REGISTERED],
        },
    }


def _changes(call: Call, resource: Json | None) -> list[str]:
    """The properties of the connected cluster that the connect will change."""
    cluster = call.payload.get("cluster")
    if resource is None or cluster is None:
        return []
    key = cluster.get("publicKey")
    changes = [*onboard_change(call.request, resource, key, cluster).differing(resource)]
    changes += link_changes(call.installation.azure, call.request)
    # A cluster without a key gets one.
    return sorted(changes if key else [*changes, "agentPublicKeyCertificate"])


def _distribution(call: Call, resource: Json | None) -> str | None:
    """The distribution of the cluster after the connect; None if the cluster could not be read."""
    if call.request.distribution or not (cluster := call.payload.get("cluster")):
        return call.request.distribution
    return environment_of(resource, cluster.get("publicKey"), cluster)["distribution"]


def _of_another(request: OnboardRequest, resource: Json | None, public_key: str | None) -> list[Json]:
    """A live connected cluster whose key this cluster does not have is taken over only if the request sets takeOver."""
    if resource is None or not serves_another(resource, public_key):
        return []
    if not request.take_over:
        return [finding(Code.CONNECTED_CLUSTER_TAKEN, taken(resource))]
    message = (
        f"{taken(resource)} takeOver is set, so it will be taken over; the other cluster loses its identity in Azure."
    )
    return [{**finding(Code.CONNECTED_CLUSTER_TAKEN, message, "warning"), "remedy": None}]


def _state(call: Call, resource: Json | None) -> list[Json]:
    """What the connected cluster's own state says, and whether the identity of this cluster's agents has expired."""
    findings, key = state_findings(call.request, resource), call.payload.get("publicKey")
    if resource is None or is_being_deleted(resource):
        return findings
    return findings + (has_expired(resource) if key and has_key(resource, key) else [])


def _owner(call: Call, owner: str | None) -> list[Json]:
    """Agents of another connected cluster are taken over only if that one is known to be gone."""
    if owner is None or owner.lower() == call.request.cluster.key:
        return []
    _, _, subscription, _, group, *_, name = owner.split("/")
    try:
        gone = connected_clusters.get(call.installation.azure, ClusterId(subscription, group, name)) is None
    except ArcError as error:
        if error.retryable:
            raise
        gone = False
    if gone:
        believe_absent(call, owner)
        message = f"The cluster's agents belonged to {owner}, which no longer exists; Arcway adopts them."
        return [{**finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, message, "info"), "remedy": None}]
    return [finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, f"The cluster's agents belong to {owner}.")]


def _location(call: Call) -> list[Json]:
    request = call.request
    offered = call.installation.azure.providers.locations(
        request.subscription_id, connected_clusters.RESOURCE_TYPE, shared=is_member(call)
    )
    return location_findings(request.location, offered)


def _permissions(call: Call, states: dict[str, str], *, shared: bool) -> list[Json]:
    """What the caller lacks in the group."""
    request = call.request
    missing = subscriptions.missing_actions(
        call.installation.azure,
        request.subscription_id,
        request.resource_group,
        needed_actions(request, states),
        shared=shared,
    )
    return permission_findings(request.subscription_id, states, missing)
