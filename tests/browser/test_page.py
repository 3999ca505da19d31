"""The status page in a browser: what people do with it, from the sign-in to the sign-out."""

import json
import re
from functools import partial
from urllib.parse import quote

from playwright.sync_api import FilePayload, Page, Route, expect

from tests.browser.conftest import OLD_RUNS, Opener, Site
from tests.browser.journal import HOSTILE, SUBSCRIPTION
from tests.e2e.conftest import SimulatedCluster

_RUN_URL = re.compile(r"/api/page/runs/(cluster|check)-[0-9a-f]{26}\.[0-9a-f]{12}$")


def state_of(page: Page, state: str) -> None:
    """Wait until the run that is shown has this state."""
    expect(page.locator("#run > .summary .state")).to_have_text(state, timeout=240_000)


def fill_in(page: Page, name: str, subscription: str, **extra_fields: str) -> None:
    """Fill in the start form but for the kubeconfig."""
    fields = {"Name": name, "Resource group": "clusters", "Location": "eastus", "Subscription": subscription}
    for label, line in {**fields, **extra_fields}.items():
        page.get_by_label(re.compile(rf"^{label}( \(required\))?$")).fill(line)
    page.get_by_label("Create the resource group").check()


def two_contexts(cluster: SimulatedCluster) -> str:
    """A kubeconfig whose current context leads nowhere and whose second one to the cluster."""
    kubeconfig = cluster.kubeconfig
    right = {"name": "the <b>right</b> one", "context": kubeconfig["contexts"][0]["context"]}
    wrong = {"name": "wrong", "context": {"cluster": "nowhere", "user": "nobody"}}
    return json.dumps({**kubeconfig, "contexts": [wrong, right], "current-context": "wrong"})


def test_from_sign_in_over_connect_and_disconnect_to_sign_out(visit: Opener, site: Site) -> None:
    cluster, subscription = site.cluster(), site.arcway("onboarder").subscription
    page = visit("admin", "/start", sign_in=True)
    expect(page).to_have_title("Connect a cluster · Arcway")
    fill_in(page, f"b-{cluster.name}", subscription)
    file = FilePayload(name="config", mimeType="text/yaml", buffer=two_contexts(cluster).encode())
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Context").and_(page.locator("select")).select_option("the <b>right</b> one")
    page.get_by_text("More options").click()
    page.get_by_label("Tags").fill(f"said={HOSTILE[:60]}")
    page.get_by_role("button", name="Check the cluster").click()

    expect(page).to_have_url(_RUN_URL)
    state_of(page, "Succeeded")
    page.get_by_role("button", name="Connect this cluster").click()
    expect(page).to_have_url(re.compile(r"/runs/cluster-"))
    page.evaluate("window.isTheSame = true")
    state_of(page, "Succeeded")
    expect(page.get_by_role("definition").filter(has_text=re.compile("^Connected$"))).to_be_visible()
    expect(page.get_by_text(f"said={HOSTILE[:60]}")).to_be_visible()
    assert page.evaluate("window.isTheSame"), "the page was loaded again"
    assert "data-refresh" not in page.content()

    page.get_by_role("link", name="The agents now").click()
    expect(page.get_by_text("All agents are healthy.")).to_be_visible()
    page.goto(f"{site.page}/clusters?subscription={subscription}")
    row = page.get_by_role("row").filter(has_text=f"b-{cluster.name}")
    expect(row).to_contain_text("Connected")
    row.get_by_role("link", name="disconnect").click()
    expect(page.get_by_label("Secret with the kubeconfig")).to_have_value(re.compile("^arcway-kubeconfig-"))
    page.get_by_role("button", name="Disconnect").click()
    state_of(page, "Succeeded")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"offboard b-{cluster.name}")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Simulated sign-in")).to_be_visible()


def test_what_is_wrong_with_the_form_is_said_before_anything_is_kept(visit: Opener, site: Site) -> None:
    cluster = site.cluster()
    page = visit("onboarder", "/start")
    fill_in(page, "no/name", "nobody's", Location="eastus")
    kubeconfig = cluster.kubeconfig
    user = {"name": kubeconfig["users"][0]["name"], "user": {"exec": {"command": "/bin/sh"}}}
    page.get_by_label("or pasted text").fill(json.dumps({**kubeconfig, "users": [user]}))
    page.get_by_role("button", name="Check the cluster").click()
    wrong = page.get_by_role("alert").filter(has_text="Correct these fields")
    for field in ("name:", "subscriptionId:", "kubeconfig.user.exec:"):
        expect(wrong).to_contain_text(field)
    expect(page.get_by_label("Resource group", exact=False).first).to_have_value("clusters")
    expect(page.get_by_label("or pasted text")).to_have_value("")
    assert "/bin/sh" not in page.content()
    named = page.locator("#name")
    expect(named).to_have_attribute("aria-invalid", "true")


def test_a_failed_run_says_what_to_do_and_is_tried_again(visit: Opener, site: Site) -> None:
    olga, cluster = site.arcway("onboarder"), site.cluster()
    request = olga.request(cluster, createResourceGroup=False, resourceGroup="nowhere")
    failed = olga.finish(olga.start(request).json()["id"])
    page = visit("onboarder", f"/runs/{failed['id']}")
    state_of(page, "Failed")
    problem = page.get_by_role("region", name=failed["error"]["code"])
    expect(problem).to_contain_text(failed["error"]["message"])
    expect(problem).to_contain_text(failed["error"]["remedy"])
    page.get_by_role("link", name="Retry").click()
    page.get_by_role("button", name="Retry").click()
    expect(page).not_to_have_url(re.compile(re.escape(failed["id"])))
    state_of(page, "Failed")
    page.goto(f"{site.page}/runs/{failed['id']}")
    page.get_by_role("link", name=re.compile("^Run cluster-")).click()
    state_of(page, "Failed")


def test_a_run_is_canceled(visit: Opener, site: Site) -> None:
    olga, cluster = site.arcway("onboarder"), site.cluster()
    busy = {"path": f"{olga.subscription}/.*/connectedClusters/", "method": "PUT", "times": 100, "status": 429}
    site.signed.azure.put("faults", [{**busy, "headers": {"Retry-After": "60"}}])
    started = olga.start(olga.request(cluster)).json()
    page = visit("onboarder", f"/runs/{started['id']}")
    expect(page.get_by_role("row", name="createResource")).to_contain_text("Retrying", timeout=240_000)
    expect(page.get_by_role("row", name="createResource")).to_contain_text("next at")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    state_of(page, "Canceled")
    expect(page.get_by_text("by Olga Onboarder").nth(1)).to_be_visible()
    expect(page.get_by_role("link", name="Cancel")).to_have_count(0)


def test_an_overview_of_500_runs_is_filtered_and_paged_and_stays_put(visit: Opener, site: Site) -> None:
    page = visit("reader")
    expect(page.locator("caption")).to_contain_text("1 to 50 of 5")
    page.get_by_label("Name or resource group").press_sequentially("shop-49")
    expect(page.locator("caption")).to_contain_text("1 to 10 of 10 runs matching the filter")
    expect(page.get_by_label("Name or resource group")).to_be_focused()
    page.get_by_label("Name or resource group").fill("shop-")
    page.get_by_label("State", exact=True).select_option("Failed")
    expect(page.locator("caption")).to_contain_text("1 to 50 of 50 runs matching the filter")
    page.get_by_label("State", exact=True).select_option("Succeeded")
    expect(page.locator("caption")).to_contain_text(f"1 to 50 of {OLD_RUNS * 8 // 10} runs matching the filter")
    older = page.get_by_role("link", name="Older")
    older.click()
    expect(page.locator("caption")).to_contain_text("51 to 100 of")
    page.get_by_role("link", name="Skip to the content").press("Enter")
    older.focus()
    page.evaluate("window.scrollTo(0, 400)")
    page.evaluate("document.getElementById('runs').firstElementChild.id = 'before'")
    page.evaluate("htmx.trigger('#runs', 'refresh')")
    expect(page.locator("#before")).to_have_count(0)
    expect(older).to_be_focused()
    assert page.evaluate("window.scrollY") == 400
    expect(page.locator("caption")).to_contain_text("51 to 100 of")
    page.go_back()
    page.go_back()
    expect(page.locator("caption")).to_contain_text("1 to 50 of")


def _answer(status: int, route: Route) -> None:
    """What a platform's front end returns while the service behind it starts."""
    route.fulfill(status=status, body="starting")


def test_a_page_refreshes_while_it_is_visible_and_says_when_it_cannot(visit: Opener, site: Site) -> None:
    page = visit("reader")
    page.clock.install()
    page.reload()
    sent: list[str] = []
    page.on("requestfinished", lambda request: sent.append(request.url))
    with page.expect_response(f"{site.page}**"):
        page.clock.run_for(6_000)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    count_before = len(sent)
    page.clock.run_for(60_000)
    assert len(sent) == count_before
    with page.expect_response(f"{site.page}**"):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    stale = page.get_by_role("alert").filter(has_text="Arcway does not respond")
    expect(stale).to_be_hidden()
    page.route("**/api/page", lambda route: route.abort())
    page.clock.run_for(6_000)
    expect(stale).to_be_visible()
    page.unroute("**/api/page")
    page.clock.run_for(6_000)
    expect(stale).to_be_hidden()
    for status in (502, 503, 504):
        page.route("**/api/page", partial(_answer, status))
        page.clock.run_for(6_000)
        expect(stale).to_be_visible()
        expect(page.locator("caption")).to_be_visible()
        page.unroute("**/api/page")
        page.clock.run_for(6_000)
        expect(stale).to_be_hidden()
    page.context.clear_cookies()
    page.clock.run_for(6_000)
    expect(page.get_by_role("heading", name="Simulated sign-in")).to_be_visible()


def test_hostile_texts_are_just_texts(visit: Opener, site: Site) -> None:
    page = visit("admin", f"/runs/{site.hostile}")
    state_of(page, "Failed")
    assert page.locator("#run").get_by_text(HOSTILE).count() >= 8
    expect(page.locator("header .viewer span")).to_have_text(f"Ada Admin {HOSTILE}")
    for path in (f"?q={quote(HOSTILE)}", f"/{quote(HOSTILE, safe='')}", f"/clusters?subscription={quote(HOSTILE)}"):
        answer = page.request.get(f"{site.page}{path}")
        assert "<img src=x" not in answer.text(), path
    page.goto(f"{site.page}?q={quote(HOSTILE[:100])}")
    expect(page.get_by_label("Name or resource group")).to_have_value(HOSTILE[:100])
    page.goto(f"{site.page}/disconnect?subscription={SUBSCRIPTION}&group=groupe.%C3%A9&name={quote(HOSTILE)}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0
    assert page.title().startswith(f"Disconnect {HOSTILE}")


def test_everything_can_be_read_and_filtered_without_javascript(visit: Opener, site: Site) -> None:
    page = visit("admin", java_script_enabled=False)
    page.get_by_label("Name or resource group").fill("shop-008")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("caption")).to_contain_text("1 to 1 of 1 run matching the filter")
    page.get_by_role("link", name="shop-008").click()
    state_of(page, "Failed")
    expect(page.get_by_role("row", name="checkCluster")).to_contain_text("20s")
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_label("Only from Azure").check()
    page.get_by_role("button", name="Disconnect").click()
    expect(page).to_have_url(_RUN_URL)
    page.get_by_role("link", name="Connected clusters").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connected clusters")


def test_buttons_are_for_those_who_hold_the_role(visit: Opener, site: Site) -> None:
    page = visit("reader", f"/runs/{site.hostile}")
    state_of(page, "Failed")
    expect(page.locator(".actions")).to_have_count(0)
    expect(page.get_by_role("link", name="Connect a cluster")).to_have_count(0)
    assert page.request.get(f"{site.page}/start").status == 403
    assert page.request.get(f"{site.page}/runs/{site.hostile}/retry").status == 403
    page = visit("offboarder", f"/runs/{site.hostile}")
    expect(page.locator(".actions")).to_have_text(re.compile(r"^\s*Disconnect\s*$"))
