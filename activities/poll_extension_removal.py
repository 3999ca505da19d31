"""poll_extension_removal: reads once what of a deleted extension is still in the cluster."""

from activities.cluster_session import open_cluster
from activities.extension_target import extension_name
from activities.step import Call
from arcway.cluster import extension_release
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.leftovers import leftover
from arcway.domain.policy_request import DisablePolicyRequest
from arcway.domain.steps import Polled
from arcway.domain.text import counted


def poll_extension_removal(call: Call[DeleteExtensionRequest] | Call[DisablePolicyRequest]) -> Polled:
    """Done when its Deployments and the agents' custom resource are gone."""
    name = extension_name(call)
    with open_cluster(call) as api:
        remaining = extension_release.remaining(api, name)
    if not remaining:
        return {"done": True, "detail": "deleted", "leftovers": []}
    return {
        "done": False,
        "detail": f"{counted(len(remaining), 'object')} of extension {name} not removed from the cluster yet",
        "leftovers": [leftover("HelmRelease", name, reason="NotRemovedYet")],
    }
