"""What the tests of the domain share."""

from collections.abc import Iterator

import pytest

from arcway.domain.secrets_held import holding


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> Iterator[None]:
    """Each test begins without secrets: what other tests of the process hold would be masked here, too."""
    with holding():
        yield
