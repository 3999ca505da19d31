"""The request: what somebody asks Arcway to do with one cluster. One parser for HTTP, messages, command line and page.

Must not know how it arrived. Names follow ARM's own rules:
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from typing import Annotated, Any, Literal, overload

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.model import Model, SecretReference, problems
from arcway.domain.proxy import Proxy

type Operation = Literal["onboard", "offboard", "check"]

_TAG_LIMIT = 50


def _resource_group(name: str) -> str:
    if name.endswith("."):
        raise ValueError("must not end with a period")
    return name


def _plain_location(value: object) -> object:
    return value.replace(" ", "").lower() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


type SubscriptionId = Annotated[
    str, BeforeValidator(_lower), Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
type ResourceGroupName = Annotated[
    str, Field(min_length=1, max_length=90, pattern=r"^[\w().-]+$"), AfterValidator(_resource_group)
]
type ClusterName = Annotated[str, Field(max_length=63, pattern=r"^[0-9A-Za-z]([0-9A-Za-z_.-]*[0-9A-Za-z])?$")]
type Location = Annotated[str, BeforeValidator(_plain_location), Field(max_length=60, pattern=r"^[a-z][a-z0-9]+$")]
type Word = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9_]+$")]


class KubeconfigReference(SecretReference):
    """Where the kubeconfig is; never the kubeconfig itself."""

    context: Annotated[str | None, Field(max_length=253)] = None


class Agents(Model):
    """Which agents to install."""

    version: Annotated[str | None, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$")] = None
    train: Literal["stable", "preview"] = "stable"
    auto_upgrade: bool = True


class _ClusterRequest(Model):
    """What every request says: which connected cluster it is about."""

    subscription_id: SubscriptionId
    resource_group: ResourceGroupName
    name: ClusterName

    @property
    def cluster(self) -> ClusterId:
        """The connected cluster this request is about."""
        return ClusterId(self.subscription_id, self.resource_group, self.name)


class Request(_ClusterRequest):
    """Connect one cluster, or check whether it can be connected."""

    operation: Literal["onboard", "check"] = "onboard"
    create_resource_group: bool = False
    location: Location
    tags: Annotated[dict[str, str], Field(max_length=_TAG_LIMIT, default_factory=dict)]
    kubeconfig: KubeconfigReference
    proxy: Proxy | None = None
    distribution: Word | None = None
    infrastructure: Word | None = None
    agents: Agents = Agents()
    order: Literal["agents-first", "resource-first"] = "agents-first"
    on_failure: Literal["keep", "rollback"] = "keep"

    @field_validator("tags")
    @classmethod
    def _tags_as_arm_takes_them(cls, tags: dict[str, str]) -> dict[str, str]:
        for name, value in tags.items():
            if not name or len(name) > 512 or any(character in name for character in "<>%&\\?/"):
                raise ValueError(f"tag name {name[:40]!r} must have 1 to 512 characters and none of <>%&\\?/")
            if len(value) > 256:
                raise ValueError(f"the value of tag {name[:40]!r} must have at most 256 characters")
        return tags


class OffboardRequest(_ClusterRequest):
    """Disconnect one cluster, or check whether it can be disconnected."""

    operation: Literal["offboard", "check"] = "offboard"
    azure_only: bool = False
    kubeconfig: Annotated[KubeconfigReference | None, Field(validate_default=True)] = None
    force: bool = False
    # Accepted so that a caller may send the same settings with every operation; disconnecting runs nothing in the
    # cluster that would need a proxy.
    proxy: Proxy | None = None

    @field_validator("kubeconfig")
    @classmethod
    def _needed_for_the_agents(
        cls, kubeconfig: KubeconfigReference | None, info: ValidationInfo
    ) -> KubeconfigReference | None:
        if kubeconfig is None and not info.data.get("azure_only"):
            raise ValueError("is needed to remove the agents; set azureOnly to leave the cluster alone")
        return kubeconfig

    @property
    def order(self) -> Literal["azure-first", "azure-only"]:
        """Azure comes first, as with `az connectedk8s delete`."""
        return "azure-only" if self.azure_only else "azure-first"


type AnyRequest = Request | OffboardRequest

# Each model refuses what only the other has, so that what one wrote only that one reads.
_STORED: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest)


def read_request(data: dict[str, Any]) -> AnyRequest:
    """The request that `as_json` of one wrote."""
    return _STORED.validate_python(data)


@overload
def parse_request(body: object, operation: Literal["onboard", "check"]) -> Request: ...


@overload
def parse_request(body: object, operation: Literal["offboard"]) -> OffboardRequest: ...


@overload
def parse_request(body: object, operation: None = None) -> AnyRequest: ...


def parse_request(body: object, operation: Operation | None = None) -> AnyRequest:
    """Validate a JSON value as a request; `operation` is the one that the way of arrival implies.

    Raises `ArcError` ARC-1002 when it is not an object and ARC-1001 with every field's problem in `details`.
    """
    if not isinstance(body, dict):
        raise ArcError("ARC-1002")
    given: dict[str, Any] = {**body}
    if operation is not None and given.setdefault("operation", operation) != operation:
        raise ArcError(
            "ARC-1001", details=[{"field": "operation", "message": f"must be {operation!r} here, or left out"}]
        )
    model = OffboardRequest if given.get("operation") == "offboard" else Request
    try:
        return model.model_validate(given)
    except ValidationError as error:
        details = problems(error)
        names = ", ".join(dict.fromkeys(item["field"] for item in details))
        raise ArcError("ARC-1001", f"The request has invalid fields: {names}.", details=list(details)) from error
