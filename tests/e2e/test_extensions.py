"""`arcway extension list` and `show`: what Azure has, why it failed, and no value of a protected setting."""

import json
from collections.abc import Iterator

import pytest

from arcway.domain.codes import Code
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster
from tests.e2e.test_simulated_extensions import Extension


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Extension]:
    yield Extension(arcway, cluster)
    azure.put("extension-failures", {})


def where(arcway: Arcway, cluster: SimulatedCluster) -> tuple[str, ...]:
    return ("-n", f"c-{cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)


def test_extensions_are_shown_without_protected_values(flux: Extension, arcway: Arcway, command: Command) -> None:
    place = where(arcway, flux.cluster)
    assert json.loads(command("extension", "list", *place, "-o", "json").stdout) == []
    flux.put(configurationSettings={"a": "1"}, configurationProtectedSettings={"password": "hunter2-hidden"})
    flux.wait_for("Succeeded")
    listed = command("extension", "list", *place)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines()[1].split() == [
        "flux",
        "microsoft.flux",
        "Succeeded",
        "1.18.2",
        "Stable",
        "compatible",
        "flux-system",
    ]
    one = command("extension", "show", "flux", *place, "-o", "json")
    document = json.loads(one.stdout)
    assert (document["currentVersion"], document["failures"]) == ("1.18.2", [])
    assert document["configurationProtectedSettings"] == {"password": None}
    assert "hunter2" not in listed.stdout + listed.stderr + one.stdout + one.stderr


def test_failure_has_code_cause_and_remedy(flux: Extension, arcway: Arcway, command: Command, azure: Control) -> None:
    azure.put("extension-failures", {flux.id: {"message": "status not populated"}})
    flux.put()
    flux.wait_for("Failed")
    one = command("extension", "show", "flux", *where(arcway, flux.cluster))
    assert f"{Code.EXTENSION_NOT_REPORTED}: Extension flux is Failed: status not populated" in one.stderr
    assert "arcway agents" in one.stderr
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{flux.cluster.name}/extensions/flux"
    (failure,) = arcway.http.get(path).json()["failures"]
    assert failure["code"] == Code.EXTENSION_NOT_REPORTED


def test_missing_extension_and_missing_cluster_have_codes(flux: Extension, arcway: Arcway, command: Command) -> None:
    missing = command("extension", "show", "other", *where(arcway, flux.cluster))
    assert missing.returncode != 0
    assert Code.EXTENSION_NOT_FOUND in missing.stderr
    path = f"/connectedClusters/{arcway.subscription}/clusters/absent/extensions"
    response = arcway.http.get(path)
    assert (response.status_code, response.json()["code"]) == (404, Code.CONNECTED_CLUSTER_NOT_FOUND)


def test_azure_that_throttles_or_answers_without_a_list_has_a_code(
    flux: Extension, arcway: Arcway, azure: Control
) -> None:
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{flux.cluster.name}/extensions"
    for fault, code in (
        ({"status": 429}, Code.AZURE_THROTTLED),
        ({"status": 200, "text": '{"value": "none"}'}, Code.AZURE_RESPONSE_INVALID),
        ({"status": 200, "text": '{"value": [{"name": 7}]}'}, Code.AZURE_RESPONSE_INVALID),
        (
            {"status": 200, "text": '{"value": [], "nextLink": "https://other.example/page"}'},
            Code.AZURE_RESPONSE_INVALID,
        ),
    ):
        azure.put("faults", [{"path": f"{arcway.subscription}/.*/extensions$", "method": "GET", "times": 1, **fault}])
        response = arcway.http.get(path)
        assert response.json()["code"] == code, response.text
