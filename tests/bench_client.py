"""A client of its own process: keeps so many runs in flight, or starts a fleet, and polls once a second.

`python -m tests.bench_client` reads an order (`Order`, JSON) from standard input and writes a report (`Report`). Its
HTTP client is a lean one: what a client itself takes for a request is measured as if the service took it.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import aiohttp

from arcway.domain.json_values import Json
from arcway_local.stack import APP_DIR

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """Which runs to start by which request, and how many are in flight at most."""

    url: str
    path: str
    bodies: Sequence[Json]
    in_flight: int
    one_start_at_a_time: bool = True
    """So that what is measured of a start is the service's time, and not a queue in front of it."""
    fleet: Json | None = None
    """A fleet to start instead; it is read once a second."""


@dataclass(slots=True)
class Report:
    """What the client saw: seconds of every start and status read, and from the first start to the last run's end."""

    starts: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    wall: float = 0.0


def run_fleet(url: str, body: Json) -> Report:
    """Have a process of its own start a fleet and poll it to its end. Raises `CalledProcessError` when it fails."""
    return run_client(Order(url, "fleets", [], 1, fleet=body))


def run_client(order: Order) -> Report:
    """Have a process of its own carry out the order. Raises `CalledProcessError` when it fails."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.bench_client"],
        cwd=APP_DIR,
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Report(**json.loads(completed.stdout))


class _Client:
    def __init__(self, order: Order, http: aiohttp.ClientSession) -> None:
        self.report = Report()
        self._order = order
        self._http = http
        self._places = asyncio.Semaphore(order.in_flight)
        self._starting = asyncio.Lock()
        self._finished: list[float] = []

    async def carry_out(self) -> None:
        began = time.time()
        await asyncio.gather(*(self._run(body) for body in self._order.bodies))
        self.report.wall = max(self._finished) - began

    async def follow(self, body: Json) -> None:
        """Start a fleet and read it until it has ended."""
        began = time.time()
        fleet = await self._start(body)
        while not fleet["finishedAt"]:
            await asyncio.sleep(POLL_SECONDS)
            before = time.perf_counter()
            fleet = await self._get(f"fleets/{fleet['id']}")
            self.report.reads.append(time.perf_counter() - before)
        done = fleet["counts"]["succeeded"] + fleet["counts"]["unchanged"]
        self.report.states = ["Succeeded"] * done
        self.report.wall = datetime.fromisoformat(fleet["finishedAt"]).timestamp() - began

    async def _run(self, body: Json) -> None:
        async with self._places:
            if self._order.one_start_at_a_time:
                async with self._starting:
                    run = await self._start(body)
            else:
                run = await self._start(body)
            while not run["finishedAt"]:
                await asyncio.sleep(POLL_SECONDS)
                began = time.perf_counter()
                run = await self._get(f"runs/{run['id']}")
                self.report.reads.append(time.perf_counter() - began)
        self.report.states.append(run["state"])
        self._finished.append(datetime.fromisoformat(run["finishedAt"]).timestamp())

    async def _start(self, body: Json) -> Json:
        began = time.perf_counter()
        async with self._http.post(self._order.path, json=body) as response:
            run: Json = await response.json()
        self.report.starts.append(time.perf_counter() - began)
        return run

    async def _get(self, path: str) -> Json:
        async with self._http.get(path) as response:
            document: Json = await response.json()
        return document


async def _main() -> None:
    order = Order(**json.load(sys.stdin))
    limit = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(f"{order.url}/api/", timeout=limit, raise_for_status=True) as http:
        client = _Client(order, http)
        await (client.follow(order.fleet) if order.fleet else client.carry_out())
    json.dump(asdict(client.report), sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
