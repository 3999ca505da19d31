"""What the simulated agents make of Flux configurations in a cluster that Arcway has connected."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.fluxconfigurations import KubernetesConfigurationFluxConfigurationsMgmtClient

from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, Control, SimulatedCluster
from tests.e2e.simulated_flux import ALL, DEFINITIONS, FLUX_CONFIGS, KUSTOMIZATIONS, SOURCES, Flux, flux_of

KEY = base64.b64encode(b"hidden").decode()


class StaticToken:
    """A credential of the official clients that has its token already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


@pytest.fixture
def flux(arcway: Arcway, cluster: SimulatedCluster, azure: Control) -> Iterator[Flux]:
    with flux_of(arcway, cluster, azure) as prepared:
        yield prepared


def test_agents_apply_a_configuration_and_report_compliance(flux: Flux) -> None:
    flux.install()
    created = flux.put()
    assert (created["provisioningState"], created["complianceState"]) == ("Creating", "Pending")
    properties = flux.comply()
    assert properties["provisioningState"] == "Succeeded"
    assert properties["sourceSyncedCommitId"].startswith("main/")
    conditions = {item["name"]: item["statusConditions"][0] for item in properties["statuses"]}
    assert [(item["kind"], item["complianceState"]) for item in properties["statuses"]] == [
        ("GitRepository", "Compliant"),
        ("Kustomization", "Compliant"),
        ("Kustomization", "Compliant"),
    ]
    assert conditions["config"]["reason"] == "GitOperationSucceed"
    assert conditions["config"]["message"].startswith("Fetched revision")
    assert conditions["config-apps"]["reason"] == "ReconciliationSucceeded"
    assert conditions["config-apps"]["message"].startswith("Applied revision")
    assert flux.objects() == ALL
    assert "flux-applier" in flux.names("/api/v1/namespaces/fleet/serviceaccounts")
    labels = flux.cluster.get(f"{KUSTOMIZATIONS}/config-apps")["metadata"]["labels"]
    assert (labels["clusterconfig.azure.com/name"], labels["clusterconfig.azure.com/namespace"]) == ("config", "fleet")
    # Dependencies come first.
    versions = [
        int(flux.cluster.get(f"/api/v1/namespaces/fleet/configmaps/config-{name}")["metadata"]["resourceVersion"])
        for name in ("infra", "apps")
    ]
    assert versions == sorted(versions)


def test_nothing_acts_before_the_extension_is_there(flux: Flux) -> None:
    flux.put()
    flux.cluster.wait_until(flux.neighbour_started("neighbour"))
    assert flux.objects() == set()
    assert flux.read()["provisioningState"] == "Creating"
    flux.install()
    flux.comply()


def test_deletion_removes_objects_and_what_prune_covers(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    flux.send("DELETE", flux.id)
    flux.cluster.wait_until(lambda: flux.status(flux.id) == 404)
    # Of infra, prune is false.
    assert flux.objects() == {"configmaps/config-infra"}
    assert "flux-applier" not in flux.names("/api/v1/namespaces/fleet/serviceaccounts")
    flux.send("DELETE", flux.extension)
    flux.cluster.wait_until(lambda: flux.status(flux.extension) == 404)
    flux.cluster.wait_until(lambda: not any("fluxcd" in name for name in flux.names(DEFINITIONS)))


def test_official_client_follows_operations_to_their_end(flux: Flux, arcway: Arcway) -> None:
    flux.install()
    _, _, subscription, _, group, _, _, _, name = flux.cluster_id.split("/")
    options: dict[str, Any] = {
        "base_url": arcway.stack.azure["endpoint"],
        "credential_scopes": [f"{arcway.stack.azure['endpoint']}/.default"],
        "connection_verify": arcway.stack.azure["caFile"],
        "polling_interval": 0,
    }
    credential: Any = StaticToken(flux.token())
    with KubernetesConfigurationFluxConfigurationsMgmtClient(credential, subscription, **options) as official:
        operations = official.flux_configurations
        address = (group, "Microsoft.Kubernetes", "connectedClusters", name, "config")
        body: Any = {"properties": flux.content()}
        created = operations.begin_create_or_update(*address, body).result()
        assert created.properties
        assert created.properties.provisioning_state == "Succeeded"
        patch: Any = {"properties": {"suspend": True}}
        updated = operations.begin_update(*address, patch).result()
        assert updated.properties
        assert updated.properties.suspend is True
        operations.begin_delete(*address).result()
        with pytest.raises(ResourceNotFoundError):
            operations.get(*address)


def test_suspended_configuration_is_not_reconciled(flux: Flux) -> None:
    flux.install()
    flux.put(suspend=True)
    flux.comply("Suspended")
    assert flux.applied() == set()
    assert flux.cluster.get(f"{KUSTOMIZATIONS}/config-apps")["spec"]["suspend"] is True
    flux.send("PATCH", flux.id, {"properties": {"suspend": False}})
    flux.comply()
    assert flux.applied() == {"config-apps", "config-infra"}


def test_key_pair_is_made_for_a_repository_over_ssh(flux: Flux) -> None:
    flux.install()
    flux.put({"url": "git@git.example:fleet"})
    key = flux.comply()["repositoryPublicKey"]
    assert key.startswith("ssh-rsa ")
    flux.put({"url": "ssh://git@git.example/fleet", "repositoryRef": {"tag": "v1"}})
    assert flux.comply()["repositoryPublicKey"] == key
    assert flux.read()["sourceSyncedCommitId"].startswith("v1/")
    protected = {"sshPrivateKey": KEY}
    flux.put({"url": "git@git.example:fleet"}, configurationProtectedSettings=protected)
    assert flux.comply()["repositoryPublicKey"] == ""
    secret = flux.cluster.get("/api/v1/namespaces/fleet/secrets/config-auth")["data"]
    assert base64.b64decode(secret["identity"]) == b"hidden"
    config = flux.cluster.get(f"{FLUX_CONFIGS}/config")
    source = flux.cluster.get(f"{SOURCES}/gitrepositories/config")
    assert source["spec"]["secretRef"] == {"name": "config-auth"}
    for document in (config, source, flux.read()):
        assert KEY not in str(document)
        assert "hidden" not in str(document)


def test_changed_configuration_removes_what_it_no_longer_has(flux: Flux) -> None:
    flux.install()
    flux.put()
    flux.comply()
    changes: Json = {
        "sourceKind": "Bucket",
        "gitRepository": None,
        "bucket": {"url": "https://store.example", "bucketName": "fleet"},
        "kustomizations": {"apps": None, "infra": {"dependsOn": []}},
    }
    flux.send("PATCH", flux.id, {"properties": changes})
    statuses = flux.comply()["statuses"]
    assert [item["kind"] for item in statuses] == ["Bucket", "Kustomization"]
    assert flux.objects() == {
        "buckets/config",
        "kustomizations/config-infra",
        "fluxconfigs/config",
        "configmaps/config-infra",
    }
