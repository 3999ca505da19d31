"""Blocking calls of triggers: as many at once as an instance has requests, in the context of the caller."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from arcway.blocking import in_thread

_word: ContextVar[str] = ContextVar("word", default="")


async def test_sixteen_calls_block_at_once() -> None:
    """On the loop's own threads the sixth would wait, on an instance with one core."""
    barrier = threading.Barrier(16)
    await asyncio.gather(*(in_thread(barrier.wait, 60) for _ in range(16)))
    assert not barrier.broken


async def test_context_goes_along() -> None:
    _word.set("here")
    assert await in_thread(_word.get) == "here"


async def test_error_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 1, 0)
