"""Fleets against those who ask for too much: roles, sizes, and texts that are not what they seem."""

import json
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.installations import invocation
from triggers import http
from triggers.access.authentication import Authentication
from triggers.access.callers import Caller, Role
from triggers.routes import ROUTES
from triggers.services import Invocation

BODY: Json = {
    "fleet": "shops",
    "operation": "offboard",
    "defaults": {"subscriptionId": "11111111-2222-3333-4444-555555555555", "resourceGroup": "g", "azureOnly": True},
    "members": [{"name": "a"}],
}


class Known(Authentication):
    """Every caller holds these roles."""

    def __init__(self, *roles: Role) -> None:
        super().__init__(None)
        self._roles = frozenset(roles)

    async def caller_of(self, request: func.HttpRequest) -> Caller:
        return Caller("Rita", None, self._roles)


class Untouched:
    """An engine that no request may reach."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the engine was asked: {name}")


async def post(body: bytes, *roles: Role, path: str = "fleets") -> Json:
    own = invocation(Untouched())
    known = Invocation(replace(own.services, authentication=Known(*roles)), own.client)
    headers = {"Content-Type": "application/json"}
    request = func.HttpRequest("POST", f"http://127.0.0.1/api/{path}", headers=headers, body=body)
    answer = await http.dispatch(request, known, ROUTES[path])
    document: Json = json.loads(answer.get_body())
    return {**document, "status": answer.status_code}


@pytest.mark.parametrize(
    ("operation", "roles"),
    [
        ("offboard", [Role.ONBOARD, Role.READ]),
        ("onboard", [Role.OFFBOARD]),
        ("update", [Role.OFFBOARD]),
        ("upgrade", [Role.READ]),
        ("check", []),
    ],
)
async def test_a_fleet_needs_the_role_of_its_operation(operation: str, roles: list[Role]) -> None:
    defaults = {name: BODY["defaults"][name] for name in ("subscriptionId", "resourceGroup")}
    kubeconfig, chosen = {"kubeconfig": {"secret": "arcway-a"}}, {"connectedClusters": {"subscriptions": ["x"]}}
    taken: dict[str, Json] = {
        "offboard": {"azureOnly": True},
        "update": {"tags": {"a": "b"}},
        "upgrade": kubeconfig,
        "onboard": {**kubeconfig, "location": "eastus"},
        "check": {**kubeconfig, "location": "eastus"},
    }
    chosen["connectedClusters"]["subscriptions"] = [BODY["defaults"]["subscriptionId"]]
    body = {**BODY, "operation": operation, "defaults": {**defaults, **taken[operation]}, "select": chosen}
    answer = await post(json.dumps(body).encode(), *roles)
    assert (answer["status"], answer["code"]) == (403, Code.ROLE_MISSING)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 500_000, Code.BODY_NOT_JSON),
        (b'{"members": [' + b"{}," * 1_100_000 + b"{}]}", Code.BODY_NOT_JSON),
        (b'{"fleet": "' + b"x" * (8 * 1024 * 1024) + b'"}', Code.BODY_TOO_LARGE),
        (b'{"fleet": "a", "fleet": "b"}', Code.BODY_NOT_JSON),
        (b"[]", Code.BODY_NOT_JSON),
        (b"null", Code.BODY_NOT_JSON),
    ],
    ids=["nested", "values", "bytes", "twice", "list", "null"],
)
async def test_a_body_that_is_dear_or_odd_is_refused(body: bytes, code: Code) -> None:
    assert (await post(body, *Role))["code"] == code


@pytest.mark.parametrize(
    "changes",
    [
        {"fleet": "a\nb"},
        {"fleet": "../x"},
        {"members": [{"name": "\u202ea"}]},
        {"members": [{"name": "a", "tags": {"a\x1b[2J": "b"}}]},
        {"members": ["a"]},
        {"members": [None]},
        {"members": [[]]},
        {"members": {"0": {"name": "a"}}},
        {"defaults": []},
        {"defaults": {**BODY["defaults"], "tags": [1]}},
        {"defaults": {**BODY["defaults"], "name": "same"}, "members": [{}, {}]},
        {"select": {"fleet": {"id": "x" * 64}}},
        {"select": {"connectedClusters": {"subscriptions": ["../../x"]}}},
        {"window": 1e9},
        {"window": True},
        {"parkFor": "99999999d"},
    ],
)
async def test_fields_that_are_not_what_they_should_be(changes: Json) -> None:
    answer = await post(json.dumps({**BODY, **changes}).encode(), *Role)
    assert (answer["status"], answer["code"]) == (400, Code.INVALID_FIELDS)
    assert answer["details"]
