"""What a view makes of its input, without a stack."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import with_ages
from arcway.domain.errors import ArcError
from tests.installations import invocation
from triggers.access.callers import Role
from triggers.access.session import Viewer
from triggers.page import views
from triggers.services import Invocation

READER = Viewer("Rita", None, frozenset({Role.READ}), "token")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"


def resource(name: str, status: str = "Connected", heartbeat: float = 1, days: float = 80) -> Any:
    properties = {
        "connectivityStatus": status,
        "lastConnectivityTime": (NOW - timedelta(minutes=heartbeat)).isoformat(),
        "managedIdentityCertificateExpirationTime": (NOW + timedelta(days=days, hours=1)).isoformat(),
    }
    place = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/clusters/providers/Microsoft.Kubernetes"
    return with_ages({"id": f"{place}/connectedClusters/{name}", "name": name, "properties": properties}, NOW)


@pytest.fixture
def page() -> Invocation:
    async def none(_query: object) -> list[Any]:
        return []

    return invocation(SimpleNamespace(get_all_orchestration_states=none))


def asked(**query: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "http://127.0.0.1/api/page/clusters", params=query, body=b"")


async def test_clusters_that_need_attention_come_first(monkeypatch: pytest.MonkeyPatch, page: Invocation) -> None:
    result = [resource("a"), resource("b", status="Offline", heartbeat=60), resource("c"), resource("d", days=3)]
    monkeypatch.setattr(queries, "connected_clusters_in", lambda *_: result)
    document = (await views.clusters_page(asked(subscription=SUBSCRIPTION), page, READER)).get_body().decode()
    assert re.findall(r'<th scope="row">(\w)', document) == ["b", "d", "a", "c"]
    assert "4 connected clusters in Azure now; 2 need attention" in document
    for warning in ("is Offline", "no heartbeat for 60m", "certificate expires in 3 days"):
        assert f"<li>{warning}</li>" in document
    assert "disconnect" not in document


async def test_what_azure_refuses_is_reported_beside_the_form(
    monkeypatch: pytest.MonkeyPatch, page: Invocation
) -> None:
    def refuse(*_: object) -> list[Any]:
        raise ArcError(Code.AZURE_PERMISSION_MISSING, "No <b>right</b> to list.")

    monkeypatch.setattr(queries, "connected_clusters_in", refuse)
    answer = await views.clusters_page(asked(subscription=SUBSCRIPTION), page, READER)
    assert answer.status_code == 403
    assert b"No &lt;b&gt;right&lt;/b&gt; to list." in answer.get_body()
    assert f'value="{SUBSCRIPTION}"'.encode() in answer.get_body()


async def test_nothing_is_asked_of_azure_without_a_subscription(
    monkeypatch: pytest.MonkeyPatch, page: Invocation
) -> None:
    monkeypatch.delattr(queries, "connected_clusters_in")
    assert b"Choose a subscription." in (await views.clusters_page(asked(), page, READER)).get_body()
