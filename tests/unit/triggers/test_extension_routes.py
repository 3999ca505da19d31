"""Extensions as the API shows them: what is asked, for whom, and what is refused before Azure is asked."""

from typing import Any

import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.unit.triggers.task_hub import SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role

ALL = "connectedClusters/{subscription}/{group}/{name}/extensions"
ONE = f"{ALL}/{{extension}}"
PATH: Json = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
SHOP = ClusterId(SUBSCRIPTION, "clusters", "shop")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the queries were asked; they answer with one word."""
    calls: list[tuple[Any, ...]] = []

    def answer(_: Any, *arguments: Any) -> list[str]:
        calls.append(arguments)
        return ["flux"]

    monkeypatch.setattr(queries, "extensions_in", answer)
    monkeypatch.setattr(queries, "extension", answer)
    return calls


async def test_extensions_of_a_cluster_are_listed(api: Api, calls: list[tuple[Any, ...]]) -> None:
    response = await api.send(f"GET {ALL}", path=PATH)
    assert (response.status, response.body, calls) == (200, {"value": ["flux"]}, [(SHOP,)])


async def test_one_extension_is_read(api: Api, calls: list[tuple[Any, ...]]) -> None:
    response = await api.send(f"GET {ONE}", path={**PATH, "extension": "flux"})
    assert (response.status, response.body, calls) == (200, ["flux"], [(SHOP, "flux")])


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a_b", "a.b", "-a", "a-", "x" * 64, "a?b", "a%2fb"])
async def test_name_that_is_not_an_extensions_is_refused(api: Api, calls: list[tuple[Any, ...]], name: str) -> None:
    response = await api.send(f"GET {ONE}", path={**PATH, "extension": name})
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert not calls


async def test_role_read_is_needed(hub: TaskHub, calls: list[tuple[Any, ...]]) -> None:
    for route, path in ((ALL, PATH), (ONE, {**PATH, "extension": "flux"})):
        assert (await Api(hub, Role.READ).send(f"GET {route}", path=path)).status == 200
        refused = await Api(hub, Role.ONBOARD).send(f"GET {route}", path=path)
        assert (refused.status, refused.body["code"]) == (403, Code.ROLE_MISSING)
    assert len(calls) == 2


async def test_missing_extension_is_404(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise ArcError(Code.EXTENSION_NOT_FOUND)

    monkeypatch.setattr(queries, "extension", missing)
    response = await api.send(f"GET {ONE}", path={**PATH, "extension": "flux"})
    assert (response.status, response.body["code"]) == (404, Code.EXTENSION_NOT_FOUND)
