"""uninstall_agents: the agents are gone from the cluster. Undoes deploy_agents and ensure_key_pair."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.cluster import release


def uninstall_agents(call: Call) -> Json:
    """Done when release and namespaces are gone."""
    with cluster_of(call) as target:
        left = release.remove(target.helm, target.api, target.access)
    return {"done": left is None, "detail": f"still deleting {left}" if left else "uninstalled"}
