"""One stack with a sign-in and 500 old runs per test process, and users who read it with a browser."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState

from arcway_local import stack as embedded
from arcway_local.stack import Options
from tests.browser.journal import HOSTILE, write_runs
from tests.e2e.conftest import Arcway, SimulatedCluster
from tests.e2e.signed import Signed

OLD_RUNS = 500
EVERY_ROLE = {"name": f"Ada Admin {HOSTILE}", "roles": ["Arcway.Read", "Arcway.Onboard", "Arcway.Offboard"]}
PATIENCE_MS = 240_000


@dataclass(frozen=True, slots=True)
class Site:
    """The product as a person reaches it; `hostile` is the run full of hostile texts."""

    signed: Signed
    hostile: str

    @property
    def page(self) -> str:
        """The page's address."""
        return f"{self.signed.stack.url}/api/page"

    def cluster(self) -> SimulatedCluster:
        """A new simulated cluster."""
        return SimulatedCluster(self.signed.clusters, self.signed.stack)

    def arcway(self, user: str) -> Arcway:
        """The API as this person uses it."""
        return self.signed.arcway(self.signed.token(user))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("browser")
    hostile = write_runs(state, OLD_RUNS)
    signed = Signed(embedded.start(state, Options(clusters=0, sign_in=True)))
    signed.azure.put("users", {"admin": EVERY_ROLE})
    yield Site(signed, hostile)
    signed.close()
    embedded.stop(state)


@pytest.fixture(autouse=True)
def no_faults(site: Site) -> Iterator[None]:
    yield
    site.signed.azure.put("faults", [])


type Opener = Callable[..., Page]

# Who has signed in before, so that not every test has to.
_sessions: dict[str, StorageState] = {}


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Opener]:
    """Opens a page as a user. Whatever the browser complains of, such as a refused script, fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        # An answer such as 404, or none, is not a complaint; what a page was kept from doing is.
        is_an_answer = message.text.startswith(("Failed to load resource", "htmx:", "Response Status Error Code"))
        if message.type in ("error", "warning") and not is_an_answer:
            complaints.append(message.text)

    def open_as(user: str, path: str = "", *, sign_in: bool = False, **options: Any) -> Page:
        signed_in = None if sign_in else _sessions.get(user)
        context = chromium.new_context(
            ignore_https_errors=True, reduced_motion="reduce", storage_state=signed_in, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        page.goto(f"{site.page}{path}")
        if signed_in is None:
            page.locator(f"button[value={user}]").click()
            page.wait_for_url(f"{site.page}**")
            _sessions[user] = context.storage_state()
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert complaints == []
