"""uninstall_agents: the agents are gone from the cluster. Also undoes deploy_agents and ensure_key_pair."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.cluster import removal
from arcway.domain.errors import redact
from arcway.domain.request import AnyRequest

_SHOWN = 20


def uninstall_agents(call: Call[AnyRequest]) -> Json:
    """Done when release, namespaces and cluster-wide objects are gone; `left` names what is not."""
    with cluster_of(call) as target:
        left, reason = removal.remove(target, call.request.cluster, force=call.given.get("force", False))
    detail = f"still deleting {', '.join(left[:_SHOWN])}" if left else "uninstalled"
    if reason:
        detail += f" ({redact(reason, 200)})"
    return {"done": not left, "detail": detail, "left": left[:_SHOWN]}
