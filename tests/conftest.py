"""What all tests share."""

import re

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.control_plane", "tests.chromium"]

# A busy machine makes generation slow; that says nothing about the code.
settings.register_profile("arcway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcway")

_REAL = "tests/e2e/real_cluster"
_MATRIX = "tests/chaos/fault_matrix"
# The rows of the fault matrix are many and short: they fill what the long files leave. Those that need Helm wait most.
_LONGEST = (
    *(_REAL, "tests/chaos/stack", "tests/e2e", "tests/browser", r"tests/chaos/(?!fault_matrix)", "tests/contract"),
    *(rf"{_MATRIX}/.*_agents\b", _MATRIX),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` runs what the default run leaves out."""
    parser.addoption("--slow", action="store_true", help="run tests that take minutes, too")


class _Together(LoadScopeScheduling):  # type: ignore[misc] # the plug-in has no types
    """Hands out what belongs together as one piece."""

    def _split_scope(self, nodeid: str) -> str:
        """Many files start a world of their own; the real cluster has room for one user at a time. The fault matrix
        is too long for one: its rows are shared out, and who has one gets the next in the same world.
        """
        if nodeid.startswith(_MATRIX):
            return nodeid.partition("-")[0]
        return _REAL if nodeid.startswith(_REAL) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """See `_Together`."""
    return _Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest come first, and slow tests only when asked for."""
    items.sort(key=_turn)
    _leave_out_slow(config, items)


def _turn(item: pytest.Item) -> int:
    """What takes longest must not come last, when the other workers have nothing to do any more."""
    return next((turn for turn, part in enumerate(_LONGEST) if re.match(part, item.nodeid)), len(_LONGEST))


def _leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests are left out, not skipped: a skip would say that something is missing here."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
