"""Policy assignments at the scopes of a connected cluster, and definitions of policies and initiatives.

https://learn.microsoft.com/rest/api/policy/policy-assignments. They are plain documents: a write is done when Azure has
answered.
"""

from http import HTTPStatus
from typing import Any

from azure.core.rest import HttpResponse

from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import json_object
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

_AUTHORIZATION = "Microsoft.Authorization"
_API = "2026-06-01"
_MOST_PAGES = 100
MOST_MEMBERS = 30
"""Of how many policies of an initiative the definitions are read: each is a request."""
# What a 404 is about: anything else that Azure does not find is the resource itself.
_NOT_THE_RESOURCE = ("SubscriptionNotFound", "ResourceGroupNotFound", "ParentResourceNotFound")


def assignment_action(verb: str) -> str:
    """The action that the identity needs at the scope to read, write or delete an assignment."""
    return f"{_AUTHORIZATION}/policyAssignments/{verb}"


def definition_actions(*, initiative: bool) -> tuple[str, ...]:
    """The actions that the identity needs to read a definition."""
    sets = (f"{_AUTHORIZATION}/policySetDefinitions/read",) if initiative else ()
    return (f"{_AUTHORIZATION}/policyDefinitions/read", *sets)


def get_assignment(azure: AzureClients, assignment_id: str) -> dict[str, Any] | None:
    """The assignment as Azure has it; None if it does not exist. Raises `ArcError`."""
    return _get(azure, assignment_id, "a policy assignment")


def put_assignment(azure: AzureClients, assignment_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create or replace the assignment; returns it as Azure has it then. Raises `ArcError`."""
    response = azure.pipeline.send(azure.cloud.arm, azure.cloud.scope, "PUT", _url(assignment_id), body)
    # An answer that does not show the assignment is not Azure's: the write is not believed.
    return _resource(json_object(response), "a policy assignment")


def delete_assignment(azure: AzureClients, assignment_id: str) -> None:
    """Delete the assignment. Harmless if it does not exist. Raises `ArcError`."""
    response = azure.pipeline.request(azure.cloud.arm, azure.cloud.scope, "DELETE", _url(assignment_id))
    if _is_absent(response):
        return
    with azure_errors():
        response.raise_for_status()


def assignments_at(azure: AzureClients, scope_id: str) -> list[dict[str, Any]]:
    """All assignments that apply to the scope, those of the scopes above it included. Raises `ArcError`."""
    path = f"{scope_id}/providers/{_AUTHORIZATION}/policyAssignments"
    url, assignments = f"{path}?api-version={_API}&$filter=atScope()", list[dict[str, Any]]()
    for _ in range(_MOST_PAGES):
        page, _headers = azure.get(url)
        items = page.get("value")
        if not isinstance(items, list):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure's list of policy assignments has no value.")
        assignments += [_resource(item, "a policy assignment") for item in items]
        if not (url := page.get("nextLink") or ""):
            return assignments
    message = f"Azure's list of policy assignments has more than {_MOST_PAGES} pages."
    raise ArcError(Code.AZURE_RESPONSE_INVALID, message)


def get_definition(azure: AzureClients, definition_id: str) -> dict[str, Any] | None:
    """The definition of a policy or an initiative; None if it does not exist. Raises `ArcError`."""
    return _get(azure, definition_id, "a policy definition")


def get_members(azure: AzureClients, initiative: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The first policies of an initiative: the reference in the initiative, and the definition. Raises `ArcError`."""
    references = initiative["properties"].get("policyDefinitions")
    members = []
    for reference in (references if isinstance(references, list) else [])[:MOST_MEMBERS]:
        definition_id = reference.get("policyDefinitionId") if isinstance(reference, dict) else None
        if not isinstance(definition_id, str):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, "Azure returned an initiative with a policy without an id.")
        if (definition := get_definition(azure, definition_id)) is not None:
            members.append((reference, definition))
    return members


def _get(azure: AzureClients, resource_id: str, noun: str) -> dict[str, Any] | None:
    response = azure.pipeline.request(azure.cloud.arm, azure.cloud.scope, "GET", _url(resource_id))
    if _is_absent(response):
        return None
    with azure_errors():
        response.raise_for_status()
    return _resource(json_object(response), noun)


def _is_absent(response: HttpResponse) -> bool:
    if response.status_code != HTTPStatus.NOT_FOUND:
        return False
    return _code_of(json_object(response)) not in _NOT_THE_RESOURCE


def _resource(item: object, noun: str) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("properties"), dict):
        raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure returned {noun} without properties.")
    return item


def _url(resource_id: str) -> str:
    return f"{resource_id}?api-version={_API}"


def _code_of(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("code")) if isinstance(error, dict) else ""
