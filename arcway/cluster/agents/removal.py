"""Removes the agents step by step and reports what remains.

Helm uninstalls without hooks, because a hook's Job never ends on a cluster whose nodes are gone; what Helm leaves is
deleted here. Every function may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from arcway.cluster.access import lease
from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.agents import parts
from arcway.cluster.agents.finalizers import strip_instances, strip_namespace, strip_own
from arcway.cluster.agents.key_pair import public_key
from arcway.cluster.agents.leftovers import Releases, not_theirs
from arcway.cluster.agents.parts import Part
from arcway.cluster.agents.release import Target, helped
from arcway.cluster.agents.release_namespace import owner_of
from arcway.cluster.agents.release_secrets import manifest_of, records, records_path
from arcway.cluster.agents.served_apis import Served, objects_in
from arcway.cluster.checks import permissions
from arcway.cluster.checks.findings import lacking
from arcway.cluster.constants import RELEASE
from arcway.cluster.helm import Helm
from arcway.cluster.ownership import belongs_to_another
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover, shortened
from arcway.domain.text import listed
from arcway.telemetry import log

_ASKED = "arcway.dev/asked-again"
_OF_HELM = (Code.HELM_FAILED, Code.HELM_TIMEOUT, Code.RELEASE_API_MISSING)
_NAMED = 20
_PRESENT, _NAME_LENGTH = 100, 300
_WITHOUT_HELM = "Fix the cause given by Helm, or set force (--force) to remove the agents without Helm."
# What one object may answer without keeping the rest: it cannot be deleted by this credential, or not at all.
_REFUSED = (
    Code.CLUSTER_PERMISSION_MISSING,
    Code.KUBERNETES_CHANGE_REFUSED,
    Code.KUBERNETES_RESPONSE_INVALID,
    Code.ADMISSION_DENIED,
)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What remains of the agents and why, and a remedy where neither waiting nor force helps."""

    leftovers: list[Json]
    reason: str | None
    remedy: str | None


def inspect(api: ClusterApi, installation: str, cluster: ClusterId) -> tuple[list[Json], list[Json], str | None]:
    """Return findings that prevent removing the agents of `cluster`, the parts that exist, and their public key.

    Raises `ArcError` when the API server does not answer or another installation of Arcway works on the cluster.
    """
    missing = permissions.missing_at_its_place(api, permissions.TO_DISCONNECT)
    if missing:
        return lacking(missing), [], None
    lease.check(api, installation)
    refuse = belongs_to_another(api, cluster)
    releases = Releases.found(api)
    findings = [finding(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, refuse)] if refuse else not_theirs(releases)
    return findings, _present(api, releases), public_key(api)


def remove(target: Target, cluster: ClusterId, *, force: bool) -> Remaining:
    """Remove the agents as far as possible in one step; call it again until nothing remains.

    `force` removes the finalizers of everything that is only waiting for them, and continues without Helm when that
    cannot uninstall. Raises `ArcError` ARC-2011 when the agents belong to another connected cluster.
    """
    if refuse := belongs_to_another(target.api, cluster):
        raise ArcError(Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER, refuse)
    api = target.api
    releases = Releases.found(api)
    for namespace in releases.mine:
        try:
            _uninstall(target.helm, api, target.access, namespace)
        except ArcError as error:
            if not force:
                raise _with_a_way_out(error) from error
            log.warning("release %s/%s is removed without Helm: %s", namespace, RELEASE, error)
            _uninstall_without_helm(api, namespace)
    remaining = list(parts.everywhere(api, releases))
    for part in remaining:
        if not part.is_going:
            api.delete(part.path)
            continue
        _ask_again(api, part)
        if force:
            _strip_if_possible(api, part)
    return Remaining([part.leftover for part in remaining], parts.reason(remaining), parts.remedy(remaining))


def finish(helm: Helm, api: ClusterApi, access: Access) -> tuple[str | None, str | None]:
    """Continue an earlier removal, finishing an uninstall: what is still being deleted and why, and a remedy."""
    releases = Releases.found(api)
    for namespace in releases.mine:
        latest = records(api, namespace)[-1:]
        if any(record["metadata"]["labels"].get("status") in ("uninstalling", "uninstalled") for record in latest):
            _uninstall(helm, api, access, namespace)
    going = [part for part in parts.that_block_a_new_one(api, releases) if part.is_going]
    for part in going:
        _ask_again(api, part)
    if not going:
        return None, None
    why = parts.reason(going)
    return listed([part.name for part in going], _NAMED) + (f" ({why})" if why else ""), parts.remedy(going)


def _present(api: ClusterApi, releases: Releases) -> list[Json]:
    present = [leftover("HelmRelease", RELEASE, namespace=name, reason="NotRemovedYet") for name in releases.mine]
    present += [part.leftover for part in parts.everywhere(api, releases)]
    return shortened(present, _PRESENT, _NAME_LENGTH)


def _with_a_way_out(error: ArcError) -> ArcError:
    """The error of an uninstall; where it is Helm's, its remedy says how to do without."""
    if error.code not in _OF_HELM:
        return error
    return ArcError(error.code, error.message, remedy=_WITHOUT_HELM, retryable=error.retryable)


def _uninstall(helm: Helm, api: ClusterApi, access: Access, namespace: str) -> None:
    helped(api, namespace, lambda: helm.uninstall(access, RELEASE, namespace))
    # An uninstall that was cut off once leaves records that a second one does not touch.
    _forget(api, namespace, records(api, namespace))


def _uninstall_without_helm(api: ClusterApi, namespace: str) -> None:
    """Delete what the release's records name, as far as they can be read, then the records."""
    release_records, served = records(api, namespace), Served(api)
    for path in dict.fromkeys(
        path for record in release_records for path in objects_in(manifest_of(record), served, namespace)
    ):
        try:
            if (item := api.get(path)) and owner_of(item) == namespace:
                api.delete(path)
        except ArcError as error:
            if error.code not in _REFUSED:
                raise
            log.warning("%s is left: %s", path, error)
    _forget(api, namespace, release_records)


def _forget(api: ClusterApi, namespace: str, release_records: Sequence[Json]) -> None:
    for record in release_records:
        api.delete(at(records_path(namespace), record["metadata"]["name"]))


def _ask_again(api: ClusterApi, part: Part) -> None:
    """Have the API server try once more to delete a definition whose instances it could not list or delete.

    A conflict between its own two writes can make it forget the definition until it lists all of them again, minutes
    later; any other change makes it check at once (CRDFinalizer of k8s.io/apiextensions-apiserver, v0.37.1).
    """
    failed = part.conditions().get("Terminating", {}).get("reason") == "InstanceDeletionFailed"
    if part.kind == "CRD" and failed:
        api.annotate(part.path, {_ASKED: part.item["metadata"]["resourceVersion"]})


def _strip_if_possible(api: ClusterApi, part: Part) -> None:
    """As `_strip`; one part that cannot be changed (a conversion webhook that is gone, a policy) keeps no other one."""
    try:
        _strip(api, part)
    except ArcError as error:
        if error.code not in (*_REFUSED, Code.KUBERNETES_API_ERROR):
            raise
        log.warning("the finalizers of %s stay: %s", part.name, error)


def _strip(api: ClusterApi, part: Part) -> None:
    """Take off the finalizers that keep a part: of what is in it, then its own."""
    if part.kind == "CRD":
        strip_instances(api, part.item)
    elif part.kind == "namespace" and "NamespaceFinalizersRemaining" in part.conditions():
        strip_namespace(api, part.item["metadata"]["name"])
    strip_own(api, part.path, part.item)
