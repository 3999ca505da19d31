"""The agents' release: installed or upgraded only when something differs, and removed.

Every function reads the release before it changes it, so each may be repeated. Must not know Azure: chart and values
are given.
"""

from dataclasses import dataclass
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.cluster.helm import Helm, Release
from arcway.cluster.key_pair import NAMESPACE, RELEASE, RELEASE_NAMESPACE
from arcway.cluster.kubeconfig import Access
from arcway.cluster.values import Values, differing, merged
from arcway.domain.errors import ArcError


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in a registry, `host/path/name` and version."""

    repository: str
    version: str

    @classmethod
    def parse(cls, path: str, version: str | None, registries: tuple[str, ...]) -> "Chart":
        """Read `host/path/chart:version` as the data plane names it; `version` wins if given.

        The version is what follows the last colon, because a registry may have a port. Raises `ArcError` ARC-5002
        when the registry is not allowed.
        """
        repository, _, named = path.rpartition(":")
        host = repository.partition("/")[0]
        if host not in registries:
            raise ArcError("ARC-5002", f"Registry {host[:100]} is not one of {', '.join(registries)}.")
        return cls(repository, version or named)

    @property
    def reference(self) -> str:
        """The form that registries and Helm take."""
        return f"{self.repository}:{self.version}"


def current(helm: Helm, access: Access) -> Release | None:
    """The agents' release as it is. Raises `ArcError` ARC-5010 while an operation on it is unfinished."""
    found = helm.release(access, RELEASE, RELEASE_NAMESPACE)
    if found and found.status.startswith(("pending-", "uninstalling")):
        raise ArcError("ARC-5010", f"Release {RELEASE} is {found.status} at revision {found.revision}.")
    return found


def install(helm: Helm, access: Access, chart: Chart, values: Values) -> str:
    """Install the agents without waiting for them; returns the chart's digest."""
    digest = helm.digest_of(chart.reference)
    helm.install(access, RELEASE, RELEASE_NAMESPACE, helm.pull(chart.reference, digest), values)
    return digest


def bring_up_to(helm: Helm, access: Access, found: Release, chart: Chart, values: Values) -> list[str]:
    """Upgrade the release if a value of `values` or the chart's version differs; returns what differed.

    Values that somebody else gave the release are kept.
    """
    changes = differing(found.values, values)
    if found.chart_version != chart.version:
        changes.append("chart version")
    if found.status != "deployed":
        changes.append(f"status {found.status}")
    if changes:
        archive = helm.pull(chart.reference, helm.digest_of(chart.reference))
        helm.upgrade(access, RELEASE, RELEASE_NAMESPACE, archive, merged(found.values, values))
    return changes


def remove(helm: Helm, api: ClusterApi, access: Access) -> str | None:
    """One step towards a cluster without agents; returns what is still being deleted, None when nothing is."""
    if helm.release(access, RELEASE, RELEASE_NAMESPACE):
        helm.uninstall(access, RELEASE, RELEASE_NAMESPACE)
    left: list[str] = []
    for name in (NAMESPACE, RELEASE_NAMESPACE):
        namespace: dict[str, Any] | None = api.get(f"/api/v1/namespaces/{name}")
        if namespace:
            left.append(name)
            if namespace.get("status", {}).get("phase") != "Terminating":
                api.delete(f"/api/v1/namespaces/{name}")
    return f"namespaces {', '.join(left)}" if left else None
