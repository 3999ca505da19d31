"""What a check of a fleet's members reports to the fleet that it was started for, in its event and on request."""

from collections.abc import Iterable

from arcway.domain.fleets.plan import Forecast, codes_of, counts_of
from arcway.domain.fleets.steps import CheckSummary
from arcway.domain.json_values import Json


def check_report(check: Json, summary: CheckSummary, at: str) -> Json:
    """The report of the check with the input `check`, which ended at the time `at`."""
    first, count = check["range"]
    own = {"fleet": check["parent"], "check": check["id"], "first": first, "count": count}
    return {**own, **summary, "at": at, "attempt": check.get("attempt", 0)}


def summary_without_digest(forecasts: Iterable[Forecast]) -> CheckSummary:
    """The summary when the plan could not be put together: the members that were checked, by class and by code."""
    checked = [*forecasts]
    return {"classes": counts_of(checked), "codes": codes_of(checked), "digest": None}
