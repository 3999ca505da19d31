"""What all tests share."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.control_plane", "tests.chromium"]

# A busy machine makes generation slow; that says nothing about the code.
settings.register_profile("arcway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcway")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` runs what the default run leaves out."""
    parser.addoption("--slow", action="store_true", help="run tests that take minutes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests are left out, not skipped: a skip would say that something is missing here."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if "slow" in item.keywords]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if "slow" not in item.keywords]
