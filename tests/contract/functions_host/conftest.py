"""One host with the sample app for all tests of a process."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.contract.functions_host.hosting import Host, hosted, sample_app


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    with hosted(sample_app(folder), folder / "stderr.log") as running:
        yield running


@pytest.fixture
def name() -> str:
    """An instance id of its own for each test."""
    return uuid4().hex
