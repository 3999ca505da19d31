"""Makes activities of the steps of one installation: those of runs on threads of their own, off the event loop.

A step publishes the events that its run has waiting before its own work: an activity of their own for each would cost a
turn of the workflow engine more. It does not know what the events say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from activities.publish_events import publish_events
from activities.step import FleetCall, FleetStep, Step, UnexpectedError, perform, perform_for_fleet
from arcway.domain.json_values import Json
from arcway.installation import Installation


class Activities:
    """Makes activities of the steps of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        # Of our own: on the worker's pool, slow steps would hold up the replay of every orchestration.
        self._threads = ThreadPoolExecutor(installation.settings.step_threads, thread_name_prefix="step")

    def activity(self, step: Step) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
        """The async activity that does the step."""

        # The worker library refuses a parameterised generic here.
        async def run(payload: dict) -> dict:  # type: ignore[type-arg]
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, perform_with_events, step, payload, self._installation)

        run.__name__ = run.__qualname__ = step.__name__
        run.__doc__ = step.__doc__
        return run


def fleet_activity(
    step: FleetStep, installation: Installation
) -> Callable[[dict[str, Any], Any], Awaitable[dict[str, Any]]]:
    """The activity that does a step of a fleet; the host hands the engine's client to it."""

    # The worker library refuses a parameterised generic here, and the client's class.
    async def run(payload: dict, client) -> dict:  # type: ignore[type-arg, no-untyped-def]
        return await perform_for_fleet(step, FleetCall(payload, client, installation))

    run.__name__ = run.__qualname__ = step.__name__
    run.__doc__ = step.__doc__
    return run


def perform_with_events(step: Step, payload: Json, installation: Installation) -> Json:
    """Publish the events that the input has, then do the step, whatever came of them; the envelope says it as
    `published`, with the seconds that it took. Raises `UnexpectedError` as the step does.
    """
    if step is publish_events or not payload.get("events"):
        return perform(step, payload, installation)
    published, began = {}, time.monotonic()
    # An unexpected one is in the log; the run keeps what is not confirmed, and sends it again.
    with suppress(UnexpectedError):
        told = perform(publish_events, payload, installation)
        published = {"published": {**told, "seconds": round(time.monotonic() - began, 3)}}
    return {**perform(step, payload, installation), **published}
