"""A release whose objects another client deleted: it is made whole again, and never for another connected cluster."""

import pytest

from arcway.domain.codes import Code
from tests.e2e.conftest import Arcway, SimulatedCluster

_CONFIG = "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig"


@pytest.mark.parametrize("lost", [_CONFIG, "/api/v1/namespaces/azure-arc"], ids=["the ConfigMap", "the namespace"])
def test_deleted_objects_of_the_release_are_created_again(arcway: Arcway, cluster: SimulatedCluster, lost: str) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    assert cluster.send("DELETE", lost, None) == 200
    arcway.say(cluster, "Offline")
    run = arcway.connect(cluster)
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    assert cluster.get(_CONFIG)["data"]["AZURE_RESOURCE_NAME"] == f"c-{cluster.name}"
    assert run["result"]["properties"]["connectivityStatus"] == "Connected"


def test_it_is_not_taken_for_an_unowned_one(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    assert cluster.send("DELETE", _CONFIG, None) == 200
    revisions = cluster.revisions()
    run = arcway.connect(cluster, name="another")
    assert (run["state"], run["error"]["code"]) == ("Failed", Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER)
    assert f"c-{cluster.name}" in run["error"]["message"]
    assert cluster.revisions() == revisions
