"""The origin that ties the requests and log lines of one run together, carried per thread of work.

Every record is one line without the secrets in hand and without characters that steer a terminal. Adapters read the
origin when they send a request, and every log line has it.
"""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from arcway.domain.ids import Origin
from arcway.domain.secrets_held import mask
from arcway.domain.text import excerpt

_LINE = 4000

_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


class _Log(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        current_origin = _origin.get()
        if current_origin is None:
            return msg, kwargs
        trace = f" traceparent={current_origin.traceparent}" if current_origin.traceparent else ""
        return f"{msg} [correlationId={current_origin.correlation_id}{trace}]", kwargs


class _Record(logging.LogRecord):
    """A record whose message is one line, in every logger: libraries log what servers say, too."""

    def getMessage(self) -> str:  # noqa: N802 - the name of the standard library
        return one_line(super().getMessage())


def _make_one_line(record: logging.LogRecord) -> bool:
    record.msg, record.args = one_line(record.getMessage()), None
    return True


_arcway = logging.getLogger("arcway")
_arcway.addFilter(_make_one_line)
log = _Log(_arcway)


def one_line(message: str) -> str:
    """A message as it may be logged."""
    return excerpt(mask(message[: 2 * _LINE], cut=len(message) > 2 * _LINE), _LINE)


def log_one_line_each() -> None:
    """Make every record of this process one line. Call it once when the process starts."""
    logging.setLogRecordFactory(_Record)


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
