"""The plan of a fleet as callers get it: counts, the requests that it takes, and a line for each member.

It has nothing that changes while what it is about does not: two plans are compared line by line.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from arcway.domain.fleets.plan import (
    AGENTS,
    CONFIGURATION,
    EXTENSION,
    PROVIDER,
    RESOURCE_GROUP,
    Depth,
    Forecast,
    PlanClass,
    counts_of,
    digest_of,
)
from arcway.domain.fleets.stage import Stage
from arcway.domain.json_values import Json
from arcway.domain.model import Model

_NOT_DONE = ("busy", "unreachable", "refused")
_BESIDE = (EXTENSION, CONFIGURATION)
# Requests of a member's own, without those that members share (docs/fleets.md).
_READS_OF_A_CHECK = 1
_READS_AFTER: Mapping[str, int] = {
    "onboard": 1,
    "check": 1,
    "offboard": 2,
    "upgrade": 1,
    "update": 0,
    "applyExtension": 4,
    "deleteExtension": 3,
    "applyGitops": 8,
    "deleteGitops": 5,
    "enablePolicy": 6,
    "disablePolicy": 5,
}


class PlannedMember(Model):
    """What would be done with one member."""

    resource_id: str
    """In lower case."""
    kind: Annotated[PlanClass, Field(alias="class")]
    changes: list[str]
    """The properties of the connected cluster that change; `connectedCluster`, if it is deleted; of the agents
    `agents.` and what, or `agents` where that is not known, the same for `extension`, `configuration` and
    `assignment`;
    `resourceGroup` and `provider` with the namespace, if these are created and registered."""
    code: str | None
    """Why the member is busy, unreachable or refused."""


class Estimate(Model):
    """The requests to Resource Manager that members need for themselves. Waiting for Azure may take more."""

    writes: int
    reads: int


class PlannedStage(Model):
    """A stage that the fleet would have, and its limits in numbers."""

    name: str
    size: int
    """How many members it takes."""
    at_once: int
    """The maximum number of members in progress: the window, or with a strict budget what may fail and one."""
    max_failures: int
    """How many members may fail before the fleet halts."""
    soak: int
    """Seconds."""
    approve: Literal["before", "after"] | None


class FleetPlan(Model):
    """What a fleet would do, and a digest that is equal for equal plans."""

    fleet: str
    operation: str
    depth: Depth
    """azure: by what Azure lists; what only a cluster knows is not in it. cluster: each cluster was checked."""
    digest: str
    """The SHA-256 of the members as canonical JSON lines (sorted keys, no blanks)."""
    counts: dict[str, int]
    """Members by class."""
    estimate: Estimate
    stages: list[PlannedStage]
    """In their order; one of all members, if the request has none."""
    members: list[PlannedMember]
    """By resource id."""


def plan_document(
    fleet: str, operation: str, depth: Depth, forecasts: Mapping[str, Forecast], stages: Sequence[Json]
) -> Json:
    """The plan of these members; `forecasts` are by resource id in lower case, `stages` as a fleet's input has them."""
    members = [{"resourceId": key, **forecasts[key].as_json()} for key in sorted(forecasts)]
    plan = {
        "fleet": fleet,
        "operation": operation,
        "depth": depth,
        "digest": digest_of(forecasts),
        "counts": counts_of(forecasts.values()),
        "estimate": _estimate(operation, forecasts),
        "stages": _stages([Stage(**stage) for stage in stages]),
        "members": members,
    }
    return FleetPlan.model_validate(plan).as_json()


def _stages(stages: Sequence[Stage]) -> list[Json]:
    starts = [0, *(stage.end for stage in stages)]
    return [
        {
            "name": stage.name,
            "size": stage.end - start,
            "atOnce": min(stage.window, stage.end - start, stage.most_at_once),
            "maxFailures": stage.max_failures,
            "soak": int(stage.soak),
            "approve": stage.approve,
        }
        for start, stage in zip(starts, stages, strict=False)
    ]


def _estimate(operation: str, forecasts: Mapping[str, Forecast]) -> Json:
    """Resource groups and registrations count once for all members that need them."""
    writes = sum(_writes(item) for item in forecasts.values())
    shared: set[tuple[str, str]] = set()
    for key, item in forecasts.items():
        _, _, subscription, _, group, *_ = key.split("/")
        for change in item.changes:
            if change == RESOURCE_GROUP:
                shared.add((f"{subscription}/{group}", change))
            elif change.startswith(PROVIDER):
                shared.add((subscription, change))
    is_done = [item.kind not in _NOT_DONE for item in forecasts.values()]
    reads = len(is_done) * _READS_OF_A_CHECK + sum(is_done) * _READS_AFTER[operation]
    return {"writes": writes + len(shared), "reads": reads}


def _writes(item: Forecast) -> int:
    """How many of connected cluster, extension and Flux configuration are written or deleted."""
    if item.kind not in ("create", "adopt", "change"):
        return 0
    of_cluster = [name for name in item.changes if not name.startswith((AGENTS, PROVIDER, RESOURCE_GROUP, *_BESIDE))]
    others = sum(any(name.startswith(place) for name in item.changes) for place in _BESIDE)
    return others + (item.kind != "change" or bool(of_cluster))
