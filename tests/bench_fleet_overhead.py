"""Measures what a fleet costs beyond its members: a fleet of checks that end at once, and as many checks without one.

The members' kubeconfigs do not exist, so that a check ends with the first request to each of its two sides. No more of
them are in one subscription than Azure's limit lets through at once: a run that waits for its turn costs two turns of
the engine more, with a fleet and without.
"""

import uuid

from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.bench_client import Order, run_client, run_fleet
from tests.bench_cpu import Cpu, cpu_of_tree

_WINDOW = 50
_OF_ONE_SUBSCRIPTION = 100


def overhead(stack: Stack, size: int) -> Json:
    """Milliseconds of CPU of the function app for each member, and for each check that a caller starts alone."""
    members = _milliseconds(_of_fleet(stack, size), size)
    alone = _milliseconds(_alone(stack, size), size)
    return {
        "CPU ms per member": members,
        "CPU ms per check without a fleet": alone,
        "of a fleet, CPU ms per member": round(members - alone, 1),
    }


def _milliseconds(cpu: Cpu, size: int) -> float:
    return round(1000 * cpu.total / size, 1)


_DEFAULTS: Json = {"resourceGroup": "bench", "location": "eastus"}


def _members(size: int) -> list[Json]:
    """In new subscriptions: what is read of one is kept for a while."""
    subscriptions = [str(uuid.uuid4()) for _ in range(0, size, _OF_ONE_SUBSCRIPTION)]
    return [
        {"name": f"m{number}", "subscriptionId": subscriptions[number // _OF_ONE_SUBSCRIPTION]}
        for number in range(size)
    ]


def _of_fleet(stack: Stack, size: int) -> Cpu:
    body = {
        "fleet": f"overhead-{uuid.uuid4().hex[:8]}",
        "operation": "check",
        "defaults": {**_DEFAULTS, "kubeconfig": {"secret": "arcway-{name}"}},
        "members": _members(size),
        "window": _WINDOW,
        "start": "all",
        "parkFor": 0,
    }
    before = cpu_of_tree(stack.pids["functions"])
    run_fleet(stack.url, body)
    return cpu_of_tree(stack.pids["functions"]).since(before)


def _alone(stack: Stack, size: int) -> Cpu:
    bodies = [
        {**_DEFAULTS, **member, "kubeconfig": {"secret": f"arcway-{member['name']}"}} for member in _members(size)
    ]
    before = cpu_of_tree(stack.pids["functions"])
    run_client(Order(stack.url, "onboardings?dryRun=true", bodies, _WINDOW, one_start_at_a_time=False))
    return cpu_of_tree(stack.pids["functions"]).since(before)
