"""What is around every page: who reads it, where it is, and what a form may be."""

import re
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.page.files import static_file
from tests.unit.cluster.test_contexts import CONFIG
from tests.unit.triggers.pages import Page, text
from tests.unit.triggers.task_hub import BODY, PLACE, SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role
from triggers.page import responses, views
from triggers.page.routes import ROUTES

CLUSTER = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}


@pytest.fixture
def page(hub: TaskHub) -> Page:
    return Page(hub, *Role)


async def ids(hub: TaskHub) -> tuple[str, str]:
    """A run and a fleet."""
    api = Api(hub, *Role)
    run = (await api.send("POST onboardings", body=BODY)).body["id"]
    defaults = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "azureOnly": True}
    fleet = {"fleet": "shops", "operation": "offboard", "defaults": defaults, "members": [{"name": "a"}]}
    return run, (await api.send("POST fleets", body=fleet)).body["id"]


@pytest.mark.parametrize(
    ("route", "section"),
    [
        ("page", "Runs"),
        ("page/runs/{id}", "Runs"),
        ("page/runs/{id}/cancel", "Runs"),
        ("page/runs/{id}/retry", "Runs"),
        ("page/fleets", "Fleets"),
        ("page/fleets/{id}", "Fleets"),
        ("page/fleets/{id}/cancel", "Fleets"),
        ("page/clusters", "Connected clusters"),
        ("page/disconnect", "Connected clusters"),
        ("page/start", "Connect a cluster"),
    ],
)
async def test_each_page_shows_the_viewer_and_where_it_is(
    page: Page, hub: TaskHub, monkeypatch: pytest.MonkeyPatch, route: str, section: str
) -> None:
    run, fleet = await ids(hub)
    path = {"id": fleet if "fleets" in route else run}

    async def nothing(*_: object) -> list[Any]:
        return []

    monkeypatch.setattr(TaskHub, "get_all_orchestration_states", nothing)
    query = CLUSTER if route == "page/disconnect" else {}
    document = text(await page.send(f"GET {route}", path=path, query=query))
    assert re.findall(r'aria-current="page">([^<]*)<', document) == [section]
    assert "<span>Olga</span>" in document
    assert '<a href="/api/page/start"' in document
    if "csrf" in document:
        assert set(re.findall(r'name="csrf" value="([^"]*)"', document)) == {"token"}
    reader = Page(hub, Role.READ)
    if (await reader.send(f"GET {route}", path=path, query=query)).status_code == 200:
        assert '<a href="/api/page/start"' not in text(await reader.send(f"GET {route}", path=path, query=query))


async def test_a_form_that_is_refused_keeps_its_place_and_names_its_fields(page: Page) -> None:
    form = {**PLACE, "name": "a/b", "kubeconfig": "not ours", "context": "north"}
    document = text(await page.send("POST page/disconnect", form=form))
    assert re.findall(r'aria-current="page">([^<]*)<', document) == ["Connected clusters"]
    assert re.search(r'name="kubeconfig" value="not ours"', document)
    assert re.search(r'name="context" value="north"', document)
    assert 'id="kubeconfig-problem-1"' in document


async def test_each_button_is_pressed_once(page: Page, hub: TaskHub) -> None:
    """Two forms are two runs, if the first one has ended; the key of each is its own."""
    form = {**PLACE, "azureOnly": "true"}
    await page.send("POST page/disconnect", form=form)
    key = hub.only.payload["requestKey"]
    hub.end(hub.only.instance_id)
    await page.send("POST page/disconnect", form=form)
    assert len(key) == 36
    assert hub.only.payload["requestKey"] not in (key, None)


async def test_a_head_is_answered_as_a_get_is(page: Page) -> None:
    request = func.HttpRequest("HEAD", "http://127.0.0.1/api/page/start", body=b"")
    response = await responses.dispatch_page(request, page.invocation, ROUTES["page/start"])
    assert response.status_code == 200


async def test_a_form_has_limits(page: Page) -> None:
    large = await page.send("POST page/start", form={"kubeconfig": "x" * (480 * 1024)})
    assert (large.status_code, Code.BODY_TOO_LARGE in text(large)) == (413, True)
    assert "Send a kubeconfig that has only the cluster&#39;s context." in text(large)
    many = await page.send("POST page/start", form={f"field{number}": "x" for number in range(101)})
    assert many.status_code == 413
    assert "The form has more than 100 fields." in text(many)


def multipart(**parts: tuple[str, bytes]) -> tuple[bytes, str]:
    body = b"".join(
        b'--limit\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="%s"' % file.encode() if file else b"", content)
        for name, (file, content) in parts.items()
    )
    return body + b"--limit--\r\n", "multipart/form-data; boundary=limit"


@pytest.mark.parametrize(
    ("content", "offered"),
    [
        (repr(CONFIG).replace("'", '"').encode(), True),
        (repr(CONFIG).replace("'", '"').encode("utf-16"), True),
        (b"\xff\xfe\x00", False),
        (b"\x80abc", False),
    ],
)
async def test_a_kubeconfig_is_a_file(page: Page, content: bytes, offered: bool) -> None:
    body, media_type = multipart(csrf=("", b"token"), kubeconfigFile=("config", content))
    headers = {"Content-Type": media_type}
    request = func.HttpRequest("POST", "http://127.0.0.1/api/page/start/contexts", headers=headers, body=body)
    response = await responses.dispatch_page(request, page.invocation, ROUTES["page/start/contexts"])
    document = text(response)
    assert response.status_code == 200
    assert ('<option value="two" selected>two (current)</option>' in document) is offered
    assert ("The kubeconfig is not text in UTF-8 or UTF-16." in document) is not offered


async def test_the_overview_is_filtered(page: Page, hub: TaskHub) -> None:
    run, _ = await ids(hub)
    for instance in hub.instances.values():
        instance.created_at = instance.last_updated_at = datetime.now(UTC)

    async def shown(**query: str) -> bool:
        return f'id="run-{run}"' in text(await page.send("GET page", query=query))

    hub.instances = {name: item for name, item in hub.instances.items() if name == run.partition(".")[0]}
    assert await shown()
    assert await shown(q="shop", operation="onboard")
    assert not await shown(q="other")
    assert not await shown(operation="offboard")
    assert not await shown(state="Failed")


async def test_agents_are_shown_by_the_last_runs_kubeconfig(
    page: Page, hub: TaskHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def agents_of(_installation: Any, cluster: Any, reference: Any, user: Any) -> Json:
        asked.append((cluster.name, reference.secret, user.object_id))
        raise ArcError(Code.AGENTS_NOT_INSTALLED)

    monkeypatch.setattr(queries, "agents_of", agents_of)
    await Api(hub, *Role).send("POST onboardings", body=BODY)
    response = await page.send("GET page/agents", query=CLUSTER)
    assert Code.AGENTS_NOT_INSTALLED in text(response)
    assert asked == [("shop", "arcway-shop", hub.only.payload["startedBy"]["objectId"])]
    missing = await page.send("GET page/agents", query={"group": "clusters"})
    assert missing.status_code == 400
    assert "subscription" in text(missing)


def test_a_static_file_is_cached_by_its_content() -> None:
    file = static_file("page.css")
    assert file is not None

    def get(method: str = "GET", name: str = "page.css", version: str = "", tag: str = "") -> func.HttpResponse:
        headers = {"If-None-Match": tag} if tag else {}
        params, place = {"v": version}, "http://127.0.0.1/api/page/static/x"
        return views.static(
            func.HttpRequest(method, place, headers=headers, params=params, route_params={"file": name}, body=b"")
        )

    tag = f'"{file.version}"'
    assert (get().status_code, get().headers["ETag"], get().headers["Cache-Control"]) == (200, tag, "no-cache")
    assert (get().get_body(), get().mimetype, get().charset) == (file.content, "text/css", "utf-8")
    assert get(version=file.version).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (get(tag=tag).status_code, get(tag=tag).headers["ETag"], get(tag=tag).get_body()) == (304, tag, b"")
    assert get(tag='"x"').status_code == 200
    assert get("HEAD").status_code == 200
    assert (get("POST").status_code, get("POST").headers["Allow"]) == (405, "GET")
    assert get(name="../secret").status_code == 404
