"""The pages of fleets in a browser: members as squares, causes of failures, and the buttons."""

import re
import uuid

from playwright.sync_api import Page, expect

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.browser.conftest import Opener, Site
from tests.browser.test_accessibility import PHONE, violations


def start(site: Site) -> Json:
    """A fleet of which two members succeed, others are parked, and some fail."""
    olga, clusters = site.arcway("onboarder"), [site.cluster() for _ in range(2)]
    members: list[Json] = [{"name": c.name, "kubeconfig": {"secret": c.secret}} for c in clusters]
    members += [{"name": f"away-{number}", "kubeconfig": {"secret": f"arcway-away-{number}"}} for number in range(3)]
    wrong = {"resourceGroup": "none", "createResourceGroup": False, "location": "nowhere"}
    members.append({"name": "wrong", "kubeconfig": {"secret": site.cluster().secret}, **wrong})
    body = {
        "fleet": f"page-{uuid.uuid4().hex[:6]}",
        "defaults": {
            "subscriptionId": olga.subscription,
            "resourceGroup": "clusters",
            "createResourceGroup": True,
            "location": "eastus",
        },
        "members": members,
    }
    fleet: Json = olga.http.post("/fleets", json=body).raise_for_status().json()
    return fleet


def shows(page: Page, state: str) -> None:
    expect(page.locator("#fleet > .summary .state")).to_have_text(state, timeout=240_000)


def counts(page: Page, **expected: int) -> None:
    for state, count in expected.items():
        expect(page.locator(f"#count-{state} b")).to_have_text(str(count), timeout=240_000)


def test_a_fleet_is_followed_paused_retried_and_canceled(visit: Opener, site: Site) -> None:
    fleet = start(site)
    page = visit("onboarder", "/fleets")
    page.get_by_role("link", name=fleet["name"]).click()
    counts(page, succeeded=2, parked=3, failed=1)
    expect(page.get_by_role("img")).to_have_attribute("aria-label", "2 succeeded, 1 failed, 3 parked")
    expect(page.locator(".squares path")).to_have_count(3)
    causes = page.get_by_role("region", name="Causes")
    expect(causes).to_contain_text(Code.SECRET_UNUSABLE)
    expect(causes).to_contain_text("Store the kubeconfig")
    page.get_by_role("button", name="Pause").click()
    shows(page, "Paused")
    expect(page.get_by_text("Olga Onboarder").nth(1)).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    shows(page, "Running")
    page.get_by_role("button", name=f"Retry the members with {Code.SECRET_UNUSABLE}").click()
    counts(page, parked=3)
    page.locator("#count-parked").click()
    expect(page.get_by_role("heading", name="Members: parked")).to_be_visible()
    expect(page.get_by_role("row", name="away-1")).to_contain_text(Code.SECRET_UNUSABLE)
    expect(page.get_by_role("row", name="wrong")).to_have_count(0)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the fleet, let runs finish").click()
    shows(page, "Canceled")
    counts(page, canceled=3)
    page.get_by_role("button", name="Retry failed and parked members").click()
    expect(page).not_to_have_url(re.compile(re.escape(fleet["id"])))
    shows(page, "Incomplete")


def test_fleets_without_javascript_and_for_readers_only(visit: Opener, site: Site) -> None:
    fleet = start(site)
    page = visit("reader", f"/fleets/{fleet['id']}", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_contain_text(fleet["name"])
    expect(page.get_by_role("button", name=re.compile("Pause|Retry"))).to_have_count(0)
    assert page.request.get(f"{site.page}/fleets/{fleet['id']}/cancel").status == 403
    assert page.request.get(f"{site.page}/fleets/{fleet['id']}?begin=x").status == 400
    assert page.request.get(f"{site.page}/fleets/nothing").status == 404
    page = visit("onboarder", f"/fleets/{fleet['id']}", java_script_enabled=False)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the runs, too").click()
    expect(page).to_have_url(re.compile(re.escape(fleet["id"])))


def test_the_pages_of_fleets_are_for_all_viewers(visit: Opener, site: Site) -> None:
    fleet = start(site)
    page = visit("onboarder", f"/fleets/{fleet['id']}")
    counts(page, succeeded=2, parked=3, failed=1)
    for place in ("/fleets", f"/fleets/{fleet['id']}", f"/fleets/{fleet['id']}/cancel"):
        page.goto(f"{site.page}{place}")
        assert violations(page) == [], place
    page = visit("onboarder", f"/fleets/{fleet['id']}?state=parked", viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def staged(site: Site) -> Json:
    """A fleet whose canary succeeds, and whose second stage waits for an approval."""
    olga = site.arcway("onboarder")
    members = [{"name": c.name, "kubeconfig": {"secret": c.secret}} for c in (site.cluster() for _ in range(3))]
    stages = [{"name": "canary", "first": 1, "approve": "after", "approver": "another"}, {"name": "rest"}]
    defaults = {"subscriptionId": olga.subscription, "resourceGroup": "g", "createResourceGroup": True}
    body = {
        "fleet": f"staged-{uuid.uuid4().hex[:6]}",
        "defaults": {**defaults, "location": "eastus"},
        "members": members,
        "stages": stages,
    }
    fleet: Json = olga.http.post("/fleets", json=body).raise_for_status().json()
    return fleet


def test_a_gate_shows_what_it_lets_through_and_is_approved_by_an_approver(visit: Opener, site: Site) -> None:
    fleet = staged(site)
    page = visit("onboarder", f"/fleets/{fleet['id']}")
    shows(page, "WaitingForApproval")
    gate = page.get_by_role("region", name="Gate canary/after")
    expect(gate).to_contain_text("2 create", timeout=240_000)
    expect(gate.get_by_role("button")).to_have_count(0)
    expect(gate).to_contain_text("Arcway.Approve")
    expect(page.locator("#stage-1")).to_contain_text("WaitingForApproval")
    expect(page.locator("svg.progress")).to_have_count(2)
    page = visit("approver", f"/fleets/{fleet['id']}")
    assert violations(page) == []
    page.get_by_label("Comment").fill("The canary is fine")
    # The page is refreshed meanwhile, and what was typed stays.
    with page.expect_response(lambda response: fleet["id"] in response.url):
        pass
    expect(page.get_by_label("Comment")).to_have_value("The canary is fine")
    page.get_by_role("button", name="Approve").click()
    shows(page, "Succeeded")
    counts(page, succeeded=3)
    expect(page.get_by_text("Ana Approver, gate canary/after")).to_be_visible()


def test_a_gate_is_rejected_without_javascript(visit: Opener, site: Site) -> None:
    fleet = staged(site)
    page = visit("approver", f"/fleets/{fleet['id']}", java_script_enabled=False)
    while not page.get_by_role("button", name="Reject").count():
        page.reload()
    page.get_by_label("Comment").fill("<b>not</b> today")
    page.get_by_role("button", name="Reject").click()
    expect(page).to_have_url(re.compile(re.escape(fleet["id"])))
    while not page.get_by_text("Rejected by").count():
        page.reload()
    expect(page.locator("#fleet")).to_contain_text("<b>not</b> today")


def test_a_halted_fleet_says_why_and_is_resumed(visit: Opener, site: Site) -> None:
    olga = site.arcway("onboarder")
    members = [{"name": c.name, "kubeconfig": {"secret": c.secret}} for c in (site.cluster() for _ in range(2))]
    body = {
        "fleet": f"halted-{uuid.uuid4().hex[:6]}",
        "defaults": {"subscriptionId": olga.subscription, "resourceGroup": "none", "location": "eastus"},
        "members": members,
        "stages": [{"name": "canary", "first": 1, "maxFailures": 0}, {"name": "rest"}],
        "count": ["refused"],
    }
    fleet: Json = olga.http.post("/fleets", json=body).raise_for_status().json()
    page = visit("onboarder", f"/fleets/{fleet['id']}")
    shows(page, "Halted")
    halt = page.get_by_role("region", name="Halted")
    expect(halt).to_contain_text(Code.FAILURE_BUDGET_USED)
    expect(halt).to_contain_text("resume the fleet in spite of them")
    assert violations(page) == []
    page.get_by_role("button", name="Resume").click()
    shows(page, "Failed")
    counts(page, failed=2)
