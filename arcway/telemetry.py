"""What ties one run's calls and log lines together: its origin, carried per thread of work.

Must not know who calls whom; adapters read it when they send a request, and every log line says it.
"""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from arcway.domain.ids import Origin

_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


class _Log(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        here = _origin.get()
        if here is None:
            return msg, kwargs
        trace = f" traceparent={here.traceparent}" if here.traceparent else ""
        return f"{msg} [correlationId={here.correlation_id}{trace}]", kwargs


log = _Log(logging.getLogger("arcway"))


def origin() -> Origin | None:
    """The origin of the run being worked for; None outside a run."""
    return _origin.get()


@contextmanager
def correlated(value: Origin) -> Iterator[None]:
    """Work for the run with this origin."""
    token = _origin.set(value)
    try:
        yield
    finally:
        _origin.reset(token)
