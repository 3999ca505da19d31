"""Every page for those who see it differently: axe-core in light and dark, a phone's width, the keyboard alone."""

import re
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from arcway.domain.json_values import Json
from tests.browser.conftest import Opener, Site
from tests.browser.journal import SUBSCRIPTION

PHONE = {"width": 360, "height": 740}
_TOO_WIDE = """width => document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll("*")]
    .filter(it => it.scrollWidth > width || it.getBoundingClientRect().right > width)
    .map(it => `${it.scrollWidth} ${it.outerHTML.slice(0, 200)}`)"""


@pytest.fixture(scope="session")
def places(site: Site) -> list[str]:
    """One of each kind of page."""
    olga = site.arcway("onboarder")
    runs: list[Json] = olga.http.get("/runs").json()["value"]
    shop = next(run for run in runs if run["state"] == "Failed" and run["cluster"]["name"].startswith("shop"))
    connected_run = olga.connect(site.cluster())
    where = f"subscription={olga.subscription}&group=clusters&name={connected_run['cluster']['name']}"
    return [
        "",
        "?q=nothing-like-this",
        f"/runs/{connected_run['id']}",
        f"/runs/{site.hostile}",
        f"/runs/{shop['id']}/retry",
        f"/agents?{where}",
        f"/extensions?{where}",
        f"/clusters?subscription={olga.subscription}",
        f"/disconnect?subscription={SUBSCRIPTION}&group=group-1&name=shop-001",
        "/start",
        "/nothing/here",
    ]


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical, in light and, of what depends on colours, in dark."""
    collected = []
    looks: tuple[tuple[Literal["light", "dark"], Json], ...]
    looks = ("light", {}), ("dark", {"runOnly": ["color-contrast"]})
    for scheme, options in looks:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        axe = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
        collected += [
            f"{scheme}: {item['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
            for item in axe
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]
    return collected


def test_axe_finds_nothing_serious_on_any_page(visit: Opener, site: Site, places: list[str]) -> None:
    page = visit("admin")
    collected = {}
    for place in places:
        page.goto(f"{site.page}{place}")
        if wrong := violations(page):
            collected[place] = wrong
    page.goto(f"{site.page}/start")
    page.locator("form[enctype]").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Check the cluster").click()
    expect(page.get_by_role("alert").filter(has_text="Correct these fields")).to_be_visible()
    assert {**collected, "form": violations(page)} == {"form": []}


def test_a_phone_needs_no_scrolling_sideways(visit: Opener, site: Site, places: list[str]) -> None:
    page = visit("admin", viewport=PHONE)
    wide = []
    for place in places:
        page.goto(f"{site.page}{place}")
        wide += [f"{place}: {line}" for line in page.evaluate(_TOO_WIDE, PHONE["width"])]
    assert wide == []


def test_the_keyboard_alone_is_enough(visit: Opener, site: Site) -> None:
    page = visit("reader")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    filtered = page.get_by_label("Name or resource group")
    expect(filtered).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("shop-007")
    expect(page.locator("caption")).to_contain_text("1 to 1 of 1 run matching the filter")
    expect(page.get_by_role("status")).to_be_attached()
    while not page.evaluate("document.activeElement.id.startsWith('run-')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/cluster-"))
    expect(page.get_by_role("heading", level=1)).to_have_text("onboard shop-007")
