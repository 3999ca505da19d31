"""The request: what Arcway is to do with one cluster. One parser for HTTP, messages, command line and page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, overload

from pydantic import (
    Field,
    StrictBool,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from arcway.domain.agent_settings import Agents
from arcway.domain.characters import control_characters
from arcway.domain.cluster_request import ClusterRequest
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import (
    ApplyExtensionRequest,
    DeleteExtensionRequest,
    ExtensionRequest,
    wrong_protected_settings,
)
from arcway.domain.features import Features, namespaces_of, resource_settings, wrong_features
from arcway.domain.fields import TAG_LIMIT, ChartVersion, FailFast, Location, Tags, Word
from arcway.domain.gitops_request import (
    ApplyGitopsRequest,
    Configuration,
    DeleteGitopsRequest,
    GitopsRequest,
    wrong_git_credentials,
)
from arcway.domain.model import field_errors
from arcway.domain.operations import Operation
from arcway.domain.phases import PhaseName, Scope, phases_of, with_features
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest, PolicyRequest
from arcway.domain.proxy import Proxy
from arcway.domain.references import KubeconfigReference, wrong_references


class OnboardRequest(ClusterRequest):
    """Connect one cluster, or check whether it can be connected.

    Omitted fields stay unchanged for an existing connected cluster and existing agents.
    """

    operation: Literal["onboard", "check"] = "onboard"
    create_resource_group: StrictBool = False
    location: Location
    tags: Tags | None = None
    """Replaces all tags; an empty object removes all."""
    kubeconfig: KubeconfigReference
    proxy: Proxy | None = None
    distribution: Word | None = None
    infrastructure: Word | None = None
    check_network: StrictBool = False
    agents: Agents = Agents()
    features: Features | None = None
    order: Literal["agents-first", "resource-first"] = "agents-first"
    on_failure: Literal["keep", "rollback"] = "keep"
    fail_fast: FailFast = False
    take_over: StrictBool = False
    """Take over the connected cluster even if another live cluster uses it, which then loses its identity in Azure."""
    gitops: Configuration | None = None
    """A Flux configuration that is applied once the cluster is connected."""

    @property
    def configuration(self) -> Configuration:
        """The Flux configuration, as requests about one have it. Raises `ValueError` if the request has none."""
        if self.gitops is None:
            raise ValueError("the request has no Flux configuration")
        return self.gitops


class OffboardRequest(ClusterRequest):
    """Disconnect one cluster, or check whether it can be disconnected."""

    operation: Literal["offboard", "check"] = "offboard"
    azure_only: StrictBool = False
    """Delete only the connected cluster, for a cluster that no longer exists; agents are not removed."""
    agents_only: StrictBool = False
    """Remove only the agents; keep the connected cluster in Azure."""
    kubeconfig: Annotated[KubeconfigReference | None, Field(validate_default=True)] = None
    force: StrictBool = False
    # Accepted so that a caller may send the same settings with every operation; disconnecting runs nothing in the
    # cluster that would need a proxy.
    proxy: Proxy | None = None

    @field_validator("kubeconfig")
    @classmethod
    def _needed_for_the_agents(
        cls, kubeconfig: KubeconfigReference | None, info: ValidationInfo
    ) -> KubeconfigReference | None:
        if kubeconfig is None and not info.data.get("azure_only"):
            raise ValueError("is required to remove the agents; set azureOnly to leave the cluster unchanged")
        return kubeconfig

    @field_validator("agents_only")
    @classmethod
    def _not_both(cls, agents_only: bool, info: ValidationInfo) -> bool:
        if agents_only and info.data.get("azure_only"):
            raise ValueError("cannot be given together with azureOnly")
        return agents_only

    @property
    def scope(self) -> Scope:
        """Azure comes first, as with `az connectedk8s delete`."""
        if self.agents_only:
            return "agents-only"
        return "azure-only" if self.azure_only else "azure-first"


# What an update changes in Azure and in the cluster. The agents report their distribution and infrastructure, so these
# are the cluster's, too.
_RESOURCE_PART = ("tags", "remove_tags", "auto_upgrade", "distribution", "infrastructure", "azure_hybrid_benefit")
# Every feature is one of the agents: of some the values of their release, of others what the data plane gives them.
_AGENTS_PART = ("proxy", "disable_proxy", "auto_upgrade", "distribution", "infrastructure", "features")


def _asks_for(values: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Whether the request has one of these fields; a field that is missing in `values` was present and invalid."""
    return any(
        values.get(name, "wrong") not in (None, [], Features()) for name in names if name != "disable_proxy"
    ) or ("disable_proxy" in names and bool(values.get("disable_proxy", True)))


class UpdateRequest(ClusterRequest):
    """Change a connected cluster, its agents or both, or check what would change. Omitted fields stay unchanged."""

    tags: Tags | None = None
    """Replaces all tags; an empty object removes all."""
    remove_tags: Annotated[list[str], Field(max_length=TAG_LIMIT, default_factory=list)]
    proxy: Proxy | None = None
    disable_proxy: StrictBool = False
    auto_upgrade: StrictBool | None = None
    distribution: Word | None = None
    infrastructure: Word | None = None
    azure_hybrid_benefit: Literal["True", "False", "NotApplicable"] | None = None
    features: Features | None = None
    fail_fast: FailFast = False
    kubeconfig: Annotated[KubeconfigReference | None, Field(validate_default=True)] = None
    # Last, so that its validator sees what else was given.
    operation: Annotated[Literal["update", "check"], Field(validate_default=True)] = "update"

    @field_validator("proxy")
    @classmethod
    def _says_something(cls, proxy: Proxy | None) -> Proxy | None:
        if proxy is not None and not (proxy.https or proxy.http or proxy.skip_range or proxy.certificate):
            raise ValueError("must have https, http, skipRange or certificate; disableProxy removes the proxy")
        if proxy is not None and proxy.credentials and not (proxy.https or proxy.http):
            raise ValueError("must have https or http together with credentials")
        return proxy

    @field_validator("disable_proxy")
    @classmethod
    def _not_both(cls, disable: bool, info: ValidationInfo) -> bool:
        if disable and info.data.get("proxy") is not None:
            raise ValueError("cannot be given together with proxy")
        return disable

    @field_validator("kubeconfig")
    @classmethod
    def _needed_for_the_agents(
        cls, kubeconfig: KubeconfigReference | None, info: ValidationInfo
    ) -> KubeconfigReference | None:
        if kubeconfig is None and _asks_for(info.data, _AGENTS_PART):
            raise ValueError("is required to change proxy, autoUpgrade, distribution, infrastructure or features")
        return kubeconfig

    @field_validator("operation")
    @classmethod
    def _changes_something(cls, operation: str, info: ValidationInfo) -> str:
        if not _asks_for(info.data, (*_RESOURCE_PART, *_AGENTS_PART)):
            raise ValueError("has nothing to update: set at least one of the fields to change")
        return operation

    @property
    def scope(self) -> Scope:
        """Azure comes first, because the agents' settings follow the connected cluster's."""
        if not _asks_for(vars(self), _AGENTS_PART):
            return "azure-only"
        writes = _asks_for(vars(self), _RESOURCE_PART) or bool(resource_settings(self.features))
        return "azure-first" if writes else "agents-only"


class UpgradeRequest(ClusterRequest):
    """Upgrade the agents of a connected cluster, or check whether they can be; all or nothing."""

    operation: Literal["upgrade", "check"] = "upgrade"
    kubeconfig: KubeconfigReference
    agent_version: ChartVersion | None = None
    """Default: the newest version of the agents' release train."""
    upgrade_timeout: Annotated[int, Field(ge=60, le=3600)] = 600
    """Seconds until the new agents must be Ready; otherwise the upgrade is rolled back."""
    fail_fast: FailFast = False
    # Accepted so that a caller may send the same settings with every operation; the agents keep the proxy they have.
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Azure learns the new version from the agents."""
        return "agents-only"


type AnyRequest = (
    OnboardRequest | OffboardRequest | UpdateRequest | UpgradeRequest | ExtensionRequest | GitopsRequest | PolicyRequest
)

# A certificate in PEM form has lines.
_MULTILINE = frozenset({"proxy.certificate"})

# Each model refuses what only the other has, so that what one wrote only that one reads.
_STORED: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest)
_MODELS: dict[str, type[AnyRequest]] = {
    "offboard": OffboardRequest,
    "update": UpdateRequest,
    "upgrade": UpgradeRequest,
    "applyExtension": ApplyExtensionRequest,
    "deleteExtension": DeleteExtensionRequest,
    "applyGitops": ApplyGitopsRequest,
    "deleteGitops": DeleteGitopsRequest,
    "enablePolicy": EnablePolicyRequest,
    "disablePolicy": DisablePolicyRequest,
}


def phases_of_request(request: AnyRequest) -> tuple[PhaseName, ...]:
    """The phases of the request's run."""
    if isinstance(request, OnboardRequest):
        phases = phases_of(request.operation, order=request.order, gitops=request.gitops is not None)
    elif isinstance(request, DeleteGitopsRequest):
        phases = phases_of(request.operation, gitops=request.with_extension)
    else:
        phases = phases_of(request.operation, request.scope)
    features = features_of(request)
    if features is None or request.operation == "check":
        return phases
    return with_features(phases, registers=bool(namespaces_of(features)), awaits=features.awaits_agents)


def features_of(request: AnyRequest) -> Features | None:
    """The features that the request names; None for an operation without any."""
    return request.features if isinstance(request, OnboardRequest | UpdateRequest) else None


def read_request(data: dict[str, Any]) -> AnyRequest:
    """The request that `as_json` of one wrote."""
    return _STORED.validate_python(data)


@overload
def parse_request(body: object, operation: Literal["onboard", "check"]) -> OnboardRequest: ...


@overload
def parse_request(body: object, operation: Literal["offboard"]) -> OffboardRequest: ...


@overload
def parse_request(body: object, operation: Literal["update"]) -> UpdateRequest: ...


@overload
def parse_request(body: object, operation: Literal["upgrade"]) -> UpgradeRequest: ...


@overload
def parse_request(body: object, operation: Operation | None = None) -> AnyRequest: ...


def parse_request(body: object, operation: Operation | None = None) -> AnyRequest:
    """Validate a JSON value as a request; `operation` is the one that the way of arrival implies.

    Raises `ArcError` ARC-1002 when it is not an object and ARC-1001 with every field's problem in `details`.
    """
    if not isinstance(body, dict):
        raise ArcError(Code.BODY_NOT_JSON)
    fields: dict[str, Any] = {**body}
    if operation is not None and fields.setdefault("operation", operation) != operation:
        raise ArcError(
            Code.INVALID_FIELDS, details=[{"field": "operation", "message": f"must be {operation!r} here, or omitted"}]
        )
    model = _MODELS.get(str(fields.get("operation")), OnboardRequest)
    details = control_characters(fields, _MULTILINE)
    try:
        request = model.model_validate(fields)
    except ValidationError as error:
        raise _invalid([*details, *field_errors(error), *_wrong_references(fields), *wrong_features(fields)]) from error
    # Not validators: a request that was accepted is read again on every replay, when its certificate may have ended and
    # the rules about references may be stricter than on the day it was accepted.
    features = wrong_features(request.as_json())
    details += [*_wrong_references(fields), *features, *_expired_certificate(request)]
    if details:
        raise _invalid(details)
    return request


def _wrong_references(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    return [*wrong_references(fields), *wrong_protected_settings(fields), *wrong_git_credentials(fields)]


def _invalid(details: list[dict[str, Any]]) -> ArcError:
    names = ", ".join(dict.fromkeys(str(item["field"]) for item in details))
    return ArcError(Code.INVALID_FIELDS, f"The request has invalid fields: {names}.", details=details)


def _expired_certificate(request: AnyRequest) -> list[dict[str, str]]:
    problem = request.proxy.expired(datetime.now(UTC)) if request.proxy else None
    return [{"field": "proxy.certificate", "message": problem}] if problem else []
