"""What pages show of runs, connected clusters and fleets, and what they offer to whom."""

import re
from typing import Any

import pytest

from arcway import queries
from arcway.domain.ids import ClusterId, fleet_instance
from arcway.domain.json_values import Json
from tests.unit.triggers.pages import Page, text
from tests.unit.triggers.task_hub import BODY, PLACE, SUBSCRIPTION, Api, TaskHub
from triggers.access.callers import Role

QUERY = f"?subscription={SUBSCRIPTION}&amp;group=clusters&amp;name=shop"
RESOURCE: Json = {
    "id": ClusterId(SUBSCRIPTION, "clusters", "shop").resource_id,
    "name": "shop",
    "properties": {
        "connectivityStatus": "Connected",
        "kubernetesVersion": "1.34.1",
        "agentVersion": "1.29.3",
        "totalNodeCount": 3,
        "totalCoreCount": 12,
        "distribution": "k3s",
        "infrastructure": "generic",
        "oidcIssuerProfile": {"enabled": True, "issuerUrl": "https://issuer.example/a"},
        "gateway": {"enabled": True},
        "lastConnectivityTime": "2026-03-01T00:00:00Z",
        "managedIdentityCertificateExpirationTime": "2026-06-01T00:00:00Z",
    },
    "tags": {"team": "north", "odd": ""},
    "heartbeatAgeSeconds": 60,
    "certificateDaysLeft": 80,
}


@pytest.fixture
def page(hub: TaskHub) -> Page:
    return Page(hub, *Role)


async def started(hub: TaskHub, **fields: Any) -> str:
    return str((await Api(hub, *Role).send("POST onboardings", body={**BODY, **fields})).body["id"])


def buttons(document: str) -> list[tuple[str, str]]:
    """Label and address of each action."""
    actions = document.partition('<ul class="actions">')[2].partition("</ul>")[0]
    links = re.findall(r'<a class="button"[^>]* href="([^"]*)">([^<]*)</a>', actions)
    forms = re.findall(r'<form method="post" action="([^"]*)">.*?<button[^>]*>([^<]*)</button>', actions)
    return [(label, place) for place, label in (*forms, *links)]


def facts(document: str) -> dict[str, str]:
    return {name: re.sub("<[^>]*>", "", value) for name, value in re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", document)}


async def test_a_row_shows_what_azure_has(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = {**RESOURCE, "name": "bare", "properties": None, "heartbeatAgeSeconds": None, "certificateDaysLeft": None}
    monkeypatch.setattr(queries, "connected_clusters_in", lambda *_: [RESOURCE, bare])
    document = text(await page.send("GET page/clusters", query={"subscription": SUBSCRIPTION}))
    rows = dict(re.findall(r'<tr><th scope="row">(\w+).*?</th>(.*?)</tr>', document, re.DOTALL))
    cells = {
        name: dict(re.findall(r'data-label="(\w[\w ]*)">(?:<span[^>]*>)?([^<]*)', row)) for name, row in rows.items()
    }
    assert cells["shop"] | {"Actions": ""} == {
        "Resource group": "clusters",
        "Connectivity": "Connected",
        "Kubernetes": "1.34.1",
        "Agents": "1.29.3",
        "Nodes": "3",
        "Features": "OIDC issuer, gateway",
        "Heartbeat": "60s ago",
        "Certificate": "80 days",
        "Actions": "",
    }
    assert cells["bare"]["Connectivity"] == "unknown"
    empty = ("Kubernetes", "Agents", "Nodes", "Features", "Heartbeat", "Certificate")
    assert [cells["bare"][name] for name in empty] == [""] * 6
    for place in ("agents", "disconnect"):
        assert f'href="/api/page/{place}{QUERY}"' in rows["shop"]


async def test_a_run_shows_the_facts_of_its_result(page: Page, hub: TaskHub) -> None:
    run = await started(hub)
    assert "Kubernetes" not in facts(text(await page.send("GET page/runs/{id}", path={"id": run})))
    hub.end(hub.only.instance_id, result=RESOURCE)
    shown = facts(text(await page.send("GET page/runs/{id}", path={"id": run})))
    assert {name: shown[name] for name in ("Connectivity", "Kubernetes", "Agents", "Nodes", "Cores")} == {
        "Connectivity": "Connected",
        "Kubernetes": "1.34.1",
        "Agents": "1.29.3",
        "Nodes": "3",
        "Cores": "12",
    }
    assert (shown["Distribution"], shown["Infrastructure"], shown["Tags"]) == ("k3s", "generic", "team=north, odd=")
    assert (shown["Features in Azure"], shown["OIDC issuer"]) == ("OIDC issuer, gateway", "https://issuer.example/a")
    assert {"Last heartbeat", "Certificate until"} <= set(shown)


async def test_what_a_run_in_progress_offers(hub: TaskHub) -> None:
    run = await started(hub)
    document = text(await Page(hub, *Role).send("GET page/runs/{id}", path={"id": run}))
    assert buttons(document) == [("Cancel", f"/api/page/runs/{run}/cancel")]
    document = text(await Page(hub, Role.READ, Role.OFFBOARD).send("GET page/runs/{id}", path={"id": run}))
    assert buttons(document) == []


@pytest.mark.parametrize(
    ("state", "roles", "labels"),
    [
        ("Failed", tuple(Role), ["Retry", "Disconnect"]),
        ("Succeeded", tuple(Role), ["Disconnect"]),
        ("Failed", (Role.READ, Role.ONBOARD), ["Retry"]),
        ("Failed", (Role.READ, Role.OFFBOARD), ["Disconnect"]),
        ("Failed", (Role.READ,), []),
    ],
)
async def test_what_an_ended_run_offers(hub: TaskHub, state: str, roles: tuple[Role, ...], labels: list[str]) -> None:
    run = await started(hub)
    hub.end(hub.only.instance_id, state)
    document = text(await Page(hub, *roles).send("GET page/runs/{id}", path={"id": run}))
    places = {"Retry": f"/api/page/runs/{run}/retry", "Disconnect": f"/api/page/disconnect{QUERY}"}
    assert buttons(document) == [(label, places[label]) for label in labels]


@pytest.mark.parametrize(
    ("state", "roles", "labels"),
    [
        ("Succeeded", tuple(Role), ["Connect this cluster"]),
        ("Succeeded", (Role.READ, Role.OFFBOARD), []),
        ("Failed", tuple(Role), []),
    ],
)
async def test_what_a_check_offers(hub: TaskHub, state: str, roles: tuple[Role, ...], labels: list[str]) -> None:
    run = await started(hub, operation="check")
    hub.end(hub.only.instance_id, state)
    document = text(await Page(hub, *roles).send("GET page/runs/{id}", path={"id": run}))
    assert buttons(document) == [(label, f"/api/page/runs/{run}/connect") for label in labels]


async def test_a_disconnect_is_not_offered_again(page: Page, hub: TaskHub) -> None:
    run = (await Api(hub, *Role).send("POST offboardings", body={**PLACE, "azureOnly": True})).body["id"]
    hub.end(hub.only.instance_id)
    assert buttons(text(await page.send("GET page/runs/{id}", path={"id": run}))) == []


@pytest.mark.parametrize(
    ("action", "label", "consequence"),
    [
        (
            "cancel",
            "Cancel the run",
            "The run stops before its next step. Resources created so far are kept or rolled back, as the request"
            "&#39;s onFailure says.",
        ),
        ("retry", "Retry", "A new run of the same request continues from the current state."),
    ],
)
async def test_a_question_has_a_button_and_a_way_back(
    page: Page, hub: TaskHub, action: str, label: str, consequence: str
) -> None:
    run = await started(hub)
    document = text(await page.send(f"GET page/runs/{{id}}/{action}", path={"id": run}))
    assert f"<p>{consequence}</p>" in document
    assert f'<form method="post" action="/api/page/runs/{run}/{action}">' in document
    assert f'<button class="main">{label}</button> <a class="button" href="/api/page/runs/{run}">Back</a>' in document
    assert '<input type="hidden" name="csrf" value="token">' in document


async def test_the_form_to_disconnect_is_filled_in(page: Page, hub: TaskHub) -> None:
    query = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
    await started(hub, kubeconfig={"secret": "arcway-shop", "context": "north"})
    document = text(await page.send("GET page/disconnect", query=query))
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', document))
    assert {name: hidden[name] for name in PLACE} == PLACE
    assert re.search(r'name="kubeconfig" value="arcway-shop"', document)
    assert re.search(r'name="context" value="north"', document)


async def fleet_of(hub: TaskHub, size: int) -> str:
    """The id of a new fleet with this many members."""
    body = {
        "fleet": "shops",
        "operation": "offboard",
        "defaults": {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "azureOnly": True},
        "members": [{"name": f"shop-{number}"} for number in range(size)],
    }
    return str((await Api(hub, *Role).send("POST fleets", body=body)).body["id"])


async def test_a_fleet_that_waits(page: Page, hub: TaskHub) -> None:
    fleet = await fleet_of(hub, 3)
    document = text(await page.send("GET page/fleets/{id}", path={"id": fleet}))
    place = f"/api/page/fleets/{fleet}"
    assert buttons(document) == [("Pause", f"{place}/pause"), ("Cancel", f"{place}/cancel")]
    assert "0 of 3 members ended" in document
    assert '<rect class="member waiting" x="0.0%" y="0" width="100.0%" height="18"/>' in document
    assert re.findall(r'<tr><th scope="row">(?:<a[^>]*>)?([\w-]+)', document) == ["shop-0", "shop-1", "shop-2"]
    assert f'href="{place}?state=waiting#members"' in document
    reader = text(await Page(hub, Role.READ, Role.ONBOARD).send("GET page/fleets/{id}", path={"id": fleet}))
    assert buttons(reader) == []


async def test_members_are_chosen_by_state_and_code(page: Page, hub: TaskHub) -> None:
    fleet = await fleet_of(hub, 3)

    async def shown(**query: str) -> str:
        return text(await page.send("GET page/fleets/{id}", path={"id": fleet}, query=query))

    assert "Members: waiting" in await shown(state="waiting")
    assert f'href="/api/page/fleets/{fleet}?state=waiting#members" aria-current="true"' in await shown(state="waiting")
    assert "No member matches." in await shown(state="failed")
    assert "Members: ARC-5008" in await shown(code="ARC-5008")
    assert ">Members<" in await shown(state="<b>", code="x")


async def test_members_come_in_pages(page: Page, hub: TaskHub) -> None:
    fleet = await fleet_of(hub, 51)
    path = {"id": fleet}
    first = text(await page.send("GET page/fleets/{id}", path=path, query={"state": "waiting"}))
    following = f'href="/api/page/fleets/{fleet}?state=waiting&amp;begin=50#members"'
    assert following in first
    assert 'id="first-members"' not in first
    last = text(await page.send("GET page/fleets/{id}", path=path, query={"state": "waiting", "begin": "50"}))
    assert re.findall(r'<tr><th scope="row">(?:<a[^>]*>)?([\w-]+)', last) == ["shop-50"]
    assert 'id="next-members"' not in last
    assert f'id="first-members" href="/api/page/fleets/{fleet}?state=waiting#members"' in last
    for begin in ("52", "-1", "x", "1" * 6, "²"):
        assert (await page.send("GET page/fleets/{id}", path=path, query={"begin": begin})).status_code == 400


async def test_a_fleet_is_canceled_after_a_question(page: Page, hub: TaskHub) -> None:
    fleet = await fleet_of(hub, 3)
    document = text(await page.send("GET page/fleets/{id}/cancel", path={"id": fleet}))
    assert f'action="/api/page/fleets/{fleet}/cancel"' in document
    assert "3 members that wait or are parked will not be started." in document
    assert not hub.events
    viewer = Page(hub, Role.READ, Role.ONBOARD)
    assert (await viewer.send("GET page/fleets/{id}/cancel", path={"id": fleet})).status_code == 403


async def test_fleets_are_listed_with_their_states(page: Page, hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = await fleet_of(hub, 2)
    instance = hub.instances[fleet_instance("shops")]

    async def fleets(*_: object) -> list[Any]:
        return [instance]

    monkeypatch.setattr(TaskHub, "get_all_orchestration_states", fleets)
    document = text(await page.send("GET page/fleets"))
    assert f"/api/page/fleets/{fleet}" in document
    assert re.search(r"<tr>.*shops.*offboard.*</tr>", document, re.DOTALL)


async def test_extensions_and_configurations_are_shown_with_their_reasons(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = {"code": "ARC-5046", "level": "error", "message": "<i>no</i> path", "remedy": "Fix the path."}
    flux = {"name": "flux", "properties": {"extensionType": "microsoft.flux", "provisioningState": "Succeeded"}}
    source = {"gitRepository": {"url": "https://git.example/a"}, "kustomizations": {"b": {}, "a": {}}}
    properties = {"complianceState": "Non-Compliant", **source, "repositoryPublicKey": "ssh-rsa AAAA"}
    config = {"name": "config", "properties": properties, "failures": [reason]}
    monkeypatch.setattr(queries, "extensions_in", lambda *_: [{**flux, "failures": []}])
    monkeypatch.setattr(queries, "flux_configurations_in", lambda *_: [config, {**config, "properties": {}}])
    query = {"subscription": SUBSCRIPTION, "group": "clusters", "name": "shop"}
    document = text(await page.send("GET page/extensions", query=query))
    for words in ("microsoft.flux", "Non-Compliant", "https://git.example/a", "a, b", "ssh-rsa AAAA", "ARC-5046"):
        assert words in document
    assert "&lt;i&gt;no&lt;/i&gt; path" in document
    monkeypatch.setattr(queries, "extensions_in", lambda *_: [])
    monkeypatch.setattr(queries, "flux_configurations_in", lambda *_: [])
    empty = text(await page.send("GET page/extensions", query=query))
    assert ("has no extensions" in empty, "has no Flux configurations" in empty) == (True, True)
    refused = await page.send("GET page/extensions", query={**query, "subscription": "x"})
    assert refused.status_code == 400
