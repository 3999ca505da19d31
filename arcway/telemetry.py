"""What ties one run's calls and log lines together: its correlation id, carried per thread of work.

Must not know who calls whom; adapters read the id when they send a request.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

log = logging.getLogger("arcway")


def correlation_id() -> str:
    """The correlation id of the run being worked for; empty outside a run."""
    return _correlation_id.get()


@contextmanager
def correlated(value: str) -> Iterator[None]:
    """Work for the run with this correlation id."""
    token = _correlation_id.set(value)
    try:
        yield
    finally:
        _correlation_id.reset(token)
