"""From nothing to Compliant on a real control plane in one run, and to nothing again by one disconnect."""

import pytest

from tests.e2e.conftest import Arcway, phase
from tests.e2e.real_cluster.conftest import RealCluster
from tests.e2e.test_gitops_runs import KUSTOMIZATIONS, REPOSITORY

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

_MADE = ("flux-system", "fleet")
_OBJECTS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/fleet/kustomizations"


def test_from_nothing_to_compliant_to_nothing(arcway: Arcway, cluster: RealCluster) -> None:
    gitops = {
        "name": "config",
        "namespace": "fleet",
        "gitRepository": REPOSITORY,
        "kustomizations": KUSTOMIZATIONS,
    }
    try:
        run = arcway.connect(cluster, gitops=gitops)
        assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
        assert phase(run, "waitForCompliance")["detail"] == "Compliant"
        names = {item["metadata"]["name"] for item in cluster.get(_OBJECTS)["items"]}
        assert names == {"config-infra", "config-apps"}
        again = arcway.connect(cluster, gitops=gitops)
        assert (again["state"], again["changed"]) == ("Succeeded", False), again["error"]
        run = arcway.disconnect(cluster)
        assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
        assert cluster.http.get(_OBJECTS).status_code == 404
        assert cluster.get("/apis/apps/v1/namespaces/flux-system/deployments")["items"] == []
    finally:
        # As with Helm and Flux, namespaces stay when what was in them goes.
        for name in _MADE:
            _remove(cluster, f"/api/v1/namespaces/{name}")


def _remove(cluster: RealCluster, path: str) -> None:
    cluster.send("DELETE", path, None)
    cluster.eventually(lambda: cluster.get(path)["kind"] == "Status")
