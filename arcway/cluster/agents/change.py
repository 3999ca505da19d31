"""Changes to installed agents: values of an update, an upgrade, and its rollback.

The release's own values are the start of every change, so nothing that it was given is lost.
"""

import re
from dataclasses import dataclass

from arcway.cluster.access import lease
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.key_pair import key_values
from arcway.cluster.agents.release import Chart, Target, current, helped, upgrade_if_changed
from arcway.cluster.agents.release_namespace import all_records, release_namespace
from arcway.cluster.agents.release_secrets import records, revision_of
from arcway.cluster.checks import permissions
from arcway.cluster.checks.findings import lacking
from arcway.cluster.constants import CONFIG, RELEASE
from arcway.cluster.helm import Release
from arcway.cluster.ownership import belongs_to_another
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json

_TRAIN = re.compile(r"[0-9A-Za-z-]{1,40}")
_NO_AGENTS = "Connect the cluster first: arcway connect."


@dataclass(frozen=True, slots=True)
class Deployed:
    """The agents as they are before a change."""

    latest: Release
    revision: int
    """The revision that is deployed; after an upgrade that failed it is not the latest one."""
    uid: str | None
    """Of its record: another installation has revisions of the same numbers."""
    version: str
    train: str
    upgrades_itself: bool


@dataclass(frozen=True, slots=True)
class ReleaseBefore:
    """What a run that upgrades goes back to, and the version that it `wanted`."""

    revision: int
    version: str
    uid: str | None = None
    target_version: str | None = None


def inspect(api: ClusterApi, installation: str, cluster: ClusterId, *, custom_locations: bool = False) -> list[Json]:
    """Findings that speak against changing the agents of `cluster`, or turning custom locations on; changes nothing.

    Raises `ArcError` when the API server does not answer or another installation of Arcway works on the cluster.
    """
    needed = permissions.TO_CHANGE + (permissions.TO_GRANT_CUSTOM_LOCATIONS if custom_locations else ())
    missing = permissions.missing_at_its_place(api, needed)
    if missing:
        return lacking(missing)
    lease.check(api, installation)
    if refuse := belongs_to_another(api, cluster):
        return [finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, refuse)]
    if not all_records(api):
        return [
            {
                **finding(Code.AGENTS_NOT_INSTALLED, f"The cluster has no Helm release {RELEASE}."),
                "remedy": _NO_AGENTS,
            }
        ]
    return []


def deployed(target: Target) -> Deployed:
    """What is deployed. Raises `ArcError` ARC-5012 when the release is gone."""
    helm, api, access = target.helm, target.api, target.access
    namespace = release_namespace(api)
    latest = helm.release(access, RELEASE, namespace)
    if latest is None:
        raise _gone()
    metadata_by_revision = {revision_of(record): record["metadata"] for record in records(api, namespace)}
    revisions = [
        number for number, metadata in metadata_by_revision.items() if metadata["labels"].get("status") == "deployed"
    ]
    revision = max(revisions, default=latest.revision)
    release = latest if revision == latest.revision else helm.release(access, RELEASE, namespace, revision)
    config = (api.get(CONFIG) or {}).get("data") or {}
    return Deployed(
        latest=latest,
        revision=revision,
        uid=metadata_by_revision.get(revision, {}).get("uid"),
        version=(release or latest).chart_version,
        train=train_of(latest.values),
        upgrades_itself=config.get("AZURE_ARC_AUTOUPDATE", "").lower() == "true",
    )


def train_of(values: Json) -> str:
    """The release train that the agents were installed from; it becomes part of what Azure is asked.

    Raises `ArcError` ARC-2027 when it is none.
    """
    agents = (values.get("systemDefaultValues") or {}).get("azureArcAgents") or {}
    train = agents.get("releaseTrain") or "stable"
    if not isinstance(train, str) or not _TRAIN.fullmatch(train):
        raise ArcError(
            Code.KUBERNETES_RESPONSE_INVALID, "The Helm release in the cluster has an invalid release train."
        )
    return train


def release_to_change(target: Target, cluster: ClusterId) -> tuple[Release, bool]:
    """The release to change and whether a change to it was cut off, as `release.current` tells.

    Raises `ArcError` ARC-2011 when the agents belong to another connected cluster by now, ARC-5012 when they are gone.
    """
    if refuse := belongs_to_another(target.api, cluster):
        raise ArcError(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, refuse)
    installed, redo = current(target)
    if installed is None:
        raise _gone()
    return installed, redo


def upgrade(target: Target, installed: Release, chart: Chart, *, redo: bool) -> bool:
    """Give the release another chart and keep its values; returns whether anything differed.

    The private key goes the way that the new chart's version and train ask for.
    """
    key = key_values(target.api, chart.version, train_of(installed.values), installed.values)
    return bool(upgrade_if_changed(target, installed, chart, key, redo=redo))


def roll_back(target: Target, previous: ReleaseBefore) -> None:
    """Make the release again what it was `before`; harmless when it is or no upgrade was begun.

    Raises `ArcError` ARC-5017 when the release has been changed: what another client made since is not this run's to
    change.
    """
    namespace = release_namespace(target.api)
    record = next(
        (candidate for candidate in records(target.api, namespace) if revision_of(candidate) == previous.revision), None
    )
    installed, redo = current(target)
    if installed is None:
        raise _gone()
    if record is None or not _is_the_same(target, record, previous.uid):
        raise ArcError(
            Code.RELEASE_SUPERSEDED,
            f"Revision {previous.revision} of release {RELEASE} is not the one that was upgraded.",
        )
    if previous.target_version and installed.chart_version not in (previous.version, previous.target_version):
        message = f"Release {RELEASE} now has {installed.chart_version}, which this run did not install."
        raise ArcError(Code.RELEASE_SUPERSEDED, message)
    back = installed.revision == previous.revision or installed.chart_version == previous.version
    if redo or installed.status != "deployed" or not back:
        helm, revision = target.helm, previous.revision
        helped(target.api, namespace, lambda: helm.roll_back(target.access, RELEASE, namespace, revision))


def _is_the_same(target: Target, record: Json, uid: str | None) -> bool:
    """Whether the record is that of the release which the run began with; a run of an earlier Arcway knows no uid."""
    return bool(record["metadata"]["uid"] == uid) if uid else not target.lease.made(record)


def _gone() -> ArcError:
    return ArcError(Code.AGENTS_NOT_INSTALLED, f"The cluster has no Helm release {RELEASE}.", remedy=_NO_AGENTS)
