"""Fires timer triggers. It knows schedules and the worker, nothing of durable orchestrations or HTTP.

As on the real host a run that takes longer than the interval delays the next one instead of overlapping it. Times are
UTC. Nothing remembers runs missed while the host was off (no schedule monitor).
"""

import asyncio
import json
import logging
from datetime import UTC, datetime

from arcway_local.functions.ncrontab import Schedule
from arcway_local.functions.protos import TypedData
from arcway_local.functions.settings import resolve
from arcway_local.functions.worker import Function, InvocationError, Worker

TIMER = "timerTrigger"

_log = logging.getLogger(__name__)


class Timers:
    """The timer triggers of the app. Raises HostError for a wrong schedule or a setting that is not defined."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._schedules = [
            (function, Schedule(resolve(str(function.trigger.get("schedule", "")))))
            for function in worker.functions
            if function.trigger_type == TIMER
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to fire, at once for those with runOnStartup."""
        self._tasks = [asyncio.create_task(self._run(function, schedule)) for function, schedule in self._schedules]

    async def stop(self, grace: float) -> None:
        """Fire no more; give runs in progress `grace` seconds, then cancel them."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()

    async def _run(self, function: Function, schedule: Schedule) -> None:
        if function.trigger.get("runOnStartup"):
            await self._fire(function)
        due = datetime.now(UTC)
        while not self._stopping.is_set():
            # Waiting follows another clock and may end a little early: never look behind the run just made.
            due = schedule.next_after(max(due, datetime.now(UTC)))
            if not await self._stops_before(due):
                await self._fire(function)

    async def _stops_before(self, due: datetime) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.0, (due - datetime.now(UTC)).total_seconds()))
        except TimeoutError:
            return False
        return True

    async def _fire(self, function: Function) -> None:
        try:
            await self._worker.invoke(function, timer_data())
        except InvocationError as error:
            _log.error("Function %s failed: %s\n%s", function.name, error, error.stack_trace)


def timer_data(past_due: bool = False) -> TypedData:
    """What a timer function receives."""
    document = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past_due}
    return TypedData(json=json.dumps(document))
