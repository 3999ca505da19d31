"""The Service Bus under test: one process for the whole run, or whatever ARCWAY_TEST_SERVICE_BUS names.

Its entities are those of `Config.json` beside this file; another Service Bus must have the same, they must be empty,
and only one test process may use them (no `-n`). Opening a link costs the SDK half a second, so clients live as long as
the run and queues are drained instead.
"""

import os
from collections.abc import Iterator

import pytest
from azure.servicebus import ServiceBusClient

from tests.contract.service_bus.hosting import Bus, running

VARIABLE = "ARCWAY_TEST_SERVICE_BUS"


@pytest.fixture(scope="session")
def own_bus() -> Iterator[Bus | None]:
    """Our own Service Bus, unless another one is to be tested."""
    if os.environ.get(VARIABLE):
        yield None
        return
    with running("--port", "0") as bus:
        yield bus


@pytest.fixture(scope="session")
def connection_string(own_bus: Bus | None) -> str:
    """Of the Service Bus under test."""
    return own_bus.connection_string if own_bus is not None else os.environ[VARIABLE]


@pytest.fixture(scope="session")
def impatient_client(connection_string: str) -> Iterator[ServiceBusClient]:
    """A client that does not try again: for what is expected to fail."""
    with ServiceBusClient.from_connection_string(connection_string, retry_total=0) as client:
        yield client


@pytest.fixture(scope="session")
def client(connection_string: str) -> Iterator[ServiceBusClient]:
    """A client for the whole run."""
    with ServiceBusClient.from_connection_string(connection_string) as client:
        yield client
