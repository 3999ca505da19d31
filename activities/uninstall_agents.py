"""uninstall_agents: the agents are gone from the cluster. Undoes deploy_agents and ensure_key_pair."""

from activities.step import Call, Json
from activities.targets import access_to
from arcway.cluster import release
from arcway.cluster.api import cluster_api
from arcway.cluster.helm import helm


def uninstall_agents(call: Call) -> Json:
    """Done when release and namespaces are gone."""
    access = access_to(call.request)
    with cluster_api(access) as api:
        left = release.remove(helm(), api, access)
    return {"done": left is None, "detail": f"still deleting {left}" if left else "uninstalled"}
