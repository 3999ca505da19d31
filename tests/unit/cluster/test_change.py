"""The way back from an upgrade: only of the release that the run began with."""

from typing import Any, cast
from unittest.mock import create_autospec

import pytest

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents import change
from arcway.cluster.agents.change import ReleaseBefore
from arcway.cluster.agents.release import Target
from arcway.cluster.helm import Helm, Release
from arcway.cluster.helm.interface import is_transient
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

ACCESS = Access("https://x", "ca", token="t")
BEFORE = ReleaseBefore(3, "1.13.4", "uid-3", "1.36.2")


class Records:
    """The release's records, as the API serves them."""

    def __init__(self, *revisions: tuple[int, str, str]) -> None:
        self.found: list[dict[str, Any]] = [
            {
                "metadata": {
                    "name": f"v{number}",
                    "uid": uid,
                    "labels": {"version": str(number), "status": status},
                    "creationTimestamp": "2026-01-01T00:00:00Z",
                }
            }
            for number, uid, status in revisions
        ]

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        return list(self.found)


def rolled_back(
    records: Records, now: Release, value_before: ReleaseBefore, created: frozenset[str] = frozenset()
) -> Any:
    helm = create_autospec(Helm, instance=True)
    helm.release.return_value = now
    everything = frozenset(str(record["metadata"]["uid"]) for record in records.found)
    target = Target(helm, cast("ClusterApi", records), ACCESS, AcquiredLease(everything - created))
    change.roll_back(target, value_before)
    return helm.roll_back


UPGRADED = Records((3, "uid-3", "superseded"), (4, "uid-4", "deployed"))


def test_what_this_run_upgraded_comes_back() -> None:
    call = rolled_back(UPGRADED, Release("deployed", 4, "1.36.2", {}), BEFORE)
    call.assert_called_once_with(ACCESS, "azure-arc", "azure-arc-release", 3)


def test_an_upgrade_that_was_not_begun_is_left_alone() -> None:
    call = rolled_back(Records((3, "uid-3", "deployed")), Release("deployed", 3, "1.13.4", {}), BEFORE)
    call.assert_not_called()


@pytest.mark.parametrize(
    ("records", "now", "value_before"),
    [
        (Records((1, "other", "deployed")), Release("deployed", 1, "1.36.2", {}), BEFORE),
        (Records((3, "other", "deployed")), Release("deployed", 3, "1.36.2", {}), BEFORE),
        (Records((3, "uid-3", "superseded"), (5, "o", "deployed")), Release("deployed", 5, "1.40.0", {}), BEFORE),
        (Records((3, "new", "deployed")), Release("deployed", 3, "1.36.2", {}), ReleaseBefore(3, "1.13.4")),
    ],
    ids=["installed anew", "installed anew, as often changed", "upgraded by somebody else", "known by the Lease alone"],
)
def test_changes_of_another_client_are_not_rolled_back(
    records: Records, now: Release, value_before: ReleaseBefore
) -> None:
    with pytest.raises(ArcError) as caught:
        rolled_back(records, now, value_before, frozenset({"new"}))
    assert (caught.value.code, caught.value.retryable) == (Code.RELEASE_SUPERSEDED, False)


def test_a_revision_that_there_is_not_will_not_come_by_waiting() -> None:
    assert not is_transient("release has no 3 version")
