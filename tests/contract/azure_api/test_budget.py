"""Two installations on one bucket of the simulated Resource Manager: neither is refused, and the bucket is used."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from arcway.azure import connected_clusters, subscriptions
from arcway.azure.resource_change import Change
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId, Origin
from arcway.installation import Installation
from arcway.telemetry import correlated
from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_answers import url_of
from tests.contract.azure_api.test_onboarding_sequence import body
from tests.installations import local_installation

_WRITES = {"size": 20, "perSecond": 8}
_CLUSTERS = 40


@pytest.fixture
def hosts(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Installation]]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", azure.ready["identityEndpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", azure.ready["identityHeader"])
    settings = {"ARCWAY_ARM_ENDPOINT": azure.ready["endpoint"], "ARCWAY_CA_FILE": azure.ready["caFile"]}
    limits = f"writes={_WRITES['size']}+{_WRITES['perSecond']}/s"
    installations = [local_installation(**settings, ARCWAY_ARM_LIMITS=limits) for _ in range(2)]
    yield installations
    for installation in installations:
        installation.azure.connected_kubernetes(azure.ready["subscriptionId"]).close()
        installation.azure.resources(azure.ready["subscriptionId"]).close()


def _write(host: Installation, cluster: ClusterId, stage: str) -> None:
    """Write as a run does: again when the response asks for it."""
    with correlated(Origin("correlation", None, f"{cluster.name}-{stage}")):
        while True:
            try:
                connected_clusters.update(host.azure, cluster, Change(tags={"stage": stage}))
            except ArcError as error:
                if error.code != Code.AZURE_THROTTLED or error.retry_after is None:
                    raise
                time.sleep(error.retry_after)  # the turn that it was given
            else:
                return


def test_two_installations_use_one_bucket_and_are_not_refused(azure: Azure, hosts: list[Installation]) -> None:
    subscription = azure.ready["subscriptionId"]
    names = [f"c{number}" for number in range(_CLUSTERS)]
    url, resource = url_of(azure, ""), body()
    for name in names:
        assert azure.http.put(f"{url}{name}", json=resource).status_code == 201
    azure.control(f"buckets/{subscription}", {"writes": _WRITES})
    azure.anonymous.delete("/control/requests")
    with ThreadPoolExecutor(16) as pool:
        works = [
            pool.submit(_write, hosts[number % 2], ClusterId(subscription, "AzureArcTest", name), stage)
            for stage in ("test", "prod")
            for number, name in enumerate(names)
        ]
        for work in works:
            work.result()
    writes: list[dict[str, Any]] = [
        item for item in azure.anonymous.get("/control/requests").json() if item["method"] == "PATCH"
    ]
    statuses = Counter(item["status"] for item in writes)
    first, last = (datetime.fromisoformat(writes[place]["time"]) for place in (0, -1))
    offered = _WRITES["size"] + (last - first).total_seconds() * _WRITES["perSecond"]
    print(f"{statuses[200] / offered:.0%} of {offered:.0f} writes used, {statuses[429]} refused")  # noqa: T201 - the figure
    assert statuses[200] == 2 * _CLUSTERS
    assert statuses[429] <= 1


def test_an_empty_bucket_is_not_asked(azure: Azure, hosts: list[Installation]) -> None:
    subscription = azure.ready["subscriptionId"]
    azure.control(f"buckets/{subscription}", {"reads": {"size": 1, "perSecond": 0.01}})
    azure.anonymous.delete("/control/requests")
    first, _ = hosts
    assert subscriptions.resource_group(first.azure, subscription, "none") is None
    for number in range(5):
        with correlated(Origin("correlation", None, f"run-{number}")), pytest.raises(ArcError) as raised:
            subscriptions.resource_group(first.azure, subscription, "none")
        assert raised.value.code == Code.AZURE_THROTTLED
        assert raised.value.retry_after
    reads = [item for item in azure.anonymous.get("/control/requests").json() if "none" in item["path"]]
    assert [item["status"] for item in reads].count(429) <= 1
    assert len(reads) <= 2
