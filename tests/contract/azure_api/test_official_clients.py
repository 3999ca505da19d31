"""Azure's official clients work against the simulated Azure as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.hybridkubernetes import ConnectedKubernetesClient
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_onboarding_sequence import body, register


def credential(azure: Azure, secret: str = "s3cret") -> ClientSecretCredential:
    azure.control("applications", {"app-1": "s3cret"})
    return ClientSecretCredential(
        azure.ready["tenantId"],
        "app-1",
        secret,
        authority=azure.ready["endpoint"],
        disable_instance_discovery=True,
        connection_verify=azure.ready["caFile"],
    )


def test_resource_manager_and_its_long_running_operations(azure: Azure) -> None:
    register(azure)
    options: dict[str, Any] = {
        "base_url": azure.ready["endpoint"],
        "credential_scopes": [f"{azure.ready['endpoint']}/.default"],
        "connection_verify": azure.ready["caFile"],
        "polling_interval": 0,
    }
    with credential(azure) as token:
        with ResourceManagementClient(token, azure.ready["subscriptionId"], **options) as resources:
            resources.resource_groups.create_or_update("group", {"location": "eastus"})
            assert resources.resource_groups.check_existence("group")
            assert resources.providers.get("Microsoft.Kubernetes").registration_state == "Registered"
        with ConnectedKubernetesClient(token, azure.ready["subscriptionId"], **options) as kubernetes:
            expected: Any = body()
            created = kubernetes.connected_cluster.begin_create_or_replace("group", "one", expected).result()
            assert created.properties.provisioning_state == "Succeeded"
            assert [item.name for item in kubernetes.connected_cluster.list_by_subscription()] == ["one"]
            kubernetes.connected_cluster.begin_delete("group", "one").result()
            with pytest.raises(ResourceNotFoundError):
                kubernetes.connected_cluster.get("group", "one")


def test_a_wrong_client_secret_gets_no_token(azure: Azure) -> None:
    with credential(azure, "wrong") as token, pytest.raises(HttpResponseError, match="AADSTS7000215"):
        token.get_token(f"{azure.ready['endpoint']}/.default")


@contextmanager
def key_vault(azure: Azure) -> Iterator[SecretClient]:
    """The official client of the simulated vault."""
    trust = {"verify_challenge_resource": False, "connection_verify": azure.ready["caFile"]}
    with credential(azure) as token, SecretClient(azure.ready["endpoint"], token, **trust) as vault:
        yield vault


def test_key_vault_with_its_challenge(azure: Azure) -> None:
    with key_vault(azure) as vault:
        vault.set_secret("arcway-one", "first")
        vault.set_secret("arcway-one", "second")
        assert vault.get_secret("arcway-one").value == "second"
        with pytest.raises(ResourceNotFoundError):
            vault.get_secret("arcway-two")


def test_a_deleted_secret_keeps_its_name_until_it_is_recovered_or_purged(azure: Azure) -> None:
    with key_vault(azure) as vault:
        vault.set_secret("arcway-one", "first")
        assert vault.begin_delete_secret("arcway-one").result().recovery_id
        with pytest.raises(ResourceNotFoundError):
            vault.get_secret("arcway-one")
        with pytest.raises(HttpResponseError, match="deleted but recoverable") as caught:
            vault.set_secret("arcway-one", "second")
        assert caught.value.status_code == 409
        assert [item.name for item in vault.list_deleted_secrets()] == ["arcway-one"]
        vault.begin_recover_deleted_secret("arcway-one").result()
        assert vault.get_secret("arcway-one").value == "first"
        vault.begin_delete_secret("arcway-one").result()
        vault.purge_deleted_secret("arcway-one")
        assert vault.set_secret("arcway-one", "third").value == "third"
        vault.set_secret("arcway-off", "x", enabled=False)
        with pytest.raises(HttpResponseError, match="disabled secret"):
            vault.get_secret("arcway-off")
