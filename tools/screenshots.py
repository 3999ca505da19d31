"""Makes the pictures of the status page: `python tools/screenshots.py CHROMIUM FOLDER`.

Starts a stack of its own in a temporary folder, connects simulated clusters, lets some go wrong, and looks.
"""

import os
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack

NAMES = ("berlin-shop", "lisbon-shop", "oslo-shop", "lab", "factory-floor", "museum")
WIDE, PHONE = {"width": 1100, "height": 720}, {"width": 360, "height": 740}
WAIT_SECONDS = 120


class Product:
    """The running product, and what is to be seen of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = httpx.Client(base_url=f"{stack.url}/api", timeout=70)
        tls = ssl.create_default_context(cafile=stack.azure["caFile"])
        self.azure = httpx.Client(base_url=stack.azure["endpoint"], verify=tls, timeout=30)

    def start(self, number: int, **changes: Any) -> str:
        body = {
            "subscriptionId": self.stack.azure["subscriptionId"],
            "resourceGroup": "edge",
            "createResourceGroup": True,
            "name": NAMES[number],
            "location": "westeurope",
            "kubeconfig": {"secret": f"arcway-cluster-{number + 1:03}"},
        }
        run_id: str = self.api.post("/onboardings", json={**body, **changes}).raise_for_status().json()["id"]
        return run_id

    def until(self, run_id: str, *states: str) -> Json:
        """The run as soon as it, or a phase of it, is in one of the states."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            run: Json = self.api.get(f"/runs/{run_id}").raise_for_status().json()
            if states and {run["state"], *(phase["state"] for phase in run["phases"])} & set(states):
                return run
            time.sleep(0.1)
        raise TimeoutError(run_id)

    def end(self, run_id: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.api.get(f"/runs/{run_id}").raise_for_status().json()["finishedAt"]:
            if time.monotonic() > deadline:
                raise TimeoutError(run_id)
            time.sleep(0.1)


def prepare(product: Product) -> dict[str, str]:
    """Runs of every kind; the places that are worth a picture."""
    good = [product.start(number) for number in range(3)]
    for run_id in good:
        product.end(run_id)
    failed = product.start(3, resourceGroup="nowhere", createResourceGroup=False)
    product.end(failed)
    slow = {"path": "/connectedClusters/factory-floor$", "method": "PUT", "times": 99, "status": 429}
    product.azure.put("/control/faults", json=[{**slow, "headers": {"Retry-After": "20"}}]).raise_for_status()
    busy = product.start(4)
    product.until(busy, "Retrying")
    return {
        "overview": "",
        "run": f"/runs/{busy}",
        "failed": f"/runs/{failed}",
        "clusters": "/clusters",
        "start": "/start",
    }


def fleet(product: Product) -> str:
    """A fleet in progress: some members are connected, some wait, some cannot be worked on now; returns its id."""
    connected = [
        {"name": NAMES[number], "kubeconfig": {"secret": f"arcway-cluster-{number + 1:03}"}} for number in range(3)
    ]
    connected.append({"name": NAMES[5], "kubeconfig": {"secret": "arcway-cluster-006"}})
    elsewhere = [{"name": f"kiosk-{number:03}", "location": "nowhere"} for number in range(5)]
    away = [{"name": f"till-{number:03}"} for number in range(200)]
    defaults = {
        "subscriptionId": product.stack.azure["subscriptionId"],
        "resourceGroup": "edge",
        "location": "westeurope",
        "kubeconfig": {"secret": "arcway-{name}"},
    }
    body = {"fleet": "shops", "defaults": defaults, "members": [*connected, *elsewhere, *away], "window": 20}
    fleet_id: str = product.api.post("/fleets", json=body).raise_for_status().json()["id"]
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        counts = product.api.get(f"/fleets/{fleet_id}").raise_for_status().json()["counts"]
        if counts["parked"] > 40 and counts["running"]:
            return fleet_id
        time.sleep(0.1)
    raise TimeoutError(fleet_id)


def shoot(browser: Browser, url: str, folder: Path, name: str, **options: Any) -> None:
    context = browser.new_context(viewport=options.pop("viewport", WIDE), **options)
    page = context.new_page()
    page.goto(url)
    page.locator("h1").wait_for()
    whole = context.pages[0].viewport_size == WIDE
    page.screenshot(path=folder / f"{name}.png", full_page=whole, animations="disabled")
    context.close()


def main(program: str, folder: Path) -> None:
    """All pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="arcway-screenshots-") as state, sync_playwright() as playwright:
        stack = embedded.start(Path(state), Options(clusters=len(NAMES), seconds=1.0))
        try:
            product = Product(stack)
            places = prepare(product)
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            for name, path in places.items():
                shoot(browser, f"{stack.url}/api/page{path}", folder, name)
            shoot(browser, f"{stack.url}/api/page{places['run']}", folder, "run-dark", color_scheme="dark")
            phone = f"{stack.url}/api/page{places['failed']}"
            shoot(browser, phone, folder, "failed-phone", viewport=PHONE, device_scale_factor=2)
            # Last, because its runs fill the other pages.
            fleet_page = f"{stack.url}/api/page/fleets/{fleet(product)}"
            shoot(browser, fleet_page, folder, "fleet", viewport={**WIDE, "height": 800})
            browser.close()
        finally:
            embedded.stop(Path(state))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
