"""A member of a fleet: how its run ended, and what is known of it while it is in progress or parked."""

from dataclasses import dataclass
from typing import Literal

from arcway.domain.codes import Code
from arcway.domain.json_values import Json

# Nothing was changed yet, and the cluster may be there later: the member waits without a slot and has not failed.
PARKABLE = frozenset({Code.API_SERVER_UNREACHABLE, Code.API_SERVER_TIMEOUT, Code.SECRET_UNUSABLE, Code.RUN_IN_PROGRESS})
PARKABLE |= {Code.CLUSTER_NOT_CONNECTED, Code.MEMBER_NOT_AS_PLANNED}
NOTHING_CHANGED = ("checkCluster", None)
"""The phases before which nothing was changed; None is the start itself."""

type Outcome = Literal["Succeeded", "Failed", "Canceled", "Superseded"]


@dataclass(frozen=True, slots=True)
class Report:
    """How a member's run ended."""

    outcome: Outcome
    changed: bool | None = None
    code: str | None = None
    phase: str | None = None
    """The phase in which it failed."""
    forecast: Json | None = None
    """What a check of the member tells of it (`arcway.domain.fleets.plan`)."""


@dataclass(slots=True)
class Running:
    """A member in progress. `run` is None until its start is confirmed; `since` is when it was started."""

    attempt: int
    since: float
    run: str | None = None
    adopted: bool = False
    """Whether the run is another caller's, with an equal request: it reports nothing, and is not canceled."""
    parked_since: float | None = None
    """When it was first parked, if it was."""
    tries: int = 0
    """How often it was parked."""


@dataclass(slots=True)
class Parked:
    """A member that is tried again at `until`; `since` is when it was first parked, `code` why it was last."""

    since: float
    until: float
    tries: int
    code: str


def is_parkable(report: Report) -> bool:
    """Whether a run failed because its cluster cannot be worked on now; what another installation holds may be free
    later in any phase.
    """
    if report.outcome != "Failed" or report.code is None:
        return False
    return report.code == Code.CLUSTER_LEASE_HELD or (report.code in PARKABLE and report.phase in NOTHING_CHANGED)
