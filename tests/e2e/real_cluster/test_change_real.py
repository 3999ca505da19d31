"""Changing what is connected on a real control plane: an upgrade across the key gate, one that fails, an update."""

import base64

import pytest

from arcway.domain.codes import Code
from arcway.domain.leftovers import describe_all
from tests.e2e.conftest import Arcway
from tests.e2e.real_cluster.conftest import RealCluster, image_pulls_fail
from tests.e2e.test_key_delivery import CURRENT, OLD, key, release
from tests.e2e.test_update import change, values

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

_DEPLOYMENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"
_PROXY = {"https": "http://proxy:3128", "skipRange": "10.0.0.0/8,a{b},c\\d,ü"}


def _ready_with(cluster: RealCluster, version: str) -> bool:
    for item in cluster.get(_DEPLOYMENTS)["items"]:
        status, image = item["status"], item["spec"]["template"]["spec"]["containers"][0]["image"]
        counts = [status.get(name) for name in ("replicas", "updatedReplicas", "readyReplicas")]
        if status.get("observedGeneration") != item["metadata"]["generation"] or counts != [1, 1, 1]:
            return False
        if image.rpartition(":")[2] != version:
            return False
    return True


def test_an_upgrade_that_fails_is_rolled_back_and_one_that_works_takes_the_key_along(
    arcway: Arcway, cluster: RealCluster
) -> None:
    run = arcway.connect(cluster, agents={"version": OLD, "autoUpgrade": False})
    assert run["state"] == "Succeeded", run["error"]
    key_before, helm_values = key(cluster), values(cluster)
    with image_pulls_fail(cluster):
        run = change(arcway, cluster, "upgrades", agentVersion=CURRENT, failFast=True)
    assert (run["state"], run["error"]["code"], run["error"]["phase"]) == (
        "Failed",
        Code.IMAGE_PULL_FAILED,
        "upgradeAgents",
    ), run
    assert describe_all(run["leftovers"]) == [f"agents {OLD}, as before"]
    cluster.eventually(lambda: _ready_with(cluster, OLD))
    assert (key(cluster), values(cluster), release(cluster)["info"]["status"]) == (key_before, helm_values, "deployed")

    run = change(arcway, cluster, "upgrades", agentVersion=CURRENT)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert run["result"]["properties"]["agentVersion"] == CURRENT
    assert _ready_with(cluster, CURRENT)
    assert key(cluster) == key_before
    assert values(cluster)["global"].get("onboardingPrivateKey") is None
    second_run = change(arcway, cluster, "upgrades")
    assert (second_run["state"], second_run["changed"]) == ("Succeeded", False), second_run["error"]


def test_a_proxy_comes_and_goes(arcway: Arcway, cluster: RealCluster) -> None:
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]
    run = change(arcway, cluster, proxy=_PROXY, autoUpgrade=False)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    secret = cluster.get("/api/v1/namespaces/azure-arc/secrets/proxy-config")["data"]
    assert base64.b64decode(secret["HTTPS_PROXY"]).decode() == _PROXY["https"]
    assert base64.b64decode(secret["NO_PROXY"]).decode().startswith(_PROXY["skipRange"])
    assert run["result"]["properties"]["arcAgentProfile"]["agentAutoUpgrade"] == "Disabled"
    run = change(arcway, cluster, disableProxy=True)
    assert (run["state"], run["changed"]) == ("Succeeded", True), run["error"]
    secret = cluster.get("/api/v1/namespaces/azure-arc/secrets/proxy-config")["data"]
    assert not any(secret[name] for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"))
    assert change(arcway, cluster, disableProxy=True)["changed"] is False
