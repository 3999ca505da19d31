"""The page's own secrets: its client secret and the keys of its cookies."""

import time
from collections.abc import Callable

from arcway.blocking import in_thread

_SECRET_SECONDS = 300
_AGAIN_SECONDS = 5


class PageSecrets:
    """The secrets, read again every five minutes, so that a new one in the vault counts soon.

    `read_secret` returns one by its name, or raises `ArcError`. Seconds: `fresh` until a secret is read again, `pause`
    between two readings that a cookie causes which no known key opens.
    """

    def __init__(
        self, read_secret: Callable[[str], str], *, fresh: float = _SECRET_SECONDS, pause: float = _AGAIN_SECONDS
    ) -> None:
        self._read_secret = read_secret
        self._fresh = fresh
        self._pause = pause
        self._known: dict[str, tuple[str, float]] = {}

    async def read(self, name: str, *, refresh: bool = False) -> str:
        """The secret; `refresh`: not older than the pause. Raises `ArcError` as `read_secret` does."""
        value, read_at = self._known.get(name, ("", float("-inf")))
        if time.monotonic() - read_at >= (self._pause if refresh else self._fresh):
            value = await in_thread(self._read_secret, name)
            self._known[name] = (value, time.monotonic())
        return value
