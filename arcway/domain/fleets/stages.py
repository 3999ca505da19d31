"""The stages of a fleet as a request has them, and which members each of them takes.

It turns them into ranges of members with limits in numbers; it does not know how far a fleet is (`rollout`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from arcway.domain.fleets.durations import seconds_of
from arcway.domain.fleets.stage import Stage
from arcway.domain.json_values import Json
from arcway.domain.model import Model

MOST_STAGES = 8
LONGEST_WINDOW = 500
_LONGEST_SOAK = 30 * 86_400
_MOST_FAILURES = 10_000
_LIMITS = {
    "onboard": ("soft", "10%"),
    "update": ("soft", "10%"),
    "check": ("soft", "100%"),
    "applyExtension": ("soft", "10%"),
    "applyGitops": ("soft", "10%"),
    "enablePolicy": ("soft", "10%"),
}
"""How many members may fail of an operation; of one that takes something away or replaces agents, none."""

type Window = Annotated[int, Field(ge=1, le=LONGEST_WINDOW, strict=True)]
_PERCENTAGE = re.compile(r"(100|[1-9]?[0-9])%")


def _max_failures(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_FAILURES
    if not is_number and not (isinstance(value, str) and _PERCENTAGE.fullmatch(value)):
        raise ValueError(f"must be a number from 0 to {_MOST_FAILURES}, or a percentage such as 5%")
    return value


_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": _MOST_FAILURES},
        {"type": "string", "pattern": f"^{_PERCENTAGE.pattern}$"},
    ]
}
type MaxFailures = Annotated[int | str, BeforeValidator(_max_failures), WithJsonSchema(_SCHEMA)]
type Budget = Literal["strict", "soft"]


class StageRequest(Model):
    """Some members of a fleet that are done before the others. It has one of first, percent and tags; the last stage
    has none of them and takes the members that are left.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
    first: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    """The next members, in the order of the request."""
    percent: Annotated[int, Field(ge=1, le=99, strict=True)] | None = None
    """The next members: a share of the whole fleet, rounded down, but at least one member."""
    tags: dict[str, str] | None = None
    """The members that have all of these tags: in their requests, or in Azure if connectedClusters selected them."""
    window: Window | None = None
    """The maximum number of members of this stage in progress at once. Default: the fleet's."""
    max_failures: MaxFailures | None = None
    """How many members of this stage may fail before the fleet halts. Default: the fleet's."""
    soak: Annotated[int, BeforeValidator(seconds_of), Field(ge=0, le=_LONGEST_SOAK)] = 0
    """How long to wait after the stage, such as 2h. At its end, Azure must show the clusters as Connected (after an
    offboarding: not at all); those that it does not are failed members."""
    approve: Literal["before", "after"] | None = None
    """Whether a user must approve before the stage begins, or before what comes after it."""
    approver: Literal["anyone", "another"] = "anyone"
    """another: the user who started the fleet may not approve it."""

    @model_validator(mode="after")
    def _takes_in_one_way(self) -> Self:
        if sum(value is not None for value in (self.first, self.percent, self.tags)) > 1:
            raise ValueError("has more than one of first, percent and tags")
        return self

    def takes_rest(self) -> bool:
        """Whether the stage takes all members that are left."""
        return self.first is None and self.percent is None and self.tags is None


type Problem = tuple[str, str]
"""A field of the fleet's request, and what is wrong with it."""


def problems_of(stages: Sequence[StageRequest]) -> Iterator[Problem]:
    """What is wrong with the stages, whatever the members are."""
    names: dict[str, int] = {}
    for number, stage in enumerate(stages):
        if (first := names.setdefault(stage.name, number)) != number:
            yield f"stages.{number}.name", f"is the name of stages.{first}, too"
        is_last = number == len(stages) - 1
        if stage.takes_rest() and not is_last:
            yield f"stages.{number}", "needs first, percent or tags: only the last stage takes what is left"
        if is_last and not stage.takes_rest():
            yield f"stages.{number}", "must not have first, percent or tags: the last stage takes what is left"


def assign(stages: Sequence[StageRequest], tags: Sequence[Mapping[str, str]]) -> list[int]:
    """The number of the stage of each member; `tags` are those of the members, in their order."""
    numbers = [-1] * len(tags)
    for number, stage in enumerate(stages):
        left = [index for index, taken in enumerate(numbers) if taken < 0]
        if stage.tags is not None:
            wanted = stage.tags.items()
            left = [index for index in left if wanted <= tags[index].items()]
        elif stage.first is not None:
            left = left[: stage.first]
        elif stage.percent is not None:
            left = left[: max(1, stage.percent * len(tags) // 100)]
        for index in left:
            numbers[index] = number
    return numbers


def in_order(numbers: Sequence[int], subscriptions: Sequence[str]) -> list[int]:
    """The members by stage, and within a stage the subscriptions in turn, because each has its own limits in Azure."""
    turns: dict[tuple[int, str], int] = {}
    places: list[tuple[int, int, int]] = []
    for index, (number, subscription) in enumerate(zip(numbers, subscriptions, strict=True)):
        turn = turns[number, subscription] = turns.get((number, subscription), -1) + 1
        places.append((number, turn, index))
    return [index for _, _, index in sorted(places)]


def resolved(
    stages: Sequence[StageRequest],
    sizes: Sequence[int],
    *,
    operation: str,
    window: int,
    max_failures: MaxFailures | None,
    budget: Budget | None,
) -> list[Json]:
    """The stages with their sizes as a fleet's input has them; one of all members if the request names none."""
    default_budget, default_failures = _LIMITS.get(operation, ("strict", 0))
    end, ranges = 0, list[Json]()
    for stage, size in zip(stages or [StageRequest(name="all")], sizes, strict=True):
        end += size
        limit = next(value for value in (stage.max_failures, max_failures, default_failures) if value is not None)
        ranges.append(
            Stage(
                name=stage.name,
                end=end,
                window=stage.window or window,
                max_failures=count_of(limit, size),
                strict=(budget or default_budget) == "strict",
                soak=float(stage.soak),
                approve=stage.approve,
                another=stage.approver == "another",
            ).as_json()
        )
    return ranges


def count_of(max_failures: MaxFailures, size: int) -> int:
    """The number of members of a stage of this size that may fail; a percentage is rounded down."""
    if isinstance(max_failures, int):
        return max_failures
    return int(max_failures[:-1]) * size // 100
