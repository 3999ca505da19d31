"""await_removal: reads once whether an earlier removal of the agents has ended."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.cluster.agents import removal
from arcway.domain.steps import Polled


def await_removal(call: Call) -> Polled:
    """Done when no namespace or CRD of the agents is being deleted and no uninstall is unfinished."""
    with locked_cluster(call) as target:
        going, remedy = removal.finish(target.helm, target.api, target.access)
    return {"done": going is None, "detail": f"still deleting {going}" if going else None, "remedy": remedy}
