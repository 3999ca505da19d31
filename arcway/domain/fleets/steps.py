"""The steps of fleets by their registered names, and the types of their outcomes.

Names and keys are in the histories of fleets: they stay.
"""

from typing import TypedDict

from arcway.domain.json_values import Json
from arcway.domain.steps import Step


class ListCheck(TypedDict):
    """How many pages of the list are not stored yet."""

    missing: int


class MemberStart(TypedDict, total=False):
    """What became of a member to start: its `run`, or why it is to be started `again`.

    `adopted` is whether another request started the run; `report` is how it ended, if it has.
    """

    run: str
    adopted: bool
    report: Json | None
    again: str


class CheckStart(TypedDict):
    """The id of the fleet of checks, and its report if it has ended."""

    check: str
    result: Json | None


class CheckSummary(TypedDict):
    """The checked members by class and by code; `digest` is null when not all could be put together."""

    classes: dict[str, int]
    codes: dict[str, int]
    digest: str | None


CHECK_FLEET_LIST: Step[ListCheck] = Step("check_fleet_list")
START_MEMBERS: Step[list[MemberStart]] = Step("start_members")
LOOK_AT_MEMBERS: Step[list[Json | None]] = Step("look_at_members")
START_CHECK: Step[CheckStart] = Step("start_check")
SUMMARIZE_CHECK: Step[CheckSummary] = Step("summarize_check")
LOOK_AT_AZURE: Step[list[tuple[int, str]]] = Step("look_at_azure")
