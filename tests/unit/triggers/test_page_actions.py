"""The page's buttons and forms, from the request to what the engine receives, and the headers of every page."""

from typing import Any

import azure.functions as func
import pytest
from durabletask.client import OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.fleets.document import status_of
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import ClusterId, fleet_instance
from arcway.domain.json_values import Json
from tests.unit.triggers.pages import Page, text
from tests.unit.triggers.task_hub import BODY, PLACE, SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role
from triggers.page import responses

SHOP = ClusterId(SUBSCRIPTION, "clusters", "shop")
DEFAULTS: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "azureOnly": True}


@pytest.fixture
def page(hub: TaskHub) -> Page:
    return Page(hub, *Role)


async def run_of(hub: TaskHub, route: str = "POST onboardings", body: Json = BODY) -> Json:
    run: Json = (await Api(hub, *Role).send(route, body=body)).body
    return run


async def test_every_page_has_the_headers_that_keep_browsers_from_misusing_it(page: Page) -> None:
    for route, status in (("GET page", 200), ("PUT page", 405), ("GET page/{*path}", 404)):
        response = await page.send(route)
        assert response.status_code == status
        assert response.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        )
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert (response.mimetype, response.charset) == ("text/html", "utf-8")
    assert (await page.send("PUT page")).headers["Allow"] == "GET"
    assert "Allow" not in (await page.send("GET page/{*path}")).headers


async def test_who_is_not_signed_in_is_led_to_the_sign_in(hub: TaskHub) -> None:
    response = await Page(hub).send("GET page/clusters")
    assert (response.status_code, response.headers["Location"]) == (
        302,
        "/api/page/sign-in?to=%2Fapi%2Fpage%2Fclusters",
    )
    response = await Page(hub).send("GET page/clusters", HX_Request="true")
    assert (response.status_code, response.headers["HX-Refresh"]) == (200, "true")
    assert response.headers["Cache-Control"] == "no-store"
    response = await Page(hub).send("POST page/disconnect")
    assert response.status_code == 401


async def test_a_form_without_the_viewers_token_changes_nothing(page: Page, hub: TaskHub) -> None:
    run = await run_of(hub)
    attempts: list[tuple[Json, Any]] = [
        ({"csrf": "x"}, {}),
        ({"csrf": ""}, {}),
        ({}, {"Origin": "https://evil.example"}),
    ]
    for form, headers in attempts:
        response = await page.send("POST page/runs/{id}/cancel", path={"id": run["id"]}, form=form, **headers)
        assert response.status_code == 403
    assert not hub.events


async def test_an_unexpected_error_is_a_page_without_its_text(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> func.HttpResponse:
        raise RuntimeError("password=hunter2hunter2")

    request = func.HttpRequest("GET", "http://127.0.0.1/api/page", body=b"")
    response = await responses.dispatch_page(request, page.invocation, {"GET": (frozenset(), broken)})
    assert response.status_code == 500
    assert Code.INTERNAL_ERROR in text(response)
    assert "hunter2" not in text(response) + caplog.text
    assert "GET of the page failed: RuntimeError: " in caplog.text


async def test_a_run_is_canceled_after_a_question(page: Page, hub: TaskHub) -> None:
    run = await run_of(hub)
    question = text(await page.send("GET page/runs/{id}/cancel", path={"id": run["id"]}))
    assert "Cancel onboard of shop?" in question
    assert f"/api/page/runs/{run['id']}/cancel" in question
    assert not hub.events
    response = await page.send("POST page/runs/{id}/cancel", path={"id": run["id"]})
    assert (response.status_code, response.headers["Location"]) == (303, f"/api/page/runs/{run['id']}")
    by = {"name": "Olga", "objectId": "x"}
    assert hub.events == [(hub.only.instance_id, "cancel", {"run": run["id"], "by": by})]
    hub.end(hub.only.instance_id)
    assert (await page.send("POST page/runs/{id}/cancel", path={"id": run["id"]})).status_code == 303
    assert len(hub.events) == 1


async def test_a_run_that_did_not_succeed_is_retried_after_a_question(page: Page, hub: TaskHub) -> None:
    run, place = await run_of(hub), "page/runs/{id}/retry"
    assert (await page.send(f"POST {place}", path={"id": run["id"]})).headers["Location"].endswith(run["id"])
    hub.end(hub.only.instance_id)
    assert (await page.send(f"POST {place}", path={"id": run["id"]})).headers["Location"].endswith(run["id"])
    hub.end(hub.only.instance_id, "Failed")
    assert "Retry onboard of shop?" in text(await page.send(f"GET {place}", path={"id": run["id"]}))
    response = await page.send(f"POST {place}", path={"id": run["id"]})
    later = f"{hub.only.instance_id}.{hub.only.payload['runId']}"
    assert later != run["id"]
    assert response.headers["Location"] == f"/api/page/runs/{later}"
    assert hub.only.payload["startedBy"] == {"name": "Olga", "objectId": "x"}


@pytest.mark.parametrize("action", ["cancel", "retry"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_button_needs_the_role_of_the_runs_operation(hub: TaskHub, action: str, method: str) -> None:
    run = await run_of(hub)
    response = await Page(hub, Role.READ, Role.OFFBOARD).send(
        f"{method} page/runs/{{id}}/{action}", path={"id": run["id"]}
    )
    assert response.status_code == 403
    assert not hub.events


async def test_a_cluster_is_connected_as_it_was_checked(page: Page, hub: TaskHub) -> None:
    check = await run_of(hub, body={**BODY, "operation": "check", "tags": {"a": "b"}})
    instance = SHOP.instance("check")
    response = await page.send("POST page/runs/{id}/connect", path={"id": check["id"]})
    run = hub.instances[SHOP.instance()]
    assert response.headers["Location"] == f"/api/page/runs/{run.instance_id}.{run.payload['runId']}"
    assert (run.payload["operation"], run.payload["request"]["tags"]) == ("onboard", {"a": "b"})
    assert (run.payload["requestKey"], run.payload["correlationId"]) == (check["id"], check["correlationId"])
    again = await page.send("POST page/runs/{id}/connect", path={"id": check["id"]})
    assert again.headers["Location"] == response.headers["Location"]
    hub.end(instance, "Failed")
    response = await page.send("POST page/runs/{id}/connect", path={"id": check["id"]})
    assert (response.status_code, Code.CHECK_NOT_SUCCESSFUL in text(response)) == (409, True)
    onboarding = f"{run.instance_id}.{run.payload['runId']}"
    hub.end(run.instance_id)
    response = await page.send("POST page/runs/{id}/connect", path={"id": onboarding})
    assert response.status_code == 409


async def test_a_form_disconnects_a_cluster(page: Page, hub: TaskHub) -> None:
    form = {**PLACE, "name": " shop ", "kubeconfig": "arcway-shop", "context": "north", "force": "true"}
    response = await page.send("POST page/disconnect", form=form)
    run = hub.only
    assert response.headers["Location"] == f"/api/page/runs/{run.instance_id}.{run.payload['runId']}"
    request = run.payload["request"]
    assert (run.payload["operation"], request["name"], request["force"]) == ("offboard", "shop", True)
    assert (request["kubeconfig"]["secret"], request["kubeconfig"]["context"]) == ("arcway-shop", "north")
    assert not request["azureOnly"]
    hub.instances.clear()
    await page.send("POST page/disconnect", form={**form, "azureOnly": "true"})
    assert (hub.only.payload["request"]["azureOnly"], hub.only.payload["request"].get("kubeconfig")) == (True, None)
    hub.instances.clear()
    response = await page.send("POST page/disconnect", form={**PLACE, "name": "a/b", "kubeconfig": "not ours"})
    assert response.status_code == 400
    assert "not ours" in text(response)
    assert not hub.instances


async def test_the_form_to_disconnect_proposes_the_last_runs_kubeconfig(page: Page, hub: TaskHub) -> None:
    query = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
    assert "arcway-shop" not in text(await page.send("GET page/disconnect", query=query))
    await run_of(hub)
    assert "arcway-shop" in text(await page.send("GET page/disconnect", query=query))
    hub.only.payload["request"]["kubeconfig"]["temporary"] = True
    assert "arcway-shop" not in text(await page.send("GET page/disconnect", query=query))
    response = await page.send("GET page/disconnect", query={"name": "shop"})
    assert response.status_code == 400
    hub.is_down = True
    assert (await page.send("GET page/disconnect", query=query)).status_code == 503


@pytest.mark.parametrize(
    ("action", "form", "command"),
    [
        ("pause", {}, {"name": "pause"}),
        ("resume", {}, {"name": "resume"}),
        ("cancel", {"running": "cancel"}, {"name": "cancel", "running": "cancel"}),
        ("cancel", {"running": "x"}, {"name": "cancel", "running": "finish"}),
        ("retry", {"code": "ARC-5008"}, {"name": "retry", "members": None, "codes": ["ARC-5008"]}),
        ("retry", {"code": "x"}, {"name": "retry", "members": None, "codes": None}),
    ],
)
async def test_a_button_commands_a_fleet(page: Page, hub: TaskHub, action: str, form: Json, command: Json) -> None:
    body = {"fleet": "shops", "operation": "offboard", "defaults": DEFAULTS, "members": [{"name": "a"}]}
    fleet = (await Api(hub, *Role).send("POST fleets", body=body)).body
    hub.fail_member("shops", "ARC-5008")
    route, path = f"POST page/fleets/{{id}}/{action}", {"id": fleet["id"]}
    assert (await Page(hub, Role.READ, Role.ONBOARD).send(route, path=path, form=form)).status_code == 403
    assert not hub.events
    response = await page.send(route, path=path, form=form)
    assert (response.status_code, response.headers["Location"]) == (303, f"/api/page/fleets/{fleet['id']}")
    ((instance, _, data),) = hub.events
    assert instance == fleet_instance("shops")
    assert {name: data[name] for name in command} == command
    assert data["by"] == {"name": "Olga", "objectId": "x"}


async def test_a_check_that_has_ended_has_no_button_to_retry(page: Page, hub: TaskHub) -> None:
    body = {"fleet": "shops", "operation": "offboard", "defaults": DEFAULTS, "members": [{"name": "a"}]}
    check = (await Api(hub, *Role).send("POST fleets", body=body, query={"dryRun": "true"})).body
    instance = hub.instances[fleet_instance("shops/check")]
    state = FleetState.of(instance.payload)
    state.advance(0)
    ((index, attempt),) = state.start(0)
    state.end(index, attempt, Report("Failed", code=Code.INTERNAL_ERROR), 1)
    instance.custom_status = status_of(instance.payload, state, 1, "Failed")
    instance.runtime_status = OrchestrationStatus.COMPLETED
    content = text(await page.send("GET page/fleets/{id}", path={"id": check["id"]}))
    assert "shops/check" in content
    assert f"/fleets/{check['id']}/retry" not in content
    # A fleet that does something has it.
    del instance.payload["checks"]
    content = text(await page.send("GET page/fleets/{id}", path={"id": check["id"]}))
    assert f"/fleets/{check['id']}/retry" in content
