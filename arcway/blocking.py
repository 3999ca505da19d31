"""Threads for the blocking calls of triggers: what waits for Azure or a cluster must not hold up the event loop.

Of our own, because the loop's default threads are as many as the cores and four: on an instance with one core the sixth
caller would wait until another's call to Azure ends.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 32
"""As many as HTTP requests and messages that one instance has at once: 16 each (infra/app.bicep, host.json)."""
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blocking")


async def in_thread[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that blocks, in a thread and in the context of the caller; returns and raises what it does."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: context.run(function, *args, **kwargs))


def start_in_thread[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """Start a function that blocks, in a thread; its result outlives the caller."""
    return _threads.submit(function, *args, **kwargs)
