"""Reads of Azure that members of one fleet share; of a member that is alone, its own steps share them.

A lone run reads for itself, and so does every step before it writes, but for a deletion with azureOnly, which no
content of the resource could prevent.

Which answers may be shared is decided here and in the steps; how they are shared is the adapter's concern.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from activities.step import Call
from arcway.azure import connected_clusters
from arcway.azure.listings import Listed
from arcway.domain.json_values import Json
from arcway.domain.steps import Checked, Polled


def is_member(call: Call[Any]) -> bool:
    """Whether the run belongs to a fleet."""
    return bool(call.payload.get("fleet"))


def listed(call: Call[Any], *, waits: bool = True) -> Listed | None:
    """What the shared listing says of a member's cluster, and whether it was read for this run alone; None for a lone
    run, whose steps read for themselves.
    """
    if not is_member(call):
        return None
    return connected_clusters.look(call.installation.azure, call.request.cluster, _run_of(call), waits=waits)


def own_read(call: Call[Any], item: Listed | None) -> Json | None:
    """The connected cluster as the run itself has read it, which alone is its result; None if there is none."""
    if item is not None and item.is_own and item.resource is not None:
        return item.resource
    return connected_clusters.get(call.installation.azure, call.request.cluster)


def looks_until_done[P: Polled](step: Callable[[Call[Any]], P]) -> Callable[[Call[Any]], P]:
    """The step, after which a member does not count as one that looks if what it waits for is there."""

    @wraps(step)
    def look(call: Call[Any]) -> P:
        polled = step(call)
        if polled["done"] and is_member(call):
            connected_clusters.leave(call.installation.azure, call.request.cluster, _run_of(call))
        return polled

    return look


def _run_of(call: Call[Any]) -> str:
    return str(call.payload.get("runId"))


def resource_of(
    call: Call[Any],
    *,
    may_be_new: bool = False,
    shared: bool = True,
    is_good: Callable[[Json], bool] = lambda _resource: True,
) -> Json | None:
    """The run's connected cluster; None if there is none.

    From the shared listing only if it `is_good`; with `may_be_new` it is also believed if the cluster is not in it.
    """
    item = listed(call, waits=False) if shared else None
    if item is not None and item.is_current and _is_new_enough(call, item):
        is_believed = is_good(item.resource) if item.resource else may_be_new
        if is_believed:
            return item.resource
    return connected_clusters.get(call.installation.azure, call.request.cluster)


def _is_new_enough(call: Call[Any], item: Listed) -> bool:
    """Whether the listing began after the time before which nothing counts: a plan shows what was changed before it."""
    since: str | None = call.payload.get("since")
    return since is None or item.age <= (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()


def checked_by(call: Call[Any], check: Callable[..., Checked]) -> Checked:
    """What `check(call, shared=…)` says; what is wrong by an answer that others had is read again before it counts."""
    if is_member(call):
        checked = check(call, shared=True)
        if not any(finding["level"] == "error" for finding in checked["findings"]):
            return checked
    return check(call, shared=False)
