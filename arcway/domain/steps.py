"""The steps by their registered names, and the types of their outcomes and of the facts that later phases need.

Names and keys are in the histories of runs: they stay. What an outcome of an earlier version lacks is `NotRequired`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from arcway.domain.json_values import Json


@dataclass(frozen=True, slots=True)
class Step[T]:
    """A step by its registered name; T is the type of its outcome."""

    name: str


class Done(TypedDict):
    """The outcome of a step that has nothing to report."""


# --- facts ---


class ConnectFacts(TypedDict, total=False):
    """The facts of a connect. `cluster` is what preflight learned of the cluster."""

    cluster: Json
    releaseDeployed: bool
    tenantId: str
    resourceGroupExists: bool
    takesOver: bool
    toRegister: list[str]
    unregistered: list[str]
    chart: Json
    network: list[Json]


class DisconnectFacts(TypedDict, total=False):
    """The facts of a disconnect. Earlier versions stored each of the `agents` as a text.

    `extensions` are the names of those that the connected cluster has; `isConnected` says whether its agents work.
    """

    agents: Sequence[Json | str]
    extensions: list[str]
    isConnected: bool


class ChangeFacts(TypedDict, total=False):
    """The facts of an update or upgrade. `wanted` is the version to upgrade to."""

    resource: Json
    location: str
    release: "Release"
    wanted: str
    upgraded: bool
    inside: list[str]


class ExtensionFacts(TypedDict, total=False):
    """The facts of a run about an extension. `extensionNamespace` is where its release is."""

    extensionExists: bool
    extensionChanges: list[str]
    extensionNamespace: str | None


class GitopsFacts(TypedDict, total=False):
    """The facts of a run about a Flux configuration, and of a connect that applies one.

    `extensionName` is that of the extension microsoft.flux; the facts of an extension are about it.
    """

    configurationExists: bool
    configurationChanges: list[str]
    configurationNamespace: str | None
    extensionName: str


class PolicyFacts(TypedDict, total=False):
    """The facts of a run about Azure Policy, beside those of its extension."""

    assignmentExists: bool
    assignmentChanges: list[str]


class Facts(ConnectFacts, DisconnectFacts, ChangeFacts, ExtensionFacts, GitopsFacts, PolicyFacts, total=False):
    """The facts of a run: those of its operation, those of several operations, and the `result`."""

    publicKey: str | None
    resourceExists: bool
    resourceChanges: list[str]
    agentChanges: list[str]
    result: Json | None


class Release(TypedDict):
    """The agents' release before an upgrade."""

    revision: int
    version: str
    uid: NotRequired[str | None]
    train: NotRequired[str]


# --- outcomes ---


class Checked(TypedDict):
    """The outcome of a step that checks."""

    findings: list[Json]
    facts: NotRequired[Facts]


class Polled(TypedDict):
    """The outcome of a step that is repeated until it is `done`.

    `code` and `remedy` are those of the error if it never is; `operation` is the status URL to poll.
    """

    done: bool
    detail: NotRequired[str | None]
    code: NotRequired[str]
    remedy: NotRequired[str | None]
    retryAfter: NotRequired[float | None]
    operation: NotRequired[str | None]
    leftovers: NotRequired[list[Json]]
    left: NotRequired[list[str]]
    """What earlier versions said for `leftovers`."""
    restored: NotRequired[Json | str]


class NetworkCheckStarted(Polled):
    """`addresses` are those that the Job tries, `findings` what it cannot try."""

    addresses: list[Json]
    findings: list[Json]


class NetworkCheckPolled(Polled):
    """`reachable` is by address; there when `done`."""

    findings: NotRequired[list[Json]]
    reachable: NotRequired[dict[str, bool]]


class MetadataPolled(Polled):
    """`resource` is the connected cluster; there when `done`."""

    resource: NotRequired[Json]


class Registered(TypedDict):
    """The states before asking, and the namespaces whose registration was requested now."""

    states: dict[str, str]
    asked: list[str]


class Created(TypedDict):
    """Whether the step created something."""

    created: bool


class Changed(TypedDict):
    """Whether the step changed something."""

    changed: bool


class SettingsChanged(Changed):
    """`differing` is the number of settings."""

    differing: int


class KeyPairEnsured(Created):
    """The public key of the cluster's key pair."""

    publicKey: str


class AgentsDeployed(Created, Changed):
    """`chart` has `reference` and `digest`."""

    chart: Json


class ResourceWritten(TypedDict, total=False):
    """What came of writing the connected cluster; `beingDeleted` alone if Azure is deleting it."""

    beingDeleted: bool
    created: bool
    changed: bool
    operation: str | None
    done: bool


class ResourceUpdated(Changed):
    """`operation` is the status URL to poll."""

    operation: str | None


class ExtensionWritten(Changed):
    """What came of writing an extension; `inProgress` is the state that Azure has to leave first.

    `operation` is the status URL to poll.
    """

    created: bool
    operation: NotRequired[str | None]
    inProgress: NotRequired[str]
    extensionName: NotRequired[str]
    """Earlier versions did not return it."""


class AssignmentDeleted(Polled):
    """`existed` says whether the policy assignment was there before this attempt."""

    existed: bool


class PolicyAssigned(Changed):
    """`assignment` is the policy assignment as Azure has it."""

    assignment: Json


class ExtensionPolled(Polled):
    """`resource` is the extension as it is shown, `namespace` that of its release; there when `done`."""

    resource: NotRequired[Json]
    namespace: NotRequired[str | None]


class ConfigurationWritten(Changed):
    """What came of writing a Flux configuration; `inProgress` is the state that Azure has to leave first.

    `operation` is the status URL to poll.
    """

    created: bool
    operation: NotRequired[str | None]
    inProgress: NotRequired[str]


class ConfigurationPolled(Polled):
    """`resource` is the Flux configuration as it is shown, `publicKey` what Flux made for the repository; there when
    `done`.
    """

    resource: NotRequired[Json]
    publicKey: NotRequired[str | None]


APPLY_CONFIGURATION: Step[ConfigurationWritten] = Step("apply_configuration")
APPLY_EXTENSION: Step[ExtensionWritten] = Step("apply_extension")
ASSIGN_POLICY: Step[PolicyAssigned] = Step("assign_policy")
AWAIT_DELETION: Step[Polled] = Step("await_deletion")
AWAIT_REMOVAL: Step[Polled] = Step("await_removal")
CHECK_AGENTS: Step[Checked] = Step("check_agents")
CHECK_AZURE: Step[Checked] = Step("check_azure")
CHECK_CLUSTER: Step[Checked] = Step("check_cluster")
CHECK_CONNECTED_CLUSTER: Step[Checked] = Step("check_connected_cluster")
CHECK_EXTENSION: Step[Checked] = Step("check_extension")
CHECK_EXTENSION_CLUSTER: Step[Checked] = Step("check_extension_cluster")
CHECK_GITOPS: Step[Checked] = Step("check_gitops")
CHECK_POLICY: Step[Checked] = Step("check_policy")
CHECK_POLICY_CLUSTER: Step[Checked] = Step("check_policy_cluster")
CHECK_RELEASE: Step[Checked] = Step("check_release")
CHECK_RESOURCE: Step[Checked] = Step("check_resource")
CONFIGURE_AGENTS: Step[SettingsChanged] = Step("configure_agents")
CREATE_RESOURCE: Step[ResourceWritten] = Step("create_resource")
DELETE_CONFIGURATION: Step[Polled] = Step("delete_configuration")
DELETE_EXTENSION: Step[Polled] = Step("delete_extension")
DELETE_EXTENSIONS: Step[Polled] = Step("delete_extensions")
DELETE_POLICY_ASSIGNMENT: Step[AssignmentDeleted] = Step("delete_policy_assignment")
DELETE_RESOURCE: Step[Polled] = Step("delete_resource")
DEPLOY_AGENTS: Step[AgentsDeployed] = Step("deploy_agents")
DISCARD_CREDENTIAL: Step[Done] = Step("discard_credential")
DISCARD_SECRET: Step[Done] = Step("discard_secret")
END_NETWORK_CHECK: Step[Done] = Step("end_network_check")
ENSURE_KEY_PAIR: Step[KeyPairEnsured] = Step("ensure_key_pair")
ENSURE_RESOURCE_GROUP: Step[Created] = Step("ensure_resource_group")
LINK_GATEWAY: Step[ResourceUpdated] = Step("link_gateway")
POLL_AGENTS: Step[Polled] = Step("poll_agents")
POLL_COMPLIANCE: Step[ConfigurationPolled] = Step("poll_compliance")
POLL_CONFIGURATION: Step[ConfigurationPolled] = Step("poll_configuration")
POLL_EXTENSION: Step[ExtensionPolled] = Step("poll_extension")
POLL_EXTENSION_RELEASE: Step[Polled] = Step("poll_extension_release")
POLL_EXTENSION_REMOVAL: Step[Polled] = Step("poll_extension_removal")
POLL_NETWORK_CHECK: Step[NetworkCheckPolled] = Step("poll_network_check")
POLL_REGISTRATION: Step[Polled] = Step("poll_registration")
POLL_RESOURCE: Step[Polled] = Step("poll_resource")
PUBLISH_EVENTS: Step[Done] = Step("publish_events")
REGISTER_PROVIDERS: Step[Registered] = Step("register_providers")
RELEASE_CLUSTER: Step[Done] = Step("release_cluster")
ROLL_BACK_AGENTS: Step[Polled] = Step("roll_back_agents")
START_NETWORK_CHECK: Step[NetworkCheckStarted] = Step("start_network_check")
UNINSTALL_AGENTS: Step[Polled] = Step("uninstall_agents")
UPDATE_AGENTS: Step[SettingsChanged] = Step("update_agents")
UPDATE_RESOURCE: Step[ResourceUpdated] = Step("update_resource")
UPGRADE_AGENTS: Step[Changed] = Step("upgrade_agents")
WAIT_FOR_FEATURES: Step[MetadataPolled] = Step("wait_for_features")
WAIT_FOR_METADATA: Step[MetadataPolled] = Step("wait_for_metadata")
