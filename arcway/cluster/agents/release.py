"""The agents' release: installed or upgraded only when something differs, repaired when an operation on it never ended.

Every function reads the release before it changes it, so each may be repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents.release_namespace import all_records, release_namespace
from arcway.cluster.agents.release_secrets import read, records, records_path, write
from arcway.cluster.agents.served_apis import Served, mended
from arcway.cluster.agents.values import Values, changed_keys, deep_merge
from arcway.cluster.constants import NAMESPACE, RELEASE, SECRET
from arcway.cluster.helm import Helm, Release
from arcway.cluster.helm.interface import CALL_SECONDS
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import listed
from arcway.telemetry import log

_DEPLOYED = ("deployed", "superseded")
_MAYBE_THE_MANIFEST = (Code.HELM_FAILED, Code.RELEASE_API_MISSING)

type Json = dict[str, Any]


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
            raise ArcError(
                Code.CHART_REGISTRY_NOT_ALLOWED, f"Registry {host[:100]} is not one of {', '.join(registries)}."
            )
        return cls(repository, version or named)

    @property
    def reference(self) -> str:
        """The chart's reference as registries and Helm expect it."""
        return f"{self.repository}:{self.version}"


@dataclass(frozen=True, slots=True)
class Target:
    """The release in one cluster: access to it, and the time since which this run holds the cluster's Lease."""

    helm: Helm
    api: ClusterApi
    access: Access
    lease: AcquiredLease


def current(target: Target) -> tuple[Release | None, bool]:
    """Read the release, and whether an unfinished upgrade was set aside and must be repeated.

    An operation that was cut off leaves a record that locks the release permanently. The record is removed, as one does
    by hand; what it had applied already is adopted by the next install or upgrade, which leaves no more revisions than
    an undisturbed run. Raises `ArcError` ARC-5010 while another client's operation may still be in progress.
    """
    set_aside, namespace = False, release_namespace(target.api)
    release_records = records(target.api, namespace)
    while release_records and _is_unfinished(target, release_records):
        target.api.delete(at(records_path(namespace), release_records[-1]["metadata"]["name"]))
        release_records, set_aside = release_records[:-1], True
    if not release_records:
        return None, set_aside
    return target.helm.release(target.access, RELEASE, namespace), set_aside


def existing_uids(api: ClusterApi) -> list[str]:
    """The uids of the key's Secret and of the release's records, by which a run recognizes what it created."""
    secret = api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}")
    return [item["metadata"]["uid"] for item in (*([secret] if secret else []), *all_records(api))]


def made_by_this_run(target: Target) -> bool:
    """Whether the release was first installed by this run."""
    release_records = all_records(target.api)
    return bool(release_records) and all(target.lease.made(record) for record in release_records)


def install(target: Target, chart: Chart, values: Values) -> str:
    """Install the agents without waiting for them; returns the chart's digest."""
    digest = target.helm.digest_of(chart.reference)
    archive = target.helm.pull(chart.reference, digest)
    target.helm.install(target.access, RELEASE, release_namespace(target.api), archive, values)
    return digest


def upgrade_if_changed(target: Target, installed: Release, chart: Chart, values: Values, *, redo: bool) -> list[str]:
    """Upgrade the release if a value of `values` or the chart's version differs, or to `redo` it.

    Returns what differed. Values that other clients gave the release are kept.
    """
    changes = changed_keys(installed.values, values)
    if installed.chart_version != chart.version:
        changes.append("chart version")
    if redo or installed.status != "deployed":
        changes.append("an unfinished operation")
    if changes:
        helm = target.helm
        archive = helm.pull(chart.reference, helm.digest_of(chart.reference))
        namespace, whole = release_namespace(target.api), deep_merge(installed.values, values)
        helped(target.api, namespace, lambda: helm.upgrade(target.access, RELEASE, namespace, archive, whole))
    return changes


def helped(api: ClusterApi, namespace: str, call: Callable[[], None]) -> None:
    """Have Helm do something with the release in `namespace`, once more when its records had to be repaired first.

    Helm does not always say that the manifest was the cause: an uninstall has "failed to delete release".
    """
    try:
        call()
    except ArcError as error:
        if error.code not in _MAYBE_THE_MANIFEST or not mend(api, namespace):
            raise
        call()


def mend(api: ClusterApi, namespace: str) -> bool:
    """Remove from the release's records what the cluster no longer serves. Returns whether anything was removed.

    All of them, because Helm reads the one before an upgrade, that of a roll-back and the latest.
    """
    served, is_mended = Served(api), False
    for record in records(api, namespace):
        release = read(record) or {}
        manifest = release.get("manifest")
        repaired, changes = mended(manifest, served) if isinstance(manifest, str) else ("", [])
        if changes:
            log.warning("release %s/%s used APIs that are not served: %s", namespace, RELEASE, listed(changes))
            write(api, namespace, record, {**release, "manifest": repaired})
            is_mended = True
    return is_mended


def _is_unfinished(target: Target, release_records: list[Json]) -> bool:
    latest = release_records[-1]
    status = latest["metadata"]["labels"].get("status", "")
    if status == "failed":
        # A failed upgrade can be upgraded again; a failed first install cannot.
        return not any(record["metadata"]["labels"].get("status") in _DEPLOYED for record in release_records)
    if not status.startswith("pending-"):
        return False
    if not target.lease.made(latest) and _age(latest) < CALL_SECONDS:
        raise ArcError(Code.RELEASE_LOCKED, f"Release {RELEASE} is {status}.", retryable=True, retry_after=10)
    return True


def _age(record: Json) -> float:
    created_at = datetime.fromisoformat(record["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - created_at).total_seconds()
