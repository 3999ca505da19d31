"""The adapter of policies: answers that are not as they should be, and how much of an initiative is read."""

from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from azure.core.exceptions import HttpResponseError

from activities import delete_extension as deletion
from activities.step import Call
from arcway.azure import policies
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ID = "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a"


def azure(body: Any, status: int = 200) -> Any:
    """Clients of an Azure that answers everything with this."""
    response = mock.Mock(status_code=status, headers={}, request=SimpleNamespace(url="https://arm/x"))
    response.json.return_value = body
    if status >= HTTPStatus.BAD_REQUEST:
        response.raise_for_status.side_effect = HttpResponseError(message="refused")
    clients = mock.Mock(cloud=SimpleNamespace(arm="https://arm", scope="s"))
    clients.pipeline.request.return_value = clients.pipeline.send.return_value = response
    clients.get.return_value = (body, {})
    return clients


def refused(code: str) -> Json:
    return {"error": {"code": code, "message": "m"}}


def test_missing_assignment_is_absent() -> None:
    clients = azure(refused("PolicyAssignmentNotFound"), 404)
    assert policies.get_assignment(clients, ID) is None
    policies.delete_assignment(clients, ID)


@pytest.mark.parametrize("code", ["SubscriptionNotFound", "ResourceGroupNotFound", "ParentResourceNotFound"])
def test_missing_scope_is_an_error(code: str) -> None:
    for act in (policies.get_assignment, policies.delete_assignment):
        with pytest.raises(ArcError):
            act(azure(refused(code), 404), ID)


@pytest.mark.parametrize("body", [[], {}, {"properties": []}, {"name": "a"}])
def test_answer_that_does_not_show_the_assignment_is_not_believed(body: Any) -> None:
    for act in (policies.get_assignment, lambda clients, item: policies.put_assignment(clients, item, {})):
        with pytest.raises(ArcError) as caught:
            act(azure(body), ID)
        assert caught.value.code == Code.AZURE_RESPONSE_INVALID


def test_list_without_a_value_or_an_end_is_an_error() -> None:
    bodies: list[Json] = [{}, {"value": [], "nextLink": "https://arm/more"}, {"value": [{}]}]
    for body in bodies:
        with pytest.raises(ArcError) as caught:
            policies.assignments_at(azure(body), "/subscriptions/s")
        assert caught.value.code == Code.AZURE_RESPONSE_INVALID


def test_first_policies_of_an_initiative_are_read() -> None:
    definition: Json = {"name": "x", "properties": {}}
    references = [{"policyDefinitionId": f"/d/{number}"} for number in range(policies.MOST_MEMBERS + 5)]
    clients = azure(definition)
    members = policies.get_members(clients, {"properties": {"policyDefinitions": references}})
    assert members == [(reference, definition) for reference in references[: policies.MOST_MEMBERS]]
    assert clients.pipeline.request.call_count == policies.MOST_MEMBERS
    assert policies.get_members(clients, {"properties": {}}) == []
    assert policies.get_members(azure(refused("x"), 404), {"properties": {"policyDefinitions": references[:1]}}) == []


def test_policy_of_an_initiative_without_an_id_is_an_error() -> None:
    with pytest.raises(ArcError) as caught:
        policies.get_members(azure({}), {"properties": {"policyDefinitions": [{}]}})
    assert caught.value.code == Code.AZURE_RESPONSE_INVALID


@pytest.mark.parametrize(("kind", "deletes"), [("microsoft.flux", False), ("Microsoft.PolicyInsights", True)])
def test_extension_that_others_created_under_the_name_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch, kind: str, deletes: bool
) -> None:
    extensions = mock.Mock()
    extensions.get.return_value = {"name": "azurepolicy", "properties": {"extensionType": kind}}
    extensions.delete.return_value = "url"
    monkeypatch.setattr(deletion, "EXTENSIONS", extensions)
    body = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "g", "name": "n", "operation": "disablePolicy"}
    request: Any = parse_request(body)
    outcome = deletion.delete_extension(Call(request, {"extensionName": "azurepolicy"}, mock.Mock()))
    assert (outcome["done"], extensions.delete.called) == (not deletes, deletes)
