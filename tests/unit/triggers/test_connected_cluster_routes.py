"""Connected clusters, their agents and the health, as the API shows them: what is asked of whom, and for whom."""

from typing import Any

import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.installation import Installation
from arcway.self_test import SelfTest
from tests.installations import local_installation
from tests.unit.triggers.task_hub import BODY, RITA, SUBSCRIPTION, Api, TaskHub
from triggers import dependencies
from triggers.access.callers import Role

ONE = "connectedClusters/{subscription}/{group}/{name}"
PATH: Json = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
SHOP = ClusterId(SUBSCRIPTION, "clusters", "shop")


class Asked:
    """What the queries were asked; the answer is one for all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure: ArcError | None = None
        for name in ("connected_clusters_in", "connected_cluster", "agents_of"):
            monkeypatch.setattr(queries, name, self.answer)

    def answer(self, installation: Any, *arguments: Any) -> Any:
        assert isinstance(installation, Installation)
        self.calls.append(arguments)
        if self.failure:
            raise self.failure
        return ["answer"]


@pytest.fixture
def queried(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


async def test_connected_clusters_are_listed_by_subscription_and_group(api: Api, queried: Asked) -> None:
    response = await api.send("GET connectedClusters", query={"subscription": SUBSCRIPTION})
    assert (response.status, response.body) == (200, {"value": ["answer"]})
    await api.send("GET connectedClusters", query={"subscription": SUBSCRIPTION, "resourceGroup": "clusters"})
    assert queried.calls == [(SUBSCRIPTION, None), (SUBSCRIPTION, "clusters")]
    for query in ({}, {"subscription": "../x"}, {"subscription": SUBSCRIPTION, "resourceGroup": "a/b"}):
        assert (await api.send("GET connectedClusters", query=query)).status == 400
    assert len(queried.calls) == 2


async def test_one_connected_cluster_is_read(api: Api, queried: Asked) -> None:
    response = await api.send(f"GET {ONE}", path=PATH)
    assert (response.status, response.body, queried.calls) == (200, ["answer"], [(SHOP,)])
    assert (await api.send(f"GET {ONE}", path={**PATH, "name": "a/b"})).status == 400


async def test_agents_by_a_kubeconfig_that_the_caller_names(api: Api, queried: Asked) -> None:
    response = await api.send(f"GET {ONE}/agents", path=PATH, query={"kubeconfig": "arcway-shop", "context": "north"})
    assert (response.status, response.body) == (200, ["answer"])
    ((cluster, reference, user),) = queried.calls
    assert (cluster, reference.secret, reference.context, reference.temporary) == (SHOP, "arcway-shop", "north", False)
    assert (user.object_id, user.roles) == (RITA, frozenset(Role))


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ({"context": "north"}, {}, "context"),
        ({"kubeconfig": "not ours"}, {}, "kubeconfig"),
        ({"kubeconfig": "arcway-shop"}, {"x_arcway_proof": "x"}, None),
        ({"kubeconfig": "arcway-shop", "context": "x" * 254}, {}, "context"),
    ],
)
async def test_a_kubeconfig_that_a_caller_may_not_name_is_refused(
    api: Api, queried: Asked, query: Json, headers: Json, field: str | None
) -> None:
    response = await api.send(f"GET {ONE}/agents", path=PATH, query=query, **headers)
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert field in (None, *(item["field"] for item in response.body["details"]))
    assert not queried.calls


async def test_who_names_a_kubeconfig_needs_a_role_that_may_use_it(hub: TaskHub, queried: Asked) -> None:
    query = {"kubeconfig": "arcway-shop"}
    response = await Api(hub, Role.READ).send(f"GET {ONE}/agents", path=PATH, query=query)
    assert (response.status, response.body["code"]) == (403, Code.ROLE_MISSING)
    for role in (Role.ONBOARD, Role.OFFBOARD):
        response = await Api(hub, Role.READ, role).send(f"GET {ONE}/agents", path=PATH, query=query)
        assert response.status == 200


async def test_agents_by_the_last_runs_kubeconfig_and_as_its_author(api: Api, hub: TaskHub, queried: Asked) -> None:
    await api.send("POST onboardings", body=BODY)
    hub.only.payload["roles"] = ["Shop"]
    response = await Api(hub, Role.READ).send(f"GET {ONE}/agents", path=PATH)
    assert (response.status, response.body) == (200, ["answer"])
    ((cluster, reference, user),) = queried.calls
    assert (cluster, reference.secret) == (SHOP, "arcway-shop")
    assert (user.object_id, user.roles) == (RITA, frozenset({"Shop"}))


async def test_without_a_kubeconfig_of_a_run_there_are_no_agents_to_see(api: Api, hub: TaskHub, queried: Asked) -> None:
    response = await api.send(f"GET {ONE}/agents", path=PATH)
    assert (response.status, response.body["code"]) == (404, Code.KUBECONFIG_UNKNOWN)
    assert response.body["detail"] == f"There is no run of {SHOP.resource_id}."
    place = {name: BODY[name] for name in ("subscriptionId", "resourceGroup", "name")}
    await api.send("POST offboardings", body={**place, "azureOnly": True})
    response = await api.send(f"GET {ONE}/agents", path=PATH)
    assert response.body["detail"] == f"The last run had no kubeconfig of {SHOP.resource_id}."
    assert not queried.calls


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (Code.SECRET_UNUSABLE, Code.KUBECONFIG_UNKNOWN),
        (Code.TEMPORARY_CREDENTIAL_GONE, Code.KUBECONFIG_UNKNOWN),
        (Code.API_SERVER_UNREACHABLE, Code.API_SERVER_UNREACHABLE),
    ],
)
async def test_a_kubeconfig_of_a_run_that_is_gone_is_named(api: Api, queried: Asked, code: Code, shown: Code) -> None:
    await api.send("POST onboardings", body=BODY)
    queried.failure = ArcError(code, "As the query says.")
    response = await api.send(f"GET {ONE}/agents", path=PATH)
    assert response.body["code"] == shown
    gone = "The kubeconfig of the last run, secret arcway-shop, is gone or cannot be read."
    assert response.body["detail"] == ("As the query says." if shown == code else gone)


# --- health --------------------------------------------------------------------------------------------------------


SELF_TEST = {"settings": "ok", "workFolder": "ok", "memoryFiles": "ok", "helm": "ok"}


class Azure:
    """Resource Manager as the health sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.failure = 0, False
        monkeypatch.setattr(queries, "resource_manager_answers", self.answer)
        monkeypatch.setattr(dependencies, "run_self_test", lambda _: SelfTest(None, None, None, None))

    def answer(self, _: object) -> None:
        self.calls += 1
        if self.failure:
            raise ArcError(Code.AZURE_UNREACHABLE, "arm.internal cannot be reached")


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Azure:
    return Azure(monkeypatch)


async def test_a_healthy_installation(hub: TaskHub, azure: Azure) -> None:
    response = await Api(hub).send("GET health")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
    parts = {"engine": "ok", "resourceManager": "ok", "broker": "not configured"}
    assert response.body == {**parts, "selfTest": None}
    api = Api(hub, installation=local_installation(ServiceBusConnection="Endpoint=sb://x/"))
    assert (await api.send("GET health")).body["broker"] == "configured"


@pytest.mark.parametrize("roles", [(), (Role.ONBOARD,), (Role.READ,)])
async def test_only_readers_learn_why_a_part_is_not_healthy(
    hub: TaskHub, azure: Azure, roles: tuple[Role, ...]
) -> None:
    azure.failure = True
    response = await Api(hub, *roles).send("GET health")
    reason = f"{Code.AZURE_UNREACHABLE}: arm.internal cannot be reached" if Role.READ in roles else "failed"
    assert (response.status, response.headers["Cache-Control"]) == (503, "no-store")
    parts = {"engine": "ok", "resourceManager": reason, "broker": "not configured"}
    assert response.body == {**parts, "selfTest": SELF_TEST if Role.READ in roles else None}
    azure.failure, hub.is_down = False, True
    response = await Api(hub, *roles).send("GET health")
    reason = "ARC-6007: The workflow engine does not respond." if Role.READ in roles else "failed"
    assert (response.status, response.body["engine"], response.body["resourceManager"]) == (503, reason, "ok")


async def test_dependencies_are_asked_at_most_every_five_seconds(
    hub: TaskHub, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("triggers.dependencies.time.monotonic", lambda: now)
    api = Api(hub)
    for seconds, asked in ((0.0, 1), (4.9, 1), (0.1, 2), (4.9, 2)):
        now += seconds
        await api.send("GET health")
        assert azure.calls == asked
