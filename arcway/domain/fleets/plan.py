"""The plan of a fleet: what an operation would do with each member, by what a check of the member shows.

A forecast is one of seven classes. It is derived from the facts and findings of checkCluster alone, so that the run
that checks and the run that changes come to the same result. A plan has a line for each member, and is equal as long as
what it is about is equal: no times, no ids of runs, no messages.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code, Family, family
from arcway.domain.features import GATEWAY_LINK, resource_settings
from arcway.domain.gitops_request import ApplyGitopsRequest, DeleteGitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest, PolicyRequest
from arcway.domain.request import AnyRequest, OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest

type PlanClass = Literal["create", "adopt", "change", "unchanged", "busy", "unreachable", "refused"]
"""create: the connected cluster is created. adopt: an existing connected cluster gets this cluster's agents, or agents
of one that is gone get a new one. change: what exists is changed or removed. busy, unreachable: a later check can tell.
refused: it cannot be done until something is corrected."""
type Depth = Literal["azure", "cluster"]
"""What a plan is made of: Azure's lists alone, or a check of each cluster, too."""

CLASSES: tuple[str, ...] = get_args(PlanClass.__value__)
AGENTS = "agents"
"""The change of agents of which is not known what it is; what is known begins with this and a dot."""
CONNECTED_CLUSTER, RESOURCE_GROUP, PROVIDER = "connectedCluster", "resourceGroup", "provider "
EXTENSION = "extension"
"""The change of an extension of which is not known what it is; what is known begins with this and a dot."""
CONFIGURATION = "configuration"
"""The same of a Flux configuration."""
ASSIGNMENT = "assignment"
"""The change of a policy assignment, as that of an extension."""

_BUSY = frozenset(
    {
        Code.CLUSTER_LEASE_HELD,
        Code.RUN_IN_PROGRESS,
        Code.RUN_SUPERSEDED,
        Code.NAMESPACE_TERMINATING,
        Code.CONNECTED_CLUSTER_DELETING,
    }
)
_UNREACHABLE = (
    frozenset(
        code
        for code, kind in CATALOGUE.items()
        if kind.retryable and family(code) in (Family.CLUSTER, Family.NETWORK, Family.AZURE)
    )
    | {Code.PHASE_TIMEOUT, Code.CHART_UNAVAILABLE}
) - _BUSY


_BY_CLUSTER_OF_ONBOARD = (
    Code.CONNECTED_CLUSTER_EXPIRED,
    Code.SELF_HOSTED_ISSUER_MISSING,
    Code.FEATURE_NOT_SUPPORTED,
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an operation would do with one member. `kind` is the class; `changes` are names, sorted."""

    kind: PlanClass
    changes: tuple[str, ...] = ()
    code: str | None = None
    """Of the error, if the class is busy, unreachable or refused."""

    @classmethod
    def read(cls, document: Json) -> "Forecast":
        """The forecast that `as_json` wrote."""
        return cls(document["class"], tuple(document["changes"]), document["code"])

    @classmethod
    def of_error(cls, code: str) -> "Forecast":
        """The forecast of a member whose check ends with this error."""
        return cls("busy" if code in _BUSY else "unreachable" if code in _UNREACHABLE else "refused", code=code)

    def as_json(self) -> Json:
        """The JSON form, as reports, results and plans have it."""
        return {"class": self.kind, "changes": [*self.changes], "code": self.code}

    def __str__(self) -> str:
        """The class, and what it is about: the code or the changes."""
        detail = self.code or ", ".join(self.changes)
        return f"{self.kind} ({detail})" if detail else self.kind

    def is_within(self, planned: "Forecast") -> bool:
        """Whether nothing more is changed than `planned`, if this is the forecast now."""
        return self.kind == "unchanged" or (self.kind == planned.kind and {*self.changes} <= {*planned.changes})


BUSY = Forecast("busy", code=Code.RUN_IN_PROGRESS)
"""The forecast of a member on whose cluster a run is in progress."""


def forecast(
    request: AnyRequest, facts: Mapping[str, Any], findings: Sequence[Json], depth: Depth = "cluster"
) -> Forecast:
    """What the request would do with its cluster, by the facts and findings of its check.

    With depth `azure` only what Azure's lists show counts, whatever else the check learned.
    """
    errors = [item["code"] for item in findings if item["level"] == "error" and _is_known(request, item["code"], depth)]
    if errors:
        # What has to be corrected first counts more than what passes.
        by_code = [Forecast.of_error(code) for code in errors]
        return next((item for item in by_code if item.kind == "refused"), by_code[0])
    if isinstance(request, OnboardRequest):
        return _onboard(request, facts, findings, depth)
    if isinstance(request, OffboardRequest):
        changes = _offboard(request, facts, depth)
    elif isinstance(request, UpdateRequest):
        changes = _update(request, facts, depth)
    elif isinstance(request, UpgradeRequest):
        changes = _upgrade(request, facts, depth)
    elif isinstance(request, ApplyGitopsRequest | DeleteGitopsRequest):
        changes = _gitops(request, facts, depth)
    elif isinstance(request, EnablePolicyRequest | DisablePolicyRequest):
        changes = _extension(facts, depth) + _assignment(request, facts, depth)
    else:
        changes = _extension(facts, depth)
    return _changed(changes)


def _is_known(request: AnyRequest, code: str, depth: Depth) -> bool:
    """Whether a check of this depth can come to the error.

    Whose a connected cluster is, only its key tells, and of which distribution it is, only its nodes.
    """
    if depth == "cluster":
        return True
    by_cluster = (Code.CONNECTED_CLUSTER_TAKEN, *(_BY_CLUSTER_OF_ONBOARD if _is_onboard(request) else ()))
    return code == Code.AZURE_UNREACHABLE or (family(code) is Family.AZURE and code not in by_cluster)


def _is_onboard(request: AnyRequest) -> bool:
    return isinstance(request, OnboardRequest)


def _changed(changes: Iterable[str]) -> Forecast:
    names = tuple(sorted({*changes}))
    return Forecast("change" if names else "unchanged", names)


def _onboard(request: OnboardRequest, facts: Mapping[str, Any], findings: Sequence[Json], depth: Depth) -> Forecast:
    around = _registrations(facts)
    around += [] if facts.get("resourceGroupExists", True) else [RESOURCE_GROUP]
    around += _of_configuration(facts, depth) if request.gitops is not None else []
    if not facts.get("resourceExists"):
        is_adopted = depth == "cluster" and _adopts_agents(findings)
        return Forecast("adopt" if is_adopted else "create", tuple(sorted(around)))
    changes: list[str] = [*facts.get("resourceChanges", ())]
    if depth == "azure":
        named = _named_of_resource(request)
        compared = [name for name in changes if name in named]
        return _changed([*around, *compared, *([AGENTS] if _names_agents(request) else [])])
    changes += [f"{AGENTS}.{name}" for name in facts.get("agentChanges", ())]
    if facts.get("takesOver") or not facts.get("releaseDeployed") or _adopts_agents(findings):
        return Forecast("adopt", tuple(sorted({*around, *changes})))
    return _changed([*around, *changes])


def _registrations(facts: Mapping[str, Any]) -> list[str]:
    return [PROVIDER + namespace for namespace in facts.get("toRegister", ())]


def _adopts_agents(findings: Sequence[Json]) -> bool:
    """Whether the agents in the cluster belonged to a connected cluster that does not exist any more."""
    return any(item["code"] == Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER for item in findings)


def _named_of_resource(request: OnboardRequest) -> set[str]:
    """The properties of the connected cluster that the request names; others follow from the cluster."""
    values = {
        "tags": request.tags,
        "distribution": request.distribution,
        "infrastructure": request.infrastructure,
        "agentAutoUpgrade": request.agents.auto_upgrade,
        **resource_settings(request.features),
    }
    return {name for name, value in values.items() if value is not None}


def _names_agents(request: OnboardRequest) -> bool:
    """Whether the request names something that only the agents in the cluster have."""
    agents = request.agents
    marks = (agents.namespace_labels, agents.namespace_annotations, agents.pod_labels, agents.pod_annotations)
    features = request.features is not None and request.features.names_something
    return bool(request.proxy or agents.version or agents.train or features or any(marks))


def _offboard(request: OffboardRequest, facts: Mapping[str, Any], depth: Depth) -> list[str]:
    changes = [CONNECTED_CLUSTER] if facts.get("resourceExists") else []
    if request.azure_only:
        return changes
    if depth == "azure" or facts.get("agents"):
        changes.append(AGENTS)
    return changes


def _update(request: UpdateRequest, facts: Mapping[str, Any], depth: Depth) -> list[str]:
    changes: list[str] = [*_registrations(facts), *facts.get("resourceChanges", ())]
    if depth == "azure":
        # The link to a gateway is in no list.
        listed = [name for name in changes if name != GATEWAY_LINK]
        features = request.features is not None and request.features.names_something
        return [*listed, *([AGENTS] if request.proxy or request.disable_proxy or features else [])]
    return [*changes, *(f"{AGENTS}.{name}" for name in facts.get("agentChanges", ()))]


def _upgrade(request: UpgradeRequest, facts: Mapping[str, Any], depth: Depth) -> list[str]:
    if depth == "azure":
        version = ((facts.get("resource") or {}).get("properties") or {}).get("agentVersion")
        return [] if request.agent_version is not None and request.agent_version == version else [AGENTS]
    release = facts.get("release") or {}
    return [f"{AGENTS}.version"] if facts.get("wanted") != release.get("version") else []


def _extension(facts: Mapping[str, Any], depth: Depth) -> list[str]:
    if depth == "azure":
        return [EXTENSION]
    around = [PROVIDER + namespace for namespace in facts.get("toRegister", ())]
    return [*around, *_below(EXTENSION, facts.get("extensionChanges", ()))]


def _gitops(request: ApplyGitopsRequest | DeleteGitopsRequest, facts: Mapping[str, Any], depth: Depth) -> list[str]:
    if isinstance(request, DeleteGitopsRequest) and depth == "azure":
        return [CONFIGURATION, *([EXTENSION] if request.with_extension else [])]
    return [*(PROVIDER + namespace for namespace in facts.get("toRegister", ())), *_of_configuration(facts, depth)]


def _of_configuration(facts: Mapping[str, Any], depth: Depth) -> list[str]:
    """The changes of a Flux configuration, and of the extension that it needs."""
    if depth == "azure":
        return [CONFIGURATION]
    return [
        *_below(EXTENSION, facts.get("extensionChanges", ())),
        *_below(CONFIGURATION, facts.get("configurationChanges", ())),
    ]


def _below(place: str, names: Iterable[str]) -> list[str]:
    return [name if name == place else f"{place}.{name}" for name in names]


def _assignment(request: PolicyRequest, facts: Mapping[str, Any], depth: Depth) -> list[str]:
    if depth == "azure":
        return [ASSIGNMENT] if request.assignment else []
    names = facts.get("assignmentChanges", ())
    return [name if name == ASSIGNMENT else f"{ASSIGNMENT}.{name}" for name in names]


# --- the lines of a plan -------------------------------------------------------------------------------------------


def line_of(resource_id: str, planned: Forecast) -> str:
    """A member's line: canonical JSON without its line break."""
    return canonical({"resourceId": resource_id.lower(), **planned.as_json()})


def canonical(document: Json) -> str:
    """JSON with sorted keys and without blanks, equal for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(forecasts: Mapping[str, Forecast]) -> str:
    """The SHA-256 of a plan's lines by resource id, each with its line break; hexadecimal."""
    keys = {resource_id.lower(): item for resource_id, item in forecasts.items()}
    lines = "".join(line_of(key, keys[key]) + "\n" for key in sorted(keys))
    return hashlib.sha256(lines.encode()).hexdigest()


def counts_of(forecasts: Iterable[Forecast]) -> dict[str, int]:
    """How many members are of each class; every class is there."""
    counts: Counter[str] = Counter(item.kind for item in forecasts)
    return {name: counts[name] for name in CLASSES}


def codes_of(forecasts: Iterable[Forecast]) -> dict[str, int]:
    """How many members have each code, the most frequent first."""
    counts = Counter(item.code for item in forecasts if item.code)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
