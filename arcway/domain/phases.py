"""The phases of each operation, their order and their time limits: data that triggers and orchestrators share."""

from dataclasses import dataclass
from typing import Literal

type PhaseName = Literal[
    "checkCluster",
    "registerProviders",
    "pollRegistration",
    "ensureResourceGroup",
    "deployAgents",
    "createResource",
    "configureAgents",
    "waitForMetadata",
    "deleteResource",
    "uninstallAgents",
    "updateResource",
    "updateAgents",
    "upgradeAgents",
    "applyExtension",
    "waitForRelease",
    "deleteExtension",
    "applyConfiguration",
    "waitForCompliance",
    "deleteConfiguration",
    "deleteExtensions",
    "waitForFeatures",
    "assignPolicy",
    "deletePolicyAssignment",
    "publishResult",
]

type Order = Literal["agents-first", "resource-first"]
"""Which of the two a connect makes first."""

type Scope = Literal["azure-first", "azure-only", "agents-only"]
"""Which of the two a disconnect, an update or an upgrade changes: both, Azure first, or one of them."""

_BEFORE: tuple[PhaseName, ...] = ("checkCluster", "registerProviders", "pollRegistration", "ensureResourceGroup")
_AFTER: tuple[PhaseName, ...] = ("configureAgents", "waitForMetadata", "publishResult")

AGENTS_FIRST: tuple[PhaseName, ...] = (*_BEFORE, "deployAgents", "createResource", *_AFTER)
RESOURCE_FIRST: tuple[PhaseName, ...] = (*_BEFORE, "createResource", "deployAgents", *_AFTER)
OFFBOARD: tuple[PhaseName, ...] = (
    "checkCluster",
    "deleteExtensions",
    "deleteResource",
    "uninstallAgents",
    "publishResult",
)
AZURE_ONLY: tuple[PhaseName, ...] = ("checkCluster", "deleteExtensions", "deleteResource", "publishResult")
AGENTS_ONLY: tuple[PhaseName, ...] = ("checkCluster", "uninstallAgents", "publishResult")
UPDATE: tuple[PhaseName, ...] = ("checkCluster", "updateResource", "updateAgents", "publishResult")
UPDATE_AZURE_ONLY: tuple[PhaseName, ...] = ("checkCluster", "updateResource", "publishResult")
UPDATE_AGENTS_ONLY: tuple[PhaseName, ...] = ("checkCluster", "updateAgents", "publishResult")
UPGRADE: tuple[PhaseName, ...] = ("checkCluster", "upgradeAgents", "waitForMetadata", "publishResult")
APPLY_EXTENSION: tuple[PhaseName, ...] = (
    "checkCluster",
    "registerProviders",
    "pollRegistration",
    "applyExtension",
    "waitForRelease",
    "publishResult",
)
DELETE_EXTENSION: tuple[PhaseName, ...] = ("checkCluster", "deleteExtension", "publishResult")
GITOPS: tuple[PhaseName, ...] = ("applyExtension", "waitForRelease", "applyConfiguration", "waitForCompliance")
"""What a connect with GitOps does after all else."""
APPLY_GITOPS: tuple[PhaseName, ...] = (*APPLY_EXTENSION[:3], *GITOPS, "publishResult")
DELETE_GITOPS: tuple[PhaseName, ...] = ("checkCluster", "deleteConfiguration", "publishResult")
DELETE_GITOPS_AND_EXTENSION: tuple[PhaseName, ...] = (
    "checkCluster",
    "deleteConfiguration",
    "deleteExtension",
    "publishResult",
)
ENABLE_POLICY: tuple[PhaseName, ...] = (*APPLY_EXTENSION[:-1], "assignPolicy", "publishResult")
DISABLE_POLICY: tuple[PhaseName, ...] = ("checkCluster", "deletePolicyAssignment", "deleteExtension", "publishResult")
CHECK: tuple[PhaseName, ...] = ("checkCluster",)

_WITHOUT_SCOPE = {
    "check": CHECK,
    "upgrade": UPGRADE,
    "applyExtension": APPLY_EXTENSION,
    "deleteExtension": DELETE_EXTENSION,
    "applyGitops": APPLY_GITOPS,
    "enablePolicy": ENABLE_POLICY,
    "disablePolicy": DISABLE_POLICY,
}
_UPDATES = {"azure-only": UPDATE_AZURE_ONLY, "agents-only": UPDATE_AGENTS_ONLY, "azure-first": UPDATE}

# Seconds. A phase that is not named here has as long as its steps' attempts take.
TIME_LIMITS: dict[PhaseName, int] = {
    "checkCluster": 60,
    "registerProviders": 300,
    "pollRegistration": 15 * 60,
    "ensureResourceGroup": 300,
    "deployAgents": 20 * 60,
    "createResource": 10 * 60,
    "configureAgents": 20 * 60,
    "waitForMetadata": 15 * 60,
    "deleteResource": 10 * 60,
    "uninstallAgents": 10 * 60,
    "updateResource": 10 * 60,
    "updateAgents": 20 * 60,
    "waitForRelease": 10 * 60,
    "deleteExtension": 20 * 60,
    "applyConfiguration": 20 * 60,
    "deleteConfiguration": 20 * 60,
    "deleteExtensions": 30 * 60,
    "waitForFeatures": 15 * 60,
    "assignPolicy": 5 * 60,
    "deletePolicyAssignment": 5 * 60,
    "publishResult": 24 * 3600,
}
# Seconds that undoing one thing, and removing one temporary thing, may take: what does not go in that time is left.
UNDO_SECONDS = 15 * 60
CLEAN_UP_SECONDS = 5 * 60
# Seconds of a run, beyond the limits of its phases, that it waits because Azure asks it to.
ASKED_SECONDS = 4 * 3600
# upgradeAgents, applyExtension and waitForCompliance are limited by the request: this is the longest that it
# may ask for.
_REQUESTED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Interval:
    """How often to look: first after `first` seconds, each time twice as long, at most `longest`."""

    first: float
    longest: float

    def after(self, looks: int) -> float:
        """Seconds to wait after the given number of looks (1 or more)."""
        return float(min(self.first * 2 ** (looks - 1), self.longest))


# Waiting starts short, because a run whose world is ready must not idle, and grows to the intervals that keep a fleet
# within Azure's read budget (docs/adr/0005-polling.md).
POLL_REGISTRATION = Interval(first=5, longest=30)
POLL_AGENTS = Interval(first=0.25, longest=10)
POLL_RESOURCE = Interval(first=0.5, longest=30)
POLL_REMOVAL = Interval(first=0.25, longest=10)
WAIT_FOR_METADATA = Interval(first=0.5, longest=30)
POLL_EXTENSION = Interval(first=1, longest=30)
WAIT_FOR_FEATURES = Interval(first=5, longest=30)
POLL_NETWORK_CHECK = Interval(first=0.5, longest=5)
UNDO = Interval(first=0.5, longest=10)


def longest_seconds(operation: str, *, gitops: bool = False, features: bool = False) -> int:
    """How long a run of the operation may take, clean-up included, if Azure does not ask it to wait longer.

    `gitops`: a connect that applies a Flux configuration, a deletion of one that deletes the extension, too. With
    `features` those phases count, too, that some features need. Waiting for a broker needs no cluster.
    """
    phases = phases_of(operation, gitops=gitops)
    phases = with_features(phases, registers=True, awaits=True) if features and operation != "check" else phases
    names = [name for name in phases if name != "publishResult"]
    return sum(TIME_LIMITS.get(name, _REQUESTED_SECONDS) for name in names) + UNDO_SECONDS + CLEAN_UP_SECONDS


def phases_of(
    operation: str, scope: Scope = "azure-first", order: Order = "agents-first", *, gitops: bool = False
) -> tuple[PhaseName, ...]:
    """The phases of one operation; `order` counts for a connect, `scope` for the operations on what is connected.

    `gitops`: a connect that applies a Flux configuration, a deletion of one that deletes the extension, too.
    """
    if operation == "offboard":
        return {"azure-only": AZURE_ONLY, "agents-only": AGENTS_ONLY}.get(scope, OFFBOARD)
    if operation == "update":
        return _UPDATES[scope]
    if operation in _WITHOUT_SCOPE:
        return _WITHOUT_SCOPE[operation]
    if operation == "deleteGitops":
        return DELETE_GITOPS_AND_EXTENSION if gitops else DELETE_GITOPS
    phases = AGENTS_FIRST if order == "agents-first" else RESOURCE_FIRST
    return (*phases[:-1], *GITOPS, phases[-1]) if gitops else phases


def with_features(phases: tuple[PhaseName, ...], *, registers: bool, awaits: bool) -> tuple[PhaseName, ...]:
    """The phases of a run whose features need a registration, or a report of the agents to Azure."""
    if registers and "registerProviders" not in phases:
        check, *others = phases
        phases = (check, "registerProviders", "pollRegistration", *others)
    if awaits:
        # After the agents have their settings, which they report on.
        phases = (*phases[:-1], "waitForFeatures", phases[-1])
    return phases
