"""Azure Policy over HTTP: what is asked and started, for whom, and what is refused."""

from typing import Any

import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.unit.triggers.task_hub import SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role, role_for

POLICY = "connectedClusters/{subscription}/{group}/{name}/policy"
PATH: Json = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
BODY: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "name": "shop"}


async def test_policy_of_a_cluster_is_read(hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    document: Json = {"extension": None, "assignments": []}

    def answer(_: Any, *arguments: Any) -> Json:
        calls.append(arguments)
        return document

    monkeypatch.setattr(queries, "policy_of", answer)
    response = await Api(hub, Role.READ).send(f"GET {POLICY}", path=PATH)
    assert (response.status, response.body, calls) == (200, document, [(ClusterId(SUBSCRIPTION, "clusters", "shop"),)])
    refused = await Api(hub, Role.ONBOARD).send(f"GET {POLICY}", path=PATH)
    assert (refused.status, refused.body["code"]) == (403, Code.ROLE_MISSING)


@pytest.mark.parametrize(
    ("route", "operation", "role"),
    [("policies", "enablePolicy", Role.ONBOARD), ("policyDeletions", "disablePolicy", Role.OFFBOARD)],
)
async def test_run_is_started_for_its_role_alone(hub: TaskHub, route: str, operation: str, role: Role) -> None:
    (other,) = {Role.ONBOARD, Role.OFFBOARD} - {role}
    refused = await Api(hub, other).send(f"POST {route}", body=BODY)
    assert (refused.status, refused.body["code"]) == (403, Code.ROLE_MISSING)
    response = await Api(hub, role).send(f"POST {route}", body=BODY)
    assert (response.status, response.body["operation"]) == (202, operation)
    assert role_for(operation) == frozenset({role})


async def test_other_operation_is_refused(api: Api) -> None:
    response = await api.send("POST policies", body={**BODY, "operation": "disablePolicy"})
    assert (response.status, response.body["code"]) == (400, Code.INVALID_FIELDS)
