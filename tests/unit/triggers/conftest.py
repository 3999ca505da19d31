"""What tests of handlers start with: a task hub in memory, and an API whose caller has every role."""

import pytest

from tests.unit.triggers.task_hub import Api, TaskHub
from triggers.access.callers import Role


@pytest.fixture
def hub() -> TaskHub:
    return TaskHub()


@pytest.fixture
def api(hub: TaskHub) -> Api:
    return Api(hub, *Role)
