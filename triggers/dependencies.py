"""The health of what a function app depends on."""

import asyncio
import time
from concurrent.futures import Future
from dataclasses import dataclass

import azure.durable_functions as df

from arcway import queries
from arcway.blocking import in_thread, start_in_thread
from arcway.domain.errors import ArcError
from arcway.installation import Installation
from arcway.runs.reader import get_instance
from arcway.self_test import SelfTest, run_self_test

FRESH_SECONDS = 5.0
SELF_TEST_SECONDS = 10.0
"""How long health waits for the self-test; what takes longer is reported as running."""
RETEST_SECONDS = 60.0
"""After a self-test that failed the next one starts no sooner."""


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """What was wrong with each part at a time, None for nothing."""

    at: float
    engine: str | None
    resource_manager: str | None
    self_test: SelfTest | None
    """None while it is running."""


class Dependencies:
    """The engine and Resource Manager, checked at most every few seconds, however many callers ask."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._latest: DependencyHealth | None = None
        self._lock = asyncio.Lock()
        self._test: Future[SelfTest] | None = None
        self._test_started = 0.0

    async def look(self, client: df.DurableFunctionsClient) -> DependencyHealth:
        """The health of the dependencies now, or a moment ago."""
        async with self._lock:
            if self._latest is None or time.monotonic() - self._latest.at >= FRESH_SECONDS:
                engine, resource_manager, self_test = await asyncio.gather(
                    _engine(client), self._resource_manager(), self._self_test()
                )
                self._latest = DependencyHealth(time.monotonic(), engine, resource_manager, self_test)
            return self._latest

    async def _self_test(self) -> SelfTest | None:
        """The result of the one self-test of this process, which is repeated only when it failed."""
        now = time.monotonic()
        is_over = self._test is not None and self._test.done()
        has_failed = self._test is not None and is_over and not self._test.result().passed
        if self._test is None or (has_failed and now - self._test_started >= RETEST_SECONDS):
            self._test, self._test_started = start_in_thread(run_self_test, self._installation), now
        await asyncio.wait({asyncio.wrap_future(self._test)}, timeout=SELF_TEST_SECONDS)
        return self._test.result() if self._test.done() else None

    async def _resource_manager(self) -> str | None:
        try:
            await in_thread(queries.resource_manager_answers, self._installation)
        except ArcError as error:
            return str(error)
        return None


async def _engine(client: df.DurableFunctionsClient) -> str | None:
    try:
        await get_instance(client, "health")
    except ArcError as error:
        return str(error)
    return None
