"""The task hub that lists of runs are read from."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.function_app.run_hub import Hub


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    yield hub
    hub.engine.stop()
