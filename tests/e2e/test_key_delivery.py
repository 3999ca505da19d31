"""How the private key reaches the agents: from the Secret that is there before, or as a value of an older chart."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Arcway, Json, SimulatedCluster
from tests.e2e.test_half_finished_worlds import connected

OLD, CURRENT = "1.13.4", "1.36.2"
_SECRET = "/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey"


def release(cluster: SimulatedCluster) -> Json:
    """The latest record of the agents' release, as Helm stores it."""
    record = cluster.get(f"/api/v1/namespaces/azure-arc-release/secrets/{cluster.revisions()[-1]}")
    decoded: Json = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"]))))
    return decoded


def key(cluster: SimulatedCluster) -> str:
    return base64.b64decode(cluster.get(_SECRET)["data"]["privateKey"]).decode()


@pytest.mark.parametrize("order", ["agents-first", "resource-first"])
def test_an_old_chart_gets_the_key_as_a_value(arcway: Arcway, cluster: SimulatedCluster, order: str) -> None:
    objects_before = cluster.objects()
    run = arcway.connect(cluster, agents={"version": OLD}, order=order)
    connected(run)
    assert run["result"]["properties"]["agentVersion"] == OLD
    assert release(cluster)["config"]["global"]["onboardingPrivateKey"] == key(cluster)
    assert "kind: Secret\nmetadata:\n  name: azure-arc-connect-privatekey" in release(cluster)["manifest"]
    # Neither the same version again nor any version changes anything.
    connected(arcway.connect(cluster, agents={"version": OLD}, order=order))
    connected(arcway.connect(cluster, order=order))
    assert cluster.revisions() == ["sh.helm.release.v1.azure-arc.v1"]
    assert arcway.disconnect(cluster)["leftovers"] == []
    assert cluster.objects() == objects_before


def test_a_current_chart_takes_the_key_from_the_secret(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, agents={"version": CURRENT}))
    assert "onboardingPrivateKey" not in release(cluster)["config"]["global"]
    assert "name: azure-arc-connect-privatekey" not in release(cluster)["manifest"]
    assert key(cluster).startswith("-----BEGIN RSA PRIVATE KEY-----")


def test_a_preview_chart_takes_the_key_from_the_secret(arcway: Arcway, cluster: SimulatedCluster) -> None:
    connected(arcway.connect(cluster, agents={"train": "preview"}))
    assert "onboardingPrivateKey" not in release(cluster)["config"]["global"]


@pytest.mark.parametrize("made_by", ["Arcway", "the chart"])
def test_the_key_survives_the_change_from_an_old_chart_to_a_current_one(
    arcway: Arcway, cluster: SimulatedCluster, made_by: str
) -> None:
    connected(arcway.connect(cluster, agents={"version": OLD}))
    key_before = key(cluster)
    if made_by == "the chart":
        secret = cluster.get(_SECRET)
        del secret["metadata"]["annotations"]["helm.sh/resource-policy"]
        assert cluster.send("PUT", _SECRET, secret) == 200
    run = arcway.connect(cluster, agents={"version": CURRENT})
    connected(run)
    assert key(cluster) == key_before
    assert release(cluster)["config"]["global"].get("onboardingPrivateKey") is None
    revisions = cluster.revisions()
    connected(arcway.connect(cluster, agents={"version": CURRENT}))
    assert cluster.revisions() == revisions


def test_the_key_of_an_old_chart_is_nowhere_but_in_the_cluster(arcway: Arcway, cluster: SimulatedCluster) -> None:
    run = arcway.connect(cluster, agents={"version": OLD})
    connected(run)
    # A line from the middle of the PEM: unlike the first and last, no other key has it.
    planted = key(cluster).splitlines()[20].encode()
    state = Path(arcway.stack.secrets).parent
    assert planted not in json.dumps(run).encode()
    # The simulated clusters' own memory is not a file; whatever is written below the state folder is Arcway's.
    holding = [path for path in state.rglob("*") if path.is_file() and planted in path.read_bytes()]
    assert holding == []
