"""Policy assignments and definitions through Arcway's own adapter, which no official client stands behind."""

import pytest

from arcway.azure import policies
from arcway.azure.clients import AzureClients
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.settings import read_settings
from tests.contract.azure_api.conftest import Azure
from tests.contract.azure_api.test_extensions import put_cluster
from tests.contract.azure_api.test_policies import IMAGES, PRIVILEGED, assignment, scopes_of

ASSIGNMENTS = "providers/Microsoft.Authorization/policyAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/policyDefinitions"


@pytest.fixture
def clients(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> AzureClients:
    monkeypatch.setenv("IDENTITY_ENDPOINT", azure.ready["identityEndpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", azure.ready["identityHeader"])
    environment = {
        "ARCWAY_LOCAL": "1",
        "WEBSITE_HOSTNAME": "127.0.0.1",
        "ARCWAY_ARM_ENDPOINT": azure.ready["endpoint"],
        "ARCWAY_CA_FILE": azure.ready["caFile"],
        "IDENTITY_ENDPOINT": azure.ready["identityEndpoint"],
        "IDENTITY_HEADER": azure.ready["identityHeader"],
    }
    return AzureClients(read_settings(environment))


def test_assignment_is_written_listed_and_deleted_at_each_scope(azure: Azure, clients: AzureClients) -> None:
    cluster = put_cluster(azure)
    for scope in scopes_of(cluster):
        assignment_id = f"{scope}/{ASSIGNMENTS}/of-arcway"
        assert policies.get_assignment(clients, assignment_id) is None
        written = policies.put_assignment(clients, assignment_id, assignment(effect="Audit"))
        assert policies.get_assignment(clients, assignment_id) == written
        assert "of-arcway" in {item["name"] for item in policies.assignments_at(clients, cluster)}
        for _ in range(2):
            policies.delete_assignment(clients, assignment_id)
        assert policies.get_assignment(clients, assignment_id) is None


def test_definition_is_read(clients: AzureClients) -> None:
    definition = policies.get_definition(clients, f"{DEFINITIONS}/{PRIVILEGED}")
    assert definition is not None
    assert definition["properties"]["mode"] == "Microsoft.Kubernetes.Data"
    assert policies.get_definition(clients, f"{DEFINITIONS}/00000000-0000-0000-0000-000000000000") is None


def test_refusals_have_codes_of_policies(azure: Azure, clients: AzureClients) -> None:
    assignment_id = f"{put_cluster(azure)}/{ASSIGNMENTS}/of-arcway"
    for body in (assignment(colour=1), assignment(IMAGES), assignment(effect="Explode")):
        with pytest.raises(ArcError) as caught:
            policies.put_assignment(clients, assignment_id, body)
        assert caught.value.code == Code.POLICY_PARAMETERS_INVALID
    with pytest.raises(ArcError) as caught:
        policies.put_assignment(clients, assignment_id, assignment("0adc5395-9169-4b9b-8687-af838d69410a"))
    assert caught.value.code == Code.POLICY_NEEDS_IDENTITY
