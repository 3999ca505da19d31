"""uninstall_agents: removes the agents from the cluster. Also undoes deploy_agents and ensure_key_pair."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.cluster.agents import removal
from arcway.domain.errors import redact
from arcway.domain.leftovers import describe_all
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Polled

_SHOWN, _REASON = 20, 600


def uninstall_agents(call: Call[AnyRequest]) -> Polled:
    """Done when release, namespaces and cluster-wide objects are gone; `leftovers` are what is not."""
    with locked_cluster(call) as target:
        remaining = removal.remove(target, call.request.cluster, force=call.payload.get("force", False))
    names = describe_all(remaining.leftovers)
    detail = f"still deleting {', '.join(names[:_SHOWN])}" if names else "uninstalled"
    if remaining.reason:
        detail += f" ({redact(remaining.reason, _REASON)})"
    leftovers = remaining.leftovers[:_SHOWN]
    return {"done": not names, "detail": detail, "leftovers": leftovers, "remedy": remaining.remedy}
