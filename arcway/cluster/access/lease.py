"""The Lease that lets one installation of Arcway change a cluster at a time, and that dates what a run created.

It is created when a run first touches the cluster and deleted when the run ends. With it the run writes down what was
there before, so that an attempt after a crash still knows what this run made. A holder that died is replaced after the
Lease has expired. It lives in kube-system, or in default where that is not writable (as on GKE Autopilot).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from arcway.cluster.access.api import ClusterApi
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

NAME, PLACES = "arcway", ("kube-system", "default")
_RUN, _BEFORE = "arcway.dev/run", "arcway.dev/before"
_DURATION = timedelta(minutes=5)
_RENEW_AFTER = timedelta(minutes=1)
_TRIES = 3
# A permission that is missing, or an admission that refuses.
_CLOSED = (Code.CLUSTER_PERMISSION_MISSING, Code.ADMISSION_DENIED)


@dataclass(frozen=True, slots=True)
class AcquiredLease:
    """The Lease as this run holds it."""

    before: frozenset[str]
    """The uids of what was there when the run took the Lease."""

    def made(self, item: dict[str, Any]) -> bool:
        """Whether the object was created after this run acquired the Lease, and so by this run."""
        return item["metadata"]["uid"] not in self.before


def acquire(
    api: ClusterApi, installation: str, run_id: str, existing: Callable[[ClusterApi], list[str]]
) -> AcquiredLease:
    """Acquire the Lease for a run, or renew it; `existing` returns the uids of objects that a run could create.

    Raises `ArcError` ARC-2015 while another installation holds it.
    """
    for _ in range(_TRIES):
        lease = _existing(api)
        if lease is None:
            lease = _create(api, installation, run_id, existing(api))
        elif _is_of(lease, installation, run_id):
            return _renewed(api, lease)
        elif holder := _live_holder(lease, installation):
            raise _taken(holder)
        else:
            api.delete(_path(lease), uid=lease["metadata"]["uid"])
            continue
        if lease is not None:
            return _held(lease)
    raise ArcError(Code.KUBERNETES_API_ERROR, f"Lease {NAME} changed too often to be acquired.")


def release(api: ClusterApi, installation: str, run_id: str) -> None:
    """Delete the Lease if it is this run's."""
    lease = _existing(api)
    if lease is not None and _is_of(lease, installation, run_id):
        api.delete(_path(lease), uid=lease["metadata"]["uid"])


def check(api: ClusterApi, installation: str) -> None:
    """Check that no other installation holds the Lease, changing nothing. Raises `ArcError` ARC-2015 if one does."""
    lease = _existing(api)
    if lease is not None and (holder := _live_holder(lease, installation)):
        raise _taken(holder)


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def _path(lease: dict[str, Any]) -> str:
    return f"{_leases(lease['metadata'].get('namespace') or PLACES[0])}/{NAME}"


def _existing(api: ClusterApi) -> dict[str, Any] | None:
    """The Lease, wherever its holder could write it."""
    refused = []
    for namespace in PLACES:
        try:
            if lease := api.get(f"{_leases(namespace)}/{NAME}"):
                return lease
        except ArcError as error:
            if error.code not in _CLOSED:
                raise
            refused.append(error)
    if len(refused) == len(PLACES):
        raise refused[0]
    return None


def _create(api: ClusterApi, installation: str, run_id: str, preexisting: list[str]) -> dict[str, Any] | None:
    """Make the Lease where one may; None when another client just has."""
    refused = None
    for namespace in PLACES:
        try:
            return api.create(_leases(namespace), _body(namespace, installation, run_id, preexisting))
        except ArcError as error:
            if error.code not in _CLOSED:
                raise
            refused = refused or error
    assert refused is not None  # noqa: S101 - there are places
    raise refused


def _taken(holder: str) -> ArcError:
    return ArcError(Code.CLUSTER_LEASE_HELD, f"Another Arcway installation ({holder[:80]}) is changing this cluster.")


def _is_of(lease: dict[str, Any], installation: str, run_id: str) -> bool:
    annotations = lease["metadata"].get("annotations") or {}
    return lease["spec"].get("holderIdentity") == installation and annotations.get(_RUN) == run_id


def _live_holder(lease: dict[str, Any], installation: str) -> str | None:
    holder = lease["spec"].get("holderIdentity")
    if not holder or holder == installation:
        return None
    renewed = datetime.fromisoformat(lease["spec"].get("renewTime") or lease["metadata"]["creationTimestamp"])
    lasts = timedelta(seconds=lease["spec"].get("leaseDurationSeconds") or _DURATION.total_seconds())
    return holder if renewed + lasts > datetime.now(UTC) else None


def _renewed(api: ClusterApi, lease: dict[str, Any]) -> AcquiredLease:
    if datetime.fromisoformat(lease["spec"]["renewTime"]) + _RENEW_AFTER < datetime.now(UTC):
        api.replace(_path(lease), {**lease, "spec": {**lease["spec"], "renewTime": _now()}})
    return _held(lease)


def _held(lease: dict[str, Any]) -> AcquiredLease:
    return AcquiredLease(frozenset(lease["metadata"]["annotations"][_BEFORE].split()))


def _body(namespace: str, installation: str, run_id: str, preexisting: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "annotations": {_RUN: run_id, _BEFORE: " ".join(preexisting)},
        },
        "spec": {
            "holderIdentity": installation,
            "leaseDurationSeconds": int(_DURATION.total_seconds()),
            "acquireTime": _now(),
            "renewTime": _now(),
        },
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
