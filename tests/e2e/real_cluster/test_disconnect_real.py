"""Disconnecting a real control plane, and both ways in which the private key reaches the agents there."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Json
from tests.e2e.real_cluster.conftest import RealCluster

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[3]
_NAMESPACE = "/api/v1/namespaces/azure-arc"
_INSTANCES = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/gitconfigs"


def _key(cluster: RealCluster) -> str:
    secret = cluster.get(f"{_NAMESPACE}/secrets/azure-arc-connect-privatekey")
    return base64.b64decode(secret["data"]["privateKey"]).decode()


@pytest.mark.parametrize("version", ["1.13.4", "1.36.2"])
def test_from_nothing_to_connected_to_nothing(arcway: Arcway, cluster: RealCluster, version: str) -> None:
    objects_before = cluster.objects()
    run = arcway.connect(cluster, agents={"version": version})
    assert run["state"] == "Succeeded", run["error"]
    assert run["result"]["properties"]["agentVersion"] == version
    assert run["result"]["properties"]["connectivityStatus"] == "Connected"
    assert _key(cluster).startswith("-----BEGIN RSA PRIVATE KEY-----")
    second_run = arcway.connect(cluster, agents={"version": version})
    assert (second_run["state"], second_run["changed"]) == ("Succeeded", False), second_run["error"]
    assert cluster.objects() > objects_before
    run = arcway.disconnect(cluster)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert cluster.objects() == objects_before
    assert arcway.resource(cluster) is None
    run = arcway.disconnect(cluster)
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", False, []), run["error"]


def test_the_key_survives_the_change_from_an_old_chart_to_a_current_one(arcway: Arcway, cluster: RealCluster) -> None:
    run = arcway.connect(cluster, agents={"version": "1.13.4"})
    assert run["state"] == "Succeeded", run["error"]
    key_before = _key(cluster)
    run = arcway.connect(cluster, agents={"version": "1.36.2"})
    assert run["state"] == "Succeeded", run["error"]
    assert _key(cluster) == key_before


def test_force_removes_finalizers_and_a_connect_right_after_succeeds(arcway: Arcway, cluster: RealCluster) -> None:
    objects_before = cluster.objects()
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]
    metadata: Json = {"name": "held", "namespace": "azure-arc", "finalizers": ["example.com/never"]}
    instance = {"apiVersion": "clusterconfig.azure.com/v1beta1", "kind": "GitConfig", "metadata": metadata}
    assert cluster.send("POST", _INSTANCES, instance) == 201
    assert cluster.send("POST", f"{_NAMESPACE}/configmaps", {"metadata": metadata}) == 201
    run = arcway.disconnect(cluster, force=True)
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert cluster.objects() == objects_before
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]


def test_the_command_line_disconnects_it(arcway: Arcway, cluster: RealCluster, stack: Stack) -> None:
    run = arcway.connect(cluster)
    assert run["state"] == "Succeeded", run["error"]
    state = Path(stack.secrets).parent
    named = ["-n", "c-real", "-g", "clusters", "--subscription", arcway.subscription, "--yes", "-o", "json"]
    completed = subprocess.run(
        [sys.executable, "-m", "arcway.cli", "disconnect", *named, "--kube-config", str(cluster.file)],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "ARCWAY_STATE": str(state), "HOME": str(state)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    output = json.loads(completed.stdout)
    assert (output["resource"], output["agents"], output["leftovers"]) == ("deleted", "removed", [])
    assert cluster.get("/api/v1/namespaces/azure-arc")["kind"] == "Status"
