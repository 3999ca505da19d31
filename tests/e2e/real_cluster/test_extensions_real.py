"""Extensions on a real control plane: installed, changed and deleted by the agents, and gone with a disconnect."""

from collections.abc import Iterator

import pytest

from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, phase
from tests.e2e.real_cluster.conftest import RealCluster
from tests.e2e.test_extension_runs import Runs
from tests.e2e.test_simulated_extensions import Extension

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NAMESPACE = "/api/v1/namespaces/flux-system"


@pytest.fixture
def flux(arcway: Arcway, cluster: RealCluster) -> Iterator[Extension]:
    yield Extension(arcway, cluster)
    # As with Helm, the namespace stays when the release goes.
    cluster.send("DELETE", _NAMESPACE, None)
    cluster.eventually(lambda: cluster.get(_NAMESPACE)["kind"] == "Status")


def test_extension_from_nothing_to_ready_to_nothing(arcway: Arcway, cluster: RealCluster, flux: Extension) -> None:
    runs = Runs(arcway, flux)
    run = runs.apply(settings={"a": "1"})
    assert (run["state"], run["changed"], run["leftovers"]) == ("Succeeded", True, []), run["error"]
    assert phase(run, "waitForRelease")["detail"] == "6 of 6 Deployments ready"
    assert runs.apply(settings={"a": "1"})["changed"] is False
    run = runs.start("offboardings", runs.body())
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert phase(run, "deleteExtensions")["detail"] == "deleted flux"
    assert flux.deployments() == set()
    # The API server finishes the deletion of a definition when no object of it is left.
    cluster.eventually(lambda: _definitions_of_flux(cluster) == [])


def _definitions_of_flux(cluster: RealCluster) -> list[Json]:
    items = cluster.get(_DEFINITIONS)["items"]
    return [item for item in items if item["spec"]["group"].endswith("toolkit.fluxcd.io")]
