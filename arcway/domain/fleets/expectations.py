"""The plan that a fleet is held to, as its request has it: what was planned for each member, and the digest."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from arcway.domain.fleets.plan import Depth, Forecast, PlanClass, digest_of
from arcway.domain.json_values import Json
from arcway.domain.model import Model

_MOST_MEMBERS = 10_000
type ResourceKey = Annotated[str, Field(max_length=400)]
type Change = Annotated[str, Field(max_length=200)]


class Expected(Model):
    """What the plan says of a member."""

    kind: Annotated[PlanClass, Field(alias="class")]
    changes: Annotated[list[Change], Field(max_length=200)] = Field(default_factory=list)
    code: Annotated[str | None, Field(pattern=r"^ARC-[0-9]{4}$")] = None


class ExpectedPlan(Model):
    """A plan as `GET /api/fleets/{id}/plan` or `POST /api/fleets?dryRun=true` returned it."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    depth: Depth = "cluster"
    """A plan by Azure's lists is compared with what Azure shows, and with nothing else."""
    members: Annotated[dict[ResourceKey, PlanClass | Expected], Field(max_length=_MOST_MEMBERS)]
    """By resource id in lower case: the class alone, or with the changes and the code."""

    def forecast(self, key: str) -> Forecast:
        """What the plan says of the member of this resource id."""
        value = self.members[key]
        return (
            Forecast(value.kind, tuple(value.changes), value.code) if isinstance(value, Expected) else Forecast(value)
        )

    def forecasts_of(self, keys: Sequence[str]) -> list[Json]:
        """What the plan says of each of these members, as their runs compare it."""
        return [{**self.forecast(key).as_json(), "depth": self.depth} for key in keys]


def plan_problems(plan: ExpectedPlan, keys: Sequence[str]) -> Iterator[Json]:
    """What is wrong with a plan for the members with these resource ids."""
    members = {*keys}
    for key in sorted(members - plan.members.keys()):
        yield {"field": "plan.members", "message": f"does not have member {key}"}
    for key in sorted(plan.members.keys() - members):
        yield {"field": f"plan.members.{key}", "message": "is not a member of the fleet"}
    if digest_of({key: plan.forecast(key) for key in plan.members}) != plan.digest:
        yield {"field": "plan.digest", "message": "is not the digest of the plan's members"}
