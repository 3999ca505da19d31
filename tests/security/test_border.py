"""The border of the running product: headers of every answer, health, parameters that reach Azure, and bad messages."""

import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import httpx
import pytest

from arcway import queries
from arcway.azure.providers import Providers
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.settings import SettingsError, read_settings
from tests.e2e.conftest import (  # noqa: F401 - fixtures
    Arcway,
    Control,
    SimulatedCluster,
    arcway,
    azure,
    azure_control,
    cluster,
    cluster_control,
    signed,
    stack,
)
from tests.e2e.signed import Signed
from tests.e2e.test_messages import Bus, bus, event, kind, open_bus  # noqa: F401 - fixtures
from tests.installations import LOCAL, invocation, local_installation
from triggers import http
from triggers.access.authentication import Authentication
from triggers.access.callers import LOCAL as LOCAL_CALLER
from triggers.access.callers import Caller, Role
from triggers.access.session import Viewer
from triggers.page import views
from triggers.routes import ROUTES
from triggers.services import Invocation


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 302),
        ("GET", "/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/runs", 200),
        ("HEAD", "/api/runs", 200),
        ("GET", "/api/runs?top=x", 400),
        ("DELETE", "/api/runs", 405),
        ("GET", "/api/runs/x", 404),
        ("POST", "/api/onboardings", 400),
        ("GET", "/api/health", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/api/page", 200),
        ("GET", "/api/page/nothing", 404),
        ("PUT", "/api/page", 405),
        ("GET", "/api/page/sign-in", 303),
        ("POST", "/api/page/sign-out", 403),
        ("GET", "/api/page/callback", 400),
        ("GET", "/api/page/static/page.css", 200),
        ("GET", "/api/page/static/nothing", 404),
        ("GET", "/admin/host/status", 200),
        ("GET", "/runtime/webhooks/durabletask/instances/x", 401),
    ],
)
def test_no_answer_is_sniffed(arcway: Arcway, method: str, path: str, status: int) -> None:  # noqa: F811
    answer = httpx.request(method, f"{arcway.stack.url}{path}")
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (status, "nosniff")


def test_no_answer_is_sniffed_where_people_sign_in(signed: Signed) -> None:  # noqa: F811
    for path in ("/api/runs", "/api/page", "/api/page/runs/x", "/api/page/sign-in", "/api/openapi.json"):
        for headers in ({}, {"HX-Request": "true"}):
            answer = httpx.get(f"{signed.stack.url}{path}", headers=headers)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
    tag = httpx.get(f"{signed.stack.url}/api/openapi.json").headers["ETag"]
    answer = httpx.get(f"{signed.stack.url}/api/openapi.json", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (304, "nosniff")


# --- health --------------------------------------------------------------------------------------------------------


class Ill:
    """An engine that answers with an error, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def get_orchestration_state(self, _: str) -> None:
        self.asked += 1
        raise ArcError(Code.ENGINE_UNREACHABLE, "engine at 10.1.2.3 says password")


@pytest.fixture
def ill(monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """An invocation whose engine and Resource Manager do not answer."""

    def refuse(_: object) -> str:
        raise ArcError(Code.AZURE_UNREACHABLE, "arm.internal cannot be reached")

    monkeypatch.setattr(queries, "resource_manager_answers", refuse)
    return invocation(Ill())


class Known(Authentication):
    """The caller of every request has these roles; None: is anonymous."""

    def __init__(self, roles: set[Role] | None) -> None:
        super().__init__(None)
        self._roles = roles

    async def caller_of(self, request: func.HttpRequest) -> Caller:
        if self._roles is None:
            raise ArcError(Code.NOT_SIGNED_IN)
        return Caller("Rita", None, frozenset(self._roles))


async def ask_health(ill: Invocation, roles: set[Role] | None) -> dict[str, Any]:
    request = func.HttpRequest("GET", "http://127.0.0.1/api/health", body=b"")
    services = replace(ill.services, authentication=Known(roles))
    answer = await http.dispatch(request, Invocation(services, ill.client), ROUTES["health"])
    assert answer.status_code == 503
    document: dict[str, Any] = json.loads(answer.get_body())
    return document


@pytest.mark.parametrize("roles", [None, set(), {Role.ONBOARD}])
async def test_health_tells_the_anonymous_states_only(ill: Invocation, roles: set[Role] | None) -> None:
    result = await ask_health(ill, roles)
    parts = {"engine": "failed", "resourceManager": "failed", "broker": "not configured"}
    assert result == {**parts, "selfTest": None}


async def test_health_tells_readers_why(ill: Invocation) -> None:
    result = await ask_health(ill, {Role.READ})
    assert "arm.internal" in result["resourceManager"]
    assert "10.1.2.3" in result["engine"]


async def test_health_is_checked_once_for_many(ill: Invocation) -> None:
    for _ in range(20):
        await ask_health(ill, None)
    assert cast("Ill", ill.client).asked == 1


# --- parameters that reach Azure -----------------------------------------------------------------------------------

READER = Viewer("Rita", None, frozenset({Role.READ}), "token")
SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
BAD_SUBSCRIPTIONS = ["x", "../../providers", f"{SUBSCRIPTION}/x", f"{SUBSCRIPTION}?x=y", f"{SUBSCRIPTION}\n", "%2e%2e"]


@pytest.mark.parametrize("subscription", BAD_SUBSCRIPTIONS)
async def test_a_subscription_that_is_none_never_reaches_azure(
    subscription: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_: object) -> list[Any]:
        return []

    monkeypatch.delattr(queries, "connected_clusters_in")
    client: Any = SimpleNamespace(get_all_orchestration_states=none)
    request = func.HttpRequest(
        "GET", "http://127.0.0.1/api/page", params={"subscription": f"{subscription}x"}, body=b""
    )
    answer = await views.clusters_page(request, invocation(client), READER)
    assert answer.status_code == 400


def test_the_page_refuses_what_the_api_refuses(arcway: Arcway) -> None:  # noqa: F811
    for path in ("/api/page/clusters?subscription=../x", "/api/connectedClusters?subscription=../x"):
        assert httpx.get(f"{arcway.stack.url}{path}").status_code == 400
    path = f"/api/page/agents?subscription={SUBSCRIPTION}&group=a%2F..&name=x"
    assert httpx.get(f"{arcway.stack.url}{path}").status_code == 404
    assert arcway.asked("..") == []


def test_clients_of_azure_are_bounded() -> None:
    clients = local_installation().azure
    for cached in (clients.connected_kubernetes, clients.resources, clients.pipeline.client):
        assert cached.cache_info().maxsize in range(1, 1001)
    subscription: Any = SimpleNamespace(providers=SimpleNamespace(get=lambda _: SimpleNamespace(as_dict=dict)))
    providers = Providers(lambda _: subscription)
    for number in range(3000):
        providers.state(f"subscription-{number}", "Microsoft.Kubernetes")
    assert len(providers._known) <= 1000


# --- settings ------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_the_text_form_of_the_settings() -> None:
    secret = "hunter2hunter2"
    settings = read_settings(
        {
            **LOCAL,
            "ServiceBusConnection": f"Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey={secret}",
            "HTTPS_PROXY": f"http://user:{secret}@proxy.example",
        }
    )
    assert secret not in repr(settings)
    assert secret not in str(settings)


@pytest.mark.parametrize(
    "url", ["https://:pw@arm.example", "https://@arm.example", "https://user@arm.example", "https://"]
)
@pytest.mark.parametrize("name", ["ARCWAY_ARM_ENDPOINT", "ARCWAY_VAULTS", "ARCWAY_AUTHORITY", "ARCWAY_REGISTRIES"])
def test_addresses_in_settings_have_no_user(name: str, url: str) -> None:
    ids = {"ARCWAY_TENANT_ID": str(uuid.uuid4()), "ARCWAY_CLIENT_ID": str(uuid.uuid4())}
    value = url.removeprefix("https://") or "/" if name == "ARCWAY_REGISTRIES" else url
    with pytest.raises(SettingsError, match=name):
        read_settings({**LOCAL, **ids, name: value})


# --- over HTTP and the queue ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", ["0s", "1h", "23h", "0d", "59m", "86399s"])
def test_runs_are_kept_for_a_day(
    arcway: Arcway,  # noqa: F811
    cluster: SimulatedCluster,  # noqa: F811
    age: str,
) -> None:
    started = arcway.start(arcway.request(cluster, kubeconfig={"secret": "arcway-missing"})).json()["id"]
    arcway.finish(started)
    answer = arcway.http.post("/runs/purge", params={"olderThan": age})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "olderThan")
    assert arcway.http.get(f"/runs/{started}").status_code == 200


async def test_older_runs_are_removed() -> None:
    requests: list[Any] = []

    async def record_purge(**query: Any) -> Any:
        requests.append(query["created_time_to"])
        return SimpleNamespace(deleted_instance_count=3)

    client: Any = SimpleNamespace(purge_orchestrations_by=record_purge)
    request = func.HttpRequest("POST", "http://127.0.0.1/api/runs/purge", params={"olderThan": "24h"}, body=b"")
    answer = await ROUTES["runs/purge"]["POST"][1](request, invocation(client), LOCAL_CALLER)
    assert json.loads(answer.get_body()) == {"purged": 3}
    assert datetime.now(UTC) - requests[0] >= timedelta(days=1)


def test_headers_from_outside_are_not_repeated(arcway: Arcway, cluster: SimulatedCluster) -> None:  # noqa: F811
    body = arcway.request(cluster, kubeconfig={"secret": "arcway-missing"})
    for value in ("١٢٣٤٥٦٧٨", "short", "a" * 65, "abc defgh"):
        headers = [(b"x-ms-correlation-request-id", value.encode())]
        answer = arcway.http.post("/onboardings", json=body, headers=headers)
        run = arcway.finish(answer.json()["id"])
        assert re.fullmatch("[0-9A-Za-z-]{8,64}", run["correlationId"])
        assert value not in run["correlationId"]
    answer = arcway.http.post("/onboardings", json=body, headers=[(b"Idempotency-Key", "clé".encode())])
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    "properties",
    [
        {"application_properties": {"traceparent": 5}},
        {"application_properties": {"traceparent": True}},
        {"application_properties": {"Diagnostic-Id": "x\r\ny"}},
        {"message_id": "é" * 128},
        {"message_id": "x" * 128},
        {"message_id": "a\nb"},
    ],
    ids=str,
)
def test_a_message_with_odd_properties_is_answered_once(bus: Bus, properties: dict[str, Any]) -> None:  # noqa: F811
    correlation = bus.send({"operation": "explode"}, **properties)
    (heard,) = bus.heard(correlation)
    assert (kind(heard), event(heard)["data"]["error"]["code"]) == ("rejected", Code.INVALID_FIELDS)
    assert event(heard)["data"]["messageId"].isprintable()
    bus.settle()


def test_a_correlation_id_of_a_message_is_plain_or_a_new_one(
    arcway: Arcway,  # noqa: F811
    bus: Bus,  # noqa: F811
    cluster: SimulatedCluster,  # noqa: F811
) -> None:
    message_id = str(uuid.uuid4())
    body = arcway.request(cluster, kubeconfig={"secret": "arcway-missing"}, name="odd-origin")
    bus.send({**body, "surprise": 1}, message_id=message_id, correlation_id="a\r\nb: c d e")
    heard = None
    while heard is None:  # other runs' events come in between; the test's time limit is the end
        for item in bus._receiver.receive_messages(50, max_wait_time=1):
            bus._receiver.complete_message(item)
            bus._seen.add(item.sequence_number or 0)
            if event(item)["data"].get("messageId") == message_id:
                heard = item
    assert re.fullmatch("[0-9A-Za-z-]{8,64}", str(heard.correlation_id))


def test_a_message_with_thousands_of_wrong_fields_is_answered(bus: Bus) -> None:  # noqa: F811
    body = json.dumps({f"f{number}": 0 for number in range(5000)}, separators=(",", ":")).encode()
    correlation = bus.send(body)
    (heard,) = bus.heard(correlation)
    details = event(heard)["data"]["error"]["details"]
    assert len(details) == 51
    assert re.fullmatch(r"\d+ more not shown", details[-1]["message"])
    bus.settle()


def test_both_ways_refuse_control_characters_alike(
    arcway: Arcway,  # noqa: F811
    bus: Bus,  # noqa: F811
    cluster: SimulatedCluster,  # noqa: F811
) -> None:
    body = arcway.request(cluster, tags={"team": "a\x1b[31mb", "x\u202e": "y"})
    answer = arcway.start(body)
    (heard,) = bus.heard(bus.send(body))
    error = event(heard)["data"]["error"]
    for code, details in ((answer.json()["code"], answer.json()["details"]), (error["code"], error["details"])):
        assert code == Code.INVALID_FIELDS
        assert {item["field"] for item in details} == {"tags.team", "tags"}
    assert "\x1b" not in answer.text
