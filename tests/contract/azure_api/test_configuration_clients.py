"""The official clients of extensions and Flux configurations work against the simulated Azure as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.extensions import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.kubernetesconfiguration.extensions.models import Extension, ExtensionProperties, Identity
from azure.mgmt.kubernetesconfiguration.fluxconfigurations import KubernetesConfigurationFluxConfigurationsMgmtClient
from azure.mgmt.kubernetesconfiguration.fluxconfigurations.models import (
    FluxConfiguration,
    FluxConfigurationPatch,
    FluxConfigurationPatchProperties,
    FluxConfigurationProperties,
    GitRepositoryDefinition,
    KustomizationDefinition,
    RepositoryRefDefinition,
)

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import put_cluster
from tests.contract.azure_api.test_official_clients import credential

CLUSTER = ("AzureArcTest", "Microsoft.Kubernetes", "connectedClusters", "one")


@contextmanager
def client[C](azure: Azure, kind: type[C]) -> Iterator[C]:
    """An official client of the subscription."""
    options: dict[str, Any] = {
        "base_url": azure.ready["endpoint"],
        "credential_scopes": [f"{azure.ready['endpoint']}/.default"],
        "connection_verify": azure.ready["caFile"],
        "polling_interval": 0,
    }
    with credential(azure) as token, kind(token, azure.ready["subscriptionId"], **options) as official:  # type: ignore[call-arg,attr-defined]
        yield official


def configuration(**properties: Any) -> FluxConfiguration:
    repository = GitRepositoryDefinition(
        url="https://git.example/fleet", repository_ref=RepositoryRefDefinition(branch="main")
    )
    content = FluxConfigurationProperties(
        source_kind="GitRepository",
        namespace="fleet",
        git_repository=repository,
        kustomizations={"apps": KustomizationDefinition(path="./apps", prune=True)},
        **properties,
    )
    return FluxConfiguration(properties=content)


def test_official_client_of_flux_configurations(azure: Azure) -> None:
    put_cluster(azure)
    with client(azure, KubernetesConfigurationFluxConfigurationsMgmtClient) as official:
        operations = official.flux_configurations
        with pytest.raises(ResourceNotFoundError):
            operations.get(*CLUSTER, "fleet")
        # Without agents no operation ends, so it is not followed.
        poller = operations.begin_create_or_update(*CLUSTER, "fleet", configuration(), polling=False)
        created = poller.result()
        assert created.properties
        assert (created.properties.provisioning_state, created.properties.compliance_state) == ("Creating", "Pending")
        read = operations.get(*CLUSTER, "fleet")
        assert read.properties
        assert read.properties.kustomizations
        assert read.properties.kustomizations["apps"].prune is True
        assert read.properties.git_repository
        assert read.properties.git_repository.sync_interval_in_seconds == 600
        patch = FluxConfigurationPatch(properties=FluxConfigurationPatchProperties(suspend=True))
        operations.begin_update(*CLUSTER, "fleet", patch, polling=False).result()
        assert operations.get(*CLUSTER, "fleet").properties.suspend is True  # type: ignore[union-attr]
        assert [item.name for item in operations.list(*CLUSTER)] == ["fleet"]
        operations.begin_delete(*CLUSTER, "fleet", force_delete=True).result()
        assert list(operations.list(*CLUSTER)) == []


def test_official_client_shows_why_a_configuration_is_refused(azure: Azure) -> None:
    put_cluster(azure)
    with client(azure, KubernetesConfigurationFluxConfigurationsMgmtClient) as official:
        wrong = configuration(scope="other")
        with pytest.raises(HttpResponseError, match="scope must be") as caught:
            official.flux_configurations.begin_create_or_update(*CLUSTER, "fleet", wrong, polling=False)
        assert (caught.value.status_code, caught.value.error and caught.value.error.code) == (400, "InvalidRequest")


def test_official_client_of_extensions(azure: Azure) -> None:
    put_cluster(azure)
    flux = Extension(
        identity=Identity(type="SystemAssigned"), properties=ExtensionProperties(extension_type="microsoft.flux")
    )
    with client(azure, KubernetesConfigurationExtensionsMgmtClient) as official:
        created = official.extensions.begin_create(*CLUSTER, "flux", flux, polling=False).result()
        assert created.properties
        assert (created.properties.provisioning_state, created.properties.release_train) == ("Creating", "Stable")
        assert [item.name for item in official.extensions.list(*CLUSTER)] == ["flux"]
        official.extensions.begin_delete(*CLUSTER, "flux", force_delete=True).result()
        with pytest.raises(ResourceNotFoundError):
            official.extensions.get(*CLUSTER, "flux")
