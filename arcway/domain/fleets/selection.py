"""Which clusters a fleet selects instead of naming them: connected clusters in Azure, runs, members of another fleet.

A selection is expanded once, when the fleet is accepted; the list that comes of it is what the fleet works on.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from arcway.domain.fields import ResourceGroupName, SubscriptionId
from arcway.domain.fleets.durations import seconds_of
from arcway.domain.json_values import Json
from arcway.domain.model import Model
from arcway.domain.operations import Operation
from arcway.domain.versions import VERSION, is_older

_YEAR = 366 * 86_400
_COMPARED = re.compile(r"(<|<=|=|>=|>)?\s*([0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.]+)?)")

type Connectivity = Literal["Connected", "Connecting", "Offline", "Expired", "AgentNotInstalled"]
type Label = Literal["waiting", "running", "succeeded", "unchanged", "failed", "canceled", "parked", "skipped"]


class SelectedConnectedClusters(Model):
    """Connected clusters as Azure lists them now; each field that is given must match."""

    subscriptions: Annotated[list[SubscriptionId], Field(min_length=1, max_length=100)]
    resource_groups: Annotated[list[ResourceGroupName], Field(max_length=1000)] = Field(default_factory=list)
    tags: Annotated[dict[str, str], Field(max_length=50)] = Field(default_factory=dict)
    """Tags that the connected cluster has; names are compared without regard to case."""
    connectivity: Annotated[list[Connectivity], Field(max_length=5)] = Field(default_factory=list)
    agent_version: str | None = None
    """A version, or <, <=, >= or > and a version, such as <1.34."""

    @field_validator("agent_version")
    @classmethod
    def _compares(cls, value: str | None) -> str | None:
        if value is not None and not _COMPARED.fullmatch(value.strip()):
            raise ValueError("must be a version, or <, <=, >= or > and a version")
        return value

    def takes(self, resource: Json) -> bool:
        """Whether the selection has this connected cluster, which is of one of its subscriptions."""
        properties, group = resource.get("properties") or {}, str(resource["id"]).split("/")[4].lower()
        tags = {name.lower(): value for name, value in (resource.get("tags") or {}).items()}
        return (
            (not self.resource_groups or group in {name.lower() for name in self.resource_groups})
            and all(tags.get(name.lower()) == value for name, value in self.tags.items())
            and (not self.connectivity or properties.get("connectivityStatus") in self.connectivity)
            and (self.agent_version is None or _compare(str(properties.get("agentVersion") or ""), self.agent_version))
        )


class SelectedRuns(Model):
    """The clusters of runs; each field that is given must match."""

    state: Literal["Failed", "Canceled", "Succeeded"] = "Failed"
    operation: Operation | None = None
    since: Annotated[int, BeforeValidator(seconds_of), Field(ge=1, le=_YEAR)] = 7 * 86_400
    """How long ago a run may have started, such as 7d. Default: 7d."""
    subscriptions: Annotated[list[SubscriptionId], Field(max_length=100)] = Field(default_factory=list)
    resource_groups: Annotated[list[ResourceGroupName], Field(max_length=1000)] = Field(default_factory=list)

    def takes(self, run: Json) -> bool:
        """Whether the selection has the cluster of this run."""
        cluster, groups = run["cluster"], {name.lower() for name in self.resource_groups}
        return (
            run["state"] == self.state
            and self.operation in (None, run["operation"])
            and (not self.subscriptions or cluster["subscriptionId"].lower() in self.subscriptions)
            and (not groups or cluster["resourceGroup"].lower() in groups)
        )


class SelectedMembers(Model):
    """Members of another fleet, with the fields that they have there."""

    id: Annotated[str, Field(max_length=63)]
    """Id or name of the fleet."""
    states: Annotated[list[Label], Field(min_length=1, max_length=8)] = Field(default=["failed", "parked"])


class Selection(Model):
    """Selects clusters; exactly one kind."""

    connected_clusters: SelectedConnectedClusters | None = None
    runs: SelectedRuns | None = None
    fleet: SelectedMembers | None = None
    # Named `except` outside.
    left_out: Annotated[list[str], Field(max_length=10_000, alias="except")] = Field(default_factory=list)
    """Names or resource ids of clusters to leave out."""

    @model_validator(mode="before")
    @classmethod
    def _is_of_one_kind(cls, value: Any) -> Any:
        kinds = ("connectedClusters", "runs", "fleet")
        if isinstance(value, dict) and sum(value.get(kind) is not None for kind in kinds) != 1:
            raise ValueError("must have exactly one of connectedClusters, runs and fleet")
        return value

    def leaves_out(self, name: str, resource_id: str) -> bool:
        """Whether the cluster is among those to leave out."""
        return not {name.lower(), resource_id.lower()}.isdisjoint(item.lower() for item in self.left_out)


def _compare(version: str, condition: str) -> bool:
    match = _COMPARED.fullmatch(condition.strip())
    if match is None or not VERSION.fullmatch(version):
        return False
    sign, wanted = match[1] or "=", match[2]
    numbers, dash, label = wanted.partition("-")
    reference = ".".join([*numbers.split("."), "0", "0"][:3]) + dash + label
    if sign in ("=", "<=", ">=") and not is_older(version, reference) and not is_older(reference, version):
        return True
    return is_older(version, reference) if sign in ("<", "<=") else sign != "=" and is_older(reference, version)
