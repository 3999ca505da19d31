"""The response models of the API besides runs: they describe responses, and Arcway's own are built from them.

A connected cluster is Azure's own and may have more than what is described.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from arcway.domain.fleets.document import FleetDocument
from arcway.domain.model import Model
from arcway.domain.run import Finding, Run


class Problem(Model):
    """Why a request was refused or failed: problem details (RFC 9457) with Arcway's own code."""

    type: Annotated[str, Field(pattern=r"^urn:arcway:error:ARC-[0-9]{4}$")]
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(pattern=r"^ARC-[0-9]{4}$")]
    """A code of docs/errors.md."""
    remedy: str
    retryable: bool
    """Whether the same request may succeed later."""
    details: list[dict[str, Any]]
    """The invalid fields with messages, or the run that is in progress."""


class RunList(Model):
    """One page of runs."""

    value: list[Run]
    continuation_token: str | None
    """Token of the next page; null on the last."""


class Purged(Model):
    """The number of runs that were removed."""

    purged: int


class SelfTestReport(Model):
    """Whether this process of the service can work where it runs: `ok`, `running`, or why a part does not work."""

    settings: str
    work_folder: str
    memory_files: str
    """`ok`, or why secrets are kept in files of a private folder for the time of a call instead of in memory."""
    helm: str
    """Whether Helm's library can be loaded."""


class Health(Model):
    """The health of each dependency: `ok` or `failed`; the reason is only for callers with the role Arcway.Read."""

    engine: str
    resource_manager: str
    broker: str
    """`configured` or `not configured`."""
    self_test: SelfTestReport | None = None
    """Only for callers with the role Arcway.Read."""


class ConnectedCluster(BaseModel):
    """A connected cluster in Azure, with the age of its heartbeat and the remaining days of its certificate."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    id: str
    name: str
    type: str
    location: str
    resource_group: str
    properties: dict[str, Any]
    heartbeat_age_seconds: int | None
    certificate_days_left: int | None


class ConnectedClusterList(Model):
    """Connected clusters, by name."""

    value: list[ConnectedCluster]


class Extension(BaseModel):
    """An extension in Azure, with the reasons if it failed. Of protected settings only the names are there."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    id: str
    name: str
    type: str
    properties: dict[str, Any]
    failures: list[Finding]


class ExtensionList(Model):
    """Extensions of a connected cluster, by name."""

    value: list[Extension]


class FluxConfiguration(BaseModel):
    """A Flux configuration in Azure, with the reason if it failed or does not comply. Of protected settings only the
    names are there.
    """


class PolicyAssignment(BaseModel):
    """A policy assignment in Azure, at the connected cluster or above it."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    id: str
    name: str
    type: str
    properties: dict[str, Any]
    failures: list[Finding]


class FluxConfigurationList(Model):
    """Flux configurations of a connected cluster, by name."""

    value: list[FluxConfiguration]
    properties: dict[str, Any]


class Policy(Model):
    """Azure Policy of a connected cluster."""

    extension: Extension | None
    """Null without the extension."""
    assignments: list[PolicyAssignment]
    """Those that apply to the connected cluster, by name; of policies for other resources, too."""


class AgentDeployment(Model):
    """A Deployment as `kubectl get deployments` shows it."""

    name: str
    ready: str
    up_to_date: int
    available: int
    age_seconds: int


class AgentPod(Model):
    """A pod as `kubectl get pods` shows it."""

    name: str
    ready: str
    status: str
    restarts: int
    age_seconds: int


class AgentProblem(Model):
    """Why a pod is not healthy, or why there is none."""

    pod: str
    """The Deployment, if its pods cannot be created."""
    reason: str
    code: str
    message: str
    remedy: str


class AgentsTable(Model):
    """The agents in a connected cluster."""

    well: bool
    deployments: list[AgentDeployment]
    pods: list[AgentPod]
    problems: list[AgentProblem]
    features: list[str] | None
    """Those that are on by the values of the agents' release; null if the credential may not read the release."""


class FleetList(Model):
    """Fleets."""

    value: list[FleetDocument]


class MemberError(Model):
    """Why a member's last run failed."""

    code: str
    message: str
    remedy: str | None


class FleetMember(Model):
    """One member of a fleet."""

    index: int
    name: str
    resource_id: str
    state: str
    run: str | None
    """Its last run; null before the first, and when the cluster has a run of another fleet or caller by now."""
    phase: str | None
    error: MemberError | None


class FleetMemberList(Model):
    """One page of a fleet's members."""

    value: list[FleetMember]
    continuation_token: str | None
    """Token of the next page; null on the last."""
