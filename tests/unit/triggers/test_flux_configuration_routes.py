"""Flux configurations as the API shows them, and the roles for changing them."""

from typing import Any

import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.unit.triggers.task_hub import SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import OFFBOARD, ONBOARD, Role, role_for

ALL = "connectedClusters/{subscription}/{group}/{name}/fluxConfigurations"
ONE = f"{ALL}/{{configuration}}"
PATH: Json = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
SHOP = ClusterId(SUBSCRIPTION, "clusters", "shop")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the queries were asked; they answer with one word."""
    calls: list[tuple[Any, ...]] = []

    def answer(_: Any, *arguments: Any) -> list[str]:
        calls.append(arguments)
        return ["config"]

    monkeypatch.setattr(queries, "flux_configurations_in", answer)
    monkeypatch.setattr(queries, "flux_configuration", answer)
    return calls


async def test_configurations_are_listed_and_read(api: Api, calls: list[tuple[Any, ...]]) -> None:
    response = await api.send(f"GET {ALL}", path=PATH)
    assert (response.status, response.body) == (200, {"value": ["config"]})
    response = await api.send(f"GET {ONE}", path={**PATH, "configuration": "config"})
    assert (response.status, response.body, calls) == (200, ["config"], [(SHOP,), (SHOP, "config")])


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a_b", "a.b", "-a", "A", "x" * 64, "a?b", "a%2fb"])
async def test_name_that_is_not_a_configurations_is_refused(api: Api, calls: list[tuple[Any, ...]], name: str) -> None:
    response = await api.send(f"GET {ONE}", path={**PATH, "configuration": name})
    assert (response.status, response.body["code"], calls) == (400, Code.INVALID_PARAMETERS, [])


async def test_role_read_is_needed(hub: TaskHub, calls: list[tuple[Any, ...]]) -> None:
    for route, path in ((ALL, PATH), (ONE, {**PATH, "configuration": "config"})):
        assert (await Api(hub, Role.READ).send(f"GET {route}", path=path)).status == 200
        refused = await Api(hub, Role.ONBOARD).send(f"GET {route}", path=path)
        assert (refused.status, refused.body["code"]) == (403, Code.ROLE_MISSING)
    assert len(calls) == 2


async def test_missing_configuration_is_404(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ArcError(Code.GITOPS_NOT_FOUND)

    monkeypatch.setattr(queries, "flux_configuration", refuse)
    response = await api.send(f"GET {ONE}", path={**PATH, "configuration": "config"})
    assert (response.status, response.body["code"]) == (404, Code.GITOPS_NOT_FOUND)


async def test_roles_for_changes_are_those_of_extensions(hub: TaskHub) -> None:
    assert (role_for("applyGitops"), role_for("deleteGitops")) == (ONBOARD, OFFBOARD)
    for route, role in (("gitops", Role.OFFBOARD), ("gitopsDeletions", Role.ONBOARD)):
        refused = await Api(hub, role).send(f"POST {route}", body={})
        assert (refused.status, refused.body["code"]) == (403, Code.ROLE_MISSING)
