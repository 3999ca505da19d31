"""Keeps a member's run to the plan of its fleet: compares, right after the check and before anything is changed."""

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.member import PARKABLE
from arcway.domain.fleets.plan import Forecast, forecast
from arcway.domain.json_values import Json

from orchestrators.failures import StepFailed
from orchestrators.run_context import RunContext

# With these the fleet tries the member again, too, and they say better what is in the way.
_OWN_CODES = PARKABLE | {Code.CLUSTER_LEASE_HELD}


def require_planned(run: RunContext, findings: list[Json]) -> None:
    """Raises `StepFailed` ARC-7006 if the run would change more than its fleet's plan says, or cannot do what it says.

    Only what the plan could know counts. A run without a plan passes.
    """
    if run.planned is None:
        return
    planned = Forecast.read(run.planned)
    current = forecast(run.request, run.facts, findings, run.planned["depth"])
    if current.is_within(planned) or current.code in _OWN_CODES:
        return
    errors = [finding for finding in findings if finding["level"] == "error"]
    cause = next((f": {finding['message']}" for finding in errors if finding["code"] == current.code), ".")
    message = f"The plan says {planned}, but the check says {current}{cause}"
    raise StepFailed(ArcError(Code.MEMBER_NOT_AS_PLANNED, message, details=errors).as_dict())
