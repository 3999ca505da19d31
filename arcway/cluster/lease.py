"""The Lease by which one installation of Arcway works on a cluster at a time, and which tells what a run made there.

It is created when a run first touches the cluster and deleted when the run ends. With it the run writes down what was
there before, so that an attempt after a crash still knows what this run made. A holder that died is replaced after the
Lease has expired. Must not know what is done under it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.domain.errors import ArcError

NAME, NAMESPACE = "arcway", "kube-system"
_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
_RUN, _BEFORE = "arcway.dev/run", "arcway.dev/before"
_DURATION = timedelta(minutes=5)
_RENEW_AFTER = timedelta(minutes=1)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Held:
    """The Lease as this run holds it."""

    before: frozenset[str]
    """The uids of what was there when the run took the Lease."""

    def made(self, item: dict[str, Any]) -> bool:
        """Whether the object was made since this run holds the Lease, so by this run."""
        return item["metadata"]["uid"] not in self.before


def hold(api: ClusterApi, installation: str, run_id: str, existing: Callable[[ClusterApi], list[str]]) -> Held:
    """Take the Lease for a run or renew it; `existing` tells the uids of what a run could make.

    Raises `ArcError` ARC-2015 while another installation holds it.
    """
    for _ in range(_TRIES):
        lease = api.get(f"{_LEASES}/{NAME}")
        if lease is None:
            lease = api.create(_LEASES, _body(installation, run_id, existing(api)))
        elif _is_of(lease, installation, run_id):
            return _renewed(api, lease)
        elif other := _live_holder(lease, installation):
            raise _taken(other)
        else:
            api.delete(f"{_LEASES}/{NAME}", uid=lease["metadata"]["uid"])
            continue
        if lease is not None:
            return _held(lease)
    raise ArcError("ARC-2013", f"Lease {NAMESPACE}/{NAME} changes faster than it can be taken.")


def let_go(api: ClusterApi, installation: str, run_id: str) -> None:
    """Delete the Lease if it is this run's."""
    lease = api.get(f"{_LEASES}/{NAME}")
    if lease is not None and _is_of(lease, installation, run_id):
        api.delete(f"{_LEASES}/{NAME}", uid=lease["metadata"]["uid"])


def check(api: ClusterApi, installation: str) -> None:
    """Raises `ArcError` ARC-2015 while another installation holds the Lease; changes nothing."""
    lease = api.get(f"{_LEASES}/{NAME}")
    if lease is not None and (other := _live_holder(lease, installation)):
        raise _taken(other)


def _taken(holder: str) -> ArcError:
    return ArcError("ARC-2015", f"Another Arcway installation ({holder[:80]}) works on this cluster.")


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


def _renewed(api: ClusterApi, lease: dict[str, Any]) -> Held:
    if datetime.fromisoformat(lease["spec"]["renewTime"]) + _RENEW_AFTER < datetime.now(UTC):
        body = {**lease, "spec": {**lease["spec"], "renewTime": _now()}}
        api.replace(f"{_LEASES}/{NAME}", body)
    return _held(lease)


def _held(lease: dict[str, Any]) -> Held:
    return Held(frozenset(lease["metadata"]["annotations"][_BEFORE].split()))


def _body(installation: str, run_id: str, before: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "annotations": {_RUN: run_id, _BEFORE: " ".join(before)}},
        "spec": {
            "holderIdentity": installation,
            "leaseDurationSeconds": int(_DURATION.total_seconds()),
            "acquireTime": _now(),
            "renewTime": _now(),
        },
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
