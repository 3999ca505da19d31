"""await_removal: one look at whether an earlier removal of the agents has ended."""

from activities.step import Call, Json
from activities.targets import cluster_of
from arcway.cluster import release


def await_removal(call: Call) -> Json:
    """Done when no namespace of the agents is Terminating and no uninstall is unfinished."""
    with cluster_of(call) as target:
        going = release.finish_removal(target.helm, target.api, target.access)
    return {"done": going is None, "detail": f"still deleting {going}" if going else None}
