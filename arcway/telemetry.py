"""What ties one run's calls and log lines together: its origin, carried per thread of work.

Must not know who calls whom; adapters read it when they send a request, and every log line says it.
"""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from arcway.domain.characters import escape
from arcway.domain.ids import Origin

_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


class _Log(logging.LoggerAdapter[logging.Logger]):
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log one printable line, whatever its parts are: no text from outside begins a line of its own."""
        if self.isEnabledFor(level):
            text = escape(str(msg) % args if args else str(msg))
            super().log(level, "%s", f"{text}{_suffix()}", **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


def _suffix() -> str:
    here = _origin.get()
    if here is None:
        return ""
    trace = f" traceparent={here.traceparent}" if here.traceparent else ""
    return f" [correlationId={here.correlation_id}{trace}]"


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
