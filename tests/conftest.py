"""What all tests share."""

import re
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.places import MATRIX, REAL, is_left_out

pytest_plugins = ["tests.control_plane", "tests.chromium"]

# A busy machine makes generation slow; that says nothing about the code.
settings.register_profile("arcway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcway")

# The rows of the fault matrix are many and short: they fill what the long files leave. Those that need Helm wait most.
_LONGEST = (
    *(REAL, "tests/chaos/stack", "tests/e2e", "tests/browser", r"tests/chaos/(?!fault_matrix)", "tests/contract"),
    *(rf"{MATRIX}/.*_agents\b", MATRIX),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` runs what the default run leaves out."""
    parser.addoption("--slow", action="store_true", help="run what the default run leaves out, too")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out what belongs together as one piece; without xdist it is not called."""
    from tests.scheduling import Together

    return Together(config, log)


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
    is_whole = {Path(argument).name for argument in config.args} == set(config.getini("testpaths"))
    left_out = {item for item in items if item.get_closest_marker("slow") or (is_whole and is_left_out(item.nodeid))}
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def sockets_of_broken_connections_are_closed() -> Iterator[None]:
    """The SDK of the Service Bus leaves the socket of a connection that broke to the garbage collector (7.15.0).

    There are several ways to it, among them `AMQPClient.close`, which returns early when opening failed. The warning
    about the socket would fail a test that has nothing to do with it.
    """
    from azure.servicebus._pyamqp._transport import _AbstractTransport

    connect = _AbstractTransport.connect

    def connect_until_collected(transport: _AbstractTransport) -> None:
        connect(transport)  # type: ignore[no-untyped-call] # as the SDK has it
        connected: Any = transport.sock
        weakref.finalize(transport, connected.close)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_AbstractTransport, "connect", connect_until_collected)
        yield
