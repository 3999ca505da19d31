"""What a run tells the fleet that it is a member's run of."""

from arcway.domain.json_values import Json
from arcway.domain.run import ended_as

ENDED = "ended"
"""The name of the event."""


def report_of(fleet: Json, run: Json) -> Json:
    """The report of a run's end; `fleet` names the fleet, the member and the attempt."""
    return {"fleet": fleet["id"], "member": fleet["member"], "attempt": fleet["attempt"], **ended_as(run)}
