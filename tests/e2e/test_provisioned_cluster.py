"""A cluster that AKS on Azure Local made is another service's: nothing that Arcway does may change it."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from tests.e2e.conftest import Arcway, Json, SimulatedCluster
from tests.e2e.test_half_finished_worlds import connected


@pytest.fixture
def provisioned(arcway: Arcway, cluster: SimulatedCluster) -> Json:
    """A connected cluster of kind ProvisionedCluster."""
    connected(arcway.connect(cluster))
    resource: Any = arcway.resource(cluster)
    body = {**resource, "kind": "ProvisionedCluster"}
    assert arcway.arm("PUT", resource["id"], body).status_code == 200
    document: Json = arcway.arm("GET", resource["id"]).json()
    assert document["kind"] == "ProvisionedCluster"
    return document


@pytest.mark.parametrize("path", ["onboardings", "offboardings", "updates", "upgrades"])
def test_it_is_refused_before_anything_is_changed(
    arcway: Arcway, cluster: SimulatedCluster, provisioned: Json, path: str
) -> None:
    bodies = {
        "onboardings": arcway.request(cluster),
        "offboardings": arcway.offboarding(cluster),
        "updates": {**arcway.offboarding(cluster), "tags": {"a": "b"}},
        "upgrades": arcway.offboarding(cluster),
    }
    objects_before = cluster.objects()
    started = arcway.http.post(f"/{path}", json=bodies[path])
    assert started.status_code == 202, started.text
    run = arcway.finish(started.json()["id"])
    assert (run["state"], run["changed"], run["error"]["code"]) == (
        "Failed",
        False,
        Code.RESOURCE_IS_PROVISIONED_CLUSTER,
    )
    assert "az aksarc" in run["error"]["remedy"]
    assert cluster.objects() == objects_before
    resource_after = arcway.arm("GET", provisioned["id"]).json()
    assert (
        resource_after["properties"]["agentPublicKeyCertificate"]
        == provisioned["properties"]["agentPublicKeyCertificate"]
    )
    assert (resource_after["kind"], resource_after["tags"]) == (provisioned["kind"], provisioned["tags"])
