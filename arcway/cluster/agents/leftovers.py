"""What earlier agents left in a cluster, and whose objects outside the namespaces are the agents'."""

from dataclasses import dataclass
from typing import Any

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.release_namespace import owner_of, survey
from arcway.cluster.agents.release_secrets import records
from arcway.cluster.constants import (
    DEFINITIONS,
    KNOWN_DEFINITION,
    NAMESPACE,
    OWNER_NAME,
    RELEASE,
    RELEASE_NAMESPACE,
)
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.text import listed

_WELL = ("deployed", "superseded")
_SHOWN = 3

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Releases:
    """Where the agents' releases are, and where others of the same name."""

    mine: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @classmethod
    def found(cls, api: ClusterApi) -> "Releases":
        """As the cluster has them."""
        mine, foreign = survey(api)
        return cls(tuple(mine), tuple(foreign))

    def own(self, item: Json, *, definition: bool) -> bool:
        """Whether the object is the agents': by Helm's annotations, a definition without them by its name.

        The record of a release that was somewhere else may be gone already; what it left is known by other signs then.
        """
        has_agents_name = definition and bool(KNOWN_DEFINITION.fullmatch(item["metadata"]["name"]))
        namespace = owner_of(item)
        if namespace is None:
            return has_agents_name and OWNER_NAME not in (item["metadata"].get("annotations") or {})
        if namespace in self.foreign:
            return False
        return namespace in (RELEASE_NAMESPACE, *self.mine) or has_agents_name or _looks_like_the_agents(item)


def _looks_like_the_agents(item: Json) -> bool:
    metadata = item["metadata"]
    subjects = item.get("subjects") or []
    return (
        "deletionTimestamp" in metadata
        or metadata["name"].startswith(NAMESPACE)
        or any(subject.get("namespace") == NAMESPACE for subject in subjects)
    )


def not_theirs(releases: Releases) -> list[Json]:
    """A finding that names releases which have the agents' name and stay as they are."""
    if not releases.foreign:
        return []
    why = "no object of the agents names it, or its chart is another"
    return [
        finding(Code.RELEASE_NOT_THE_AGENTS, f"Release {RELEASE} in {listed(releases.foreign, _SHOWN)}: {why}.", "info")
    ]


def inspect(api: ClusterApi) -> list[Json]:
    """What the run will adopt or repair, and what it leaves unchanged."""
    releases = Releases.found(api)
    return [*_own(api, releases), *not_theirs(releases)]


def _own(api: ClusterApi, releases: Releases) -> list[Json]:
    latest = [record for namespace in releases.mine for record in records(api, namespace)[-1:]]
    statuses = [record["metadata"]["labels"].get("status", "") for record in latest]
    findings = [
        finding(Code.AGENT_LEFTOVERS, f"Helm release {RELEASE} is {status}; Arcway will repair it.", "info")
        for status in statuses
        if status not in _WELL
    ]
    if len(releases.mine) > 1:
        message = f"The agents are installed {len(releases.mine)} times, in namespaces {listed(releases.mine)}; "
        findings.append(
            finding(
                Code.AGENT_LEFTOVERS, f"{message}Arcway uses the first one, and disconnecting removes all.", "warning"
            )
        )
    if releases.mine:
        return findings
    names = [item["metadata"]["name"] for item in api.items(DEFINITIONS) if releases.own(item, definition=True)]
    if not names:
        return []
    message = (
        f"Custom resource definitions of earlier agents exist without a Helm release: {listed(sorted(names), _SHOWN)}"
    )
    return [finding(Code.AGENT_LEFTOVERS, f"{message}; Arcway will adopt them.", "info")]
