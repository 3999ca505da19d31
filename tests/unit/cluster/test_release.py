"""An operation on the release that never ended: what may be set aside, what another client may still be working on."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents import release, release_namespace
from arcway.cluster.agents.release import Chart, Target
from arcway.cluster.helm import Helm, Release
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError


def stamp(age: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """Just the release's records, as the API serves them."""

    def __init__(self, *statuses: tuple[str, float]) -> None:
        self.found: list[dict[str, Any]] = [
            {
                "metadata": {
                    "name": f"v{number}",
                    "uid": f"uid-{number}",
                    "labels": {"version": str(number), "status": status},
                    "creationTimestamp": stamp(age),
                }
            }
            for number, (status, age) in enumerate(statuses, 1)
        ]

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        return list(self.found)

    def get(self, path: str) -> None:
        return None

    def delete(self, path: str) -> None:
        self.found = [record for record in self.found if not path.endswith(f"/{record['metadata']['name']}")]


class Deployed:
    """A Helm that says the release is deployed."""

    def release(self, access: Access, name: str, namespace: str) -> Release:
        return Release("deployed", 1, "1.36.2", {})


def target(records: Records, *, since: float) -> Target:
    """The release for a run that took the Lease so many seconds ago."""
    value_before = frozenset(
        record["metadata"]["uid"] for record in records.found if record["metadata"]["creationTimestamp"] < stamp(since)
    )
    access = Access("https://x", "ca", token="t")
    return Target(cast("Helm", Deployed()), cast("ClusterApi", records), access, AcquiredLease(value_before))


def test_no_record_is_not_a_release() -> None:
    assert release.current(target(Records(), since=0)) == (None, False)


@pytest.mark.parametrize(("age", "since"), [(120, 10), (5, 10)], ids=["old", "this run's"])
def test_a_cut_off_first_install_is_set_aside(age: float, since: float) -> None:
    records = Records(("pending-install", age))
    assert release.current(target(records, since=since)) == (None, True)
    assert records.found == []


def test_a_cut_off_upgrade_is_set_aside_and_must_be_done_again() -> None:
    records = Records(("deployed", 500), ("pending-upgrade", 200))
    current_release, reread = release.current(target(records, since=10))
    assert current_release is not None
    assert reread
    assert [record["metadata"]["name"] for record in records.found] == ["v1"]


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_an_operation_that_another_client_just_began_is_waited_for(status: str) -> None:
    records = Records(("deployed", 500), (status, 20))
    with pytest.raises(ArcError) as caught:
        release.current(target(records, since=10))
    assert (caught.value.code, caught.value.retryable) == (Code.RELEASE_LOCKED, True)
    assert len(records.found) == 2


def test_a_failed_first_install_is_set_aside_but_a_failed_upgrade_is_kept() -> None:
    first = Records(("failed", 5))
    assert release.current(target(first, since=0)) == (None, True)
    upgrade = Records(("superseded", 500), ("failed", 5))
    assert release.current(target(upgrade, since=0))[1] is False
    assert len(upgrade.found) == 2


def test_only_what_is_younger_than_the_lease_was_made_by_this_run() -> None:
    assert release.made_by_this_run(target(Records(("deployed", 5)), since=10))
    assert not release.made_by_this_run(target(Records(("deployed", 50)), since=10))
    assert not release.made_by_this_run(target(Records(("superseded", 50), ("deployed", 5)), since=10))
    assert not release.made_by_this_run(target(Records(), since=10))


def test_a_registry_with_a_port_is_understood_and_a_foreign_one_refused() -> None:
    chart = Chart.parse("127.0.0.1:5000/a/chart:1.2.3", None, ("127.0.0.1:5000",))
    assert (chart.repository, chart.version) == ("127.0.0.1:5000/a/chart", "1.2.3")
    assert Chart.parse("r.io/a/chart:1.2.3", "1.2.4", ("r.io",)).reference == "r.io/a/chart:1.2.4"
    with pytest.raises(ArcError, match=Code.CHART_REGISTRY_NOT_ALLOWED):
        Chart.parse("evil.io/chart:1", None, ("r.io",))


class Everywhere:
    """Secrets and other objects by path; some paths are forbidden."""

    def __init__(self, *forbidden: str, **_: Any) -> None:
        self.found: dict[str, Any] = {}
        self._forbidden = forbidden

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        if path in self._forbidden:
            raise ArcError(Code.CLUSTER_PERMISSION_MISSING)
        return list(self.found.get(path, []))

    def get(self, path: str) -> Any:
        if path in self._forbidden:
            raise ArcError(Code.CLUSTER_PERMISSION_MISSING)
        return self.found.get(path)


def record_in(namespace: str, version: str = "1", chart: str | None = "azure-arc-k8sagents") -> dict[str, Any]:
    whole = json.dumps({"chart": {"metadata": {"name": chart}}}).encode() if chart else b"rubbish"
    packed = base64.b64encode(gzip.compress(whole))
    metadata = {"name": f"v{version}", "namespace": namespace, "labels": {"version": version}}
    return {
        "metadata": metadata,
        "type": "helm.sh/release.v1",
        "data": {"release": base64.b64encode(packed).decode()},
    }


def of_release_in(namespace: str) -> dict[str, Any]:
    owner = {"meta.helm.sh/release-name": "azure-arc", "meta.helm.sh/release-namespace": namespace}
    return {"metadata": {"name": "azure-arc", "annotations": owner}}


CONFIG = "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig"
ALL, DEFAULT = "/api/v1/secrets", "/api/v1/namespaces/default/secrets"


@pytest.mark.parametrize("chart", ["azure-arc-k8sagents", None], ids=["readable", "not readable"])
@pytest.mark.parametrize("forbidden", [(), (ALL,)], ids=["may look everywhere", "may not"])
def test_a_release_elsewhere_is_found_by_what_the_agents_say(forbidden: tuple[str, ...], chart: str | None) -> None:
    api: Any = Everywhere(*forbidden)
    record = record_in("default", chart=chart)
    api.found = {CONFIG: of_release_in("default"), ALL: [record], DEFAULT: [record]}
    assert release_namespace.survey(api) == (["default"], [])
    assert release_namespace.release_namespace(api) == "default"


@pytest.mark.parametrize(
    ("expected", "chart"),
    [(None, "azure-arc-k8sagents"), ("elsewhere", "azure-arc-k8sagents"), ("default", "theirs")],
    ids=["nobody says so", "they say another one", "another chart"],
)
def test_a_record_that_may_be_anybodys_is_not_the_agents(expected: str | None, chart: str) -> None:
    api: Any = Everywhere()
    api.found = {ALL: [record_in("default", chart=chart), record_in("default", "x"), record_in("default", "9" * 30)]}
    if expected:
        api.found[CONFIG] = of_release_in(expected)
    assert release_namespace.survey(api) == ([], ["default"])
    assert release_namespace.release_namespace(api) == "azure-arc-release"
