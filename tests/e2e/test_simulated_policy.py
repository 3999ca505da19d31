"""The extension of Azure Policy in a cluster, with and without a Gatekeeper that is there already."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Arcway, Control, SimulatedCluster
from tests.e2e.simulated_flux import DEFINITIONS, Flux, flux_of


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    with flux_of(arcway, cluster, azure) as prepared:
        yield prepared


def test_policy_extension_refuses_a_gatekeeper_of_its_own(flux: Flux) -> None:
    names = {"plural": "constrainttemplates", "singular": "constrainttemplate", "kind": "ConstraintTemplate"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    name = "constrainttemplates.templates.gatekeeper.sh"
    spec = {"group": "templates.gatekeeper.sh", "scope": "Cluster", "names": names, "versions": [version]}
    definition = {"metadata": {"name": name}, "spec": spec}
    assert flux.cluster.send("POST", DEFINITIONS, definition) == 201
    url = flux.extension.replace("/flux", "/azurepolicy")
    policy = {
        "identity": {"type": "SystemAssigned"},
        "properties": {"extensionType": "Microsoft.PolicyInsights"},
    }
    flux.send("PUT", url, policy)
    (status,) = flux.wait_for(url, "provisioningState", "Failed")["statuses"]
    assert "exists and cannot be imported into the current release" in status["message"]
    assert 'missing key "app.kubernetes.io/managed-by"' in status["message"]
    assert "gatekeeper-system" not in flux.names("/api/v1/namespaces")
    assert flux.cluster.send("DELETE", f"{DEFINITIONS}/{name}", None) == 200
    flux.cluster.wait_until(lambda: name not in flux.names(DEFINITIONS))
    created = flux.send("PUT", url, policy)
    assert created["identity"]["principalId"]
    properties = flux.wait_for(url, "provisioningState", "Succeeded")
    assert properties["scope"] == {"cluster": {"releaseNamespace": "kube-system"}}
    items = flux.cluster.get("/apis/apps/v1/deployments")["items"]
    assert {("kube-system", "azure-policy"), ("gatekeeper-system", "gatekeeper-audit")} < {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in items
    }
    assert ("gatekeeper-system", "gatekeeper-controller") in {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in items
    }
