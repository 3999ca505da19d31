"""delete_extensions: deletes the Flux configurations of a connected cluster, then its extensions.

The other order leaves them behind: without Flux the finalizers of its objects stay, and agents that are removed first
cannot remove the releases of extensions.
"""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.azure.kubernetes_configuration import Collection
from arcway.cluster import extension_release
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all, leftover
from arcway.domain.managed_states import state_of
from arcway.domain.request import OffboardRequest
from arcway.domain.steps import Polled
from arcway.domain.text import listed

_NAMED = 10


def delete_extensions(call: Call[OffboardRequest]) -> Polled:
    """Done when Azure and the cluster have none of them any more. Asks for a deletion unless Azure is at it already."""
    for kind, collection in (("FluxConfiguration", FLUX_CONFIGURATIONS), ("Extension", EXTENSIONS)):
        if names := _delete_all(call, collection):
            return _waiting([leftover(kind, name, reason="NotRemovedYet") for name in names])
    remaining = _in_cluster(call)
    if remaining:
        return _waiting([leftover("HelmRelease", name, reason="NotRemovedYet") for name in remaining])
    return {"done": True, "detail": "deleted", "leftovers": []}


def _delete_all(call: Call[OffboardRequest], collection: Collection) -> list[str]:
    """Ask for the deletion of each; returns the names of those that are still there."""
    azure, cluster = call.installation.azure, call.request.cluster
    names = []
    for resource in collection.list_in(azure, cluster):
        names.append(str(resource["name"]))
        if state_of(resource) != "deleting":
            collection.delete(azure, cluster, resource["name"], force=False)
    return sorted(names)


def _in_cluster(call: Call[OffboardRequest]) -> list[str]:
    """The extensions of which something is still in the cluster, as far as the credential may read that."""
    if call.request.kubeconfig is None:
        return []
    names: list[str] = call.payload["extensions"]
    with open_cluster(call) as api:
        try:
            return [name for name in names if extension_release.remaining(api, name)]
        except ArcError as error:
            if error.code != Code.CLUSTER_PERMISSION_MISSING:
                raise
            return []


def _waiting(leftovers: list[Json]) -> Polled:
    return {
        "done": False,
        "detail": f"still deleting {listed(describe_all(leftovers), _NAMED)}",
        "leftovers": leftovers,
    }
