"""The browser that tests drive: Debian's chromium, or whatever ARCWAY_TEST_CHROMIUM names.

A pytest plug-in. Where there is none, tests that need it are skipped with one loud line, or fail if `CI` is set or
ARCWAY_TEST_BROWSER is `required`.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NOT_THERE = "NO BROWSER: tests that need one do not run; `scripts/browser` installs it"


def find() -> str | None:
    """The program, None where there is none."""
    names = (os.environ.get("ARCWAY_TEST_CHROMIUM") or "", "chromium", "chromium-browser", "google-chrome")
    return next((result for name in names if name and (result := shutil.which(name))), None)


def pytest_report_header() -> str | None:
    """The loud line."""
    return None if find() else NOT_THERE


# Not for the whole session: Playwright's synchronous API keeps an event loop running in its thread, in which no
# asynchronous test could have its own. No module has tests of both kinds.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without windows."""
    program = find()
    if program is None:
        if os.environ.get("CI") or os.environ.get("ARCWAY_TEST_BROWSER") == "required":
            pytest.fail(NOT_THERE, pytrace=False)
        pytest.skip(NOT_THERE)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
