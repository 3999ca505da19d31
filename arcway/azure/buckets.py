"""One token bucket as Resource Manager keeps it, and the line of those who wait for a token. No I/O, no clock.

It knows only what this process has sent and what Azure's answers say; others may use the same bucket. So the level is
lowered to what an answer shows, and the last tokens are left alone: by them others are noticed before Azure refuses.
"""

from dataclasses import dataclass, field

from arcway.domain.arm_limits import Limit

_POLL_RESERVE = 0.2
# What is left for requests of others that no answer has shown yet: a part of the bucket, at least this many tokens,
# at most this part of a small one.
_MARGIN, _MARGIN_TOKENS, _MARGIN_MOST = 0.05, 2.0, 0.25
# A caller that does not come back for its turn loses it after this many seconds.
_GRACE_SECONDS = 60.0
# At most this part of what is left is under way at once, so that an answer shows what others use before it is gone.
# Without an answer for so long that others may have used the margin, one request goes first, if its answer comes soon.
_UNDER_WAY, _FIRST_SECONDS, _PAUSE_SECONDS = 0.25, 2.0, 0.05
_FOREVER = float("-inf")


@dataclass(slots=True)
class Bucket:
    """The bucket of one subscription and kind. All times are seconds of one clock that only grows.

    A caller that has to wait keeps a place in line under its name until it comes back. A caller without a name, such as
    a page, is not in line; it may take the last tokens.
    """

    limit: Limit
    level: float = field(init=False)
    _filled_at: float = _FOREVER
    _stopped_until: float = _FOREVER
    _answered_at: float = _FOREVER
    _sent_at: float = _FOREVER
    _in_flight: int = 0
    _line: dict[str, float] = field(default_factory=dict)  # name -> its turn, in the order of arrival
    _polls: dict[str, float] = field(default_factory=dict)  # the same of those that only look: behind all others
    _last_turn: float = _FOREVER  # of the callers without a name

    def __post_init__(self) -> None:
        self.level = self.limit.size

    @property
    def _margin(self) -> float:
        return min(max(self.limit.size * _MARGIN, _MARGIN_TOKENS), self.limit.size * _MARGIN_MOST)

    def take(self, now: float, caller: str | None, *, is_poll: bool = False) -> float:
        """Take a token and return 0, or return the seconds until the caller's turn."""
        self._refill(now)
        wait = self._wait(now, caller, is_poll=is_poll)
        if wait <= 0:
            (self._polls if is_poll else self._line).pop(caller or "", None)
            self.level -= 1
            self._in_flight += 1
            self._sent_at = now
            return 0.0
        if caller:
            (self._polls if is_poll else self._line)[caller] = now + wait
        else:
            self._last_turn = now + wait
        return wait

    def answered(self, now: float, remaining: float | None = None) -> None:
        """Azure has answered; `remaining` is how many requests it says are left. Call it once for each token."""
        self._refill(now)
        self._in_flight -= 1
        self._answered_at = now
        if remaining is not None:
            # Azure may not have counted yet what is still under way.
            self.level = min(self.level, max(0.0, remaining - self._in_flight))

    def refused(self, now: float, caller: str | None, retry_after: float | None) -> None:
        """Azure has answered 429: no request until its Retry-After, then one, then the line behind it.

        Who was refused is the first of the line.
        """
        self._refill(now)
        if retry_after is None:
            self.level = min(self.level, self._margin)
            return
        if now + retry_after > self._stopped_until:
            self._stopped_until = self._filled_at = now + retry_after
            self.level = min(self.level, self._margin + 1)
        if caller:
            self._line = {caller: self._stopped_until, **self._line}

    def _refill(self, now: float) -> None:
        if now > self._filled_at:
            if self._filled_at != _FOREVER:
                self.level = min(self.limit.size, self.level + (now - self._filled_at) * self.limit.per_second)
            self._filled_at = now
        self._line, self._polls = _kept(self._line, now), _kept(self._polls, now)

    def _wait(self, now: float, caller: str | None, *, is_poll: bool) -> float:
        """Seconds until there is a token for this caller and for all before it."""
        stopped = max(0.0, self._stopped_until - now)
        if caller is None:
            missing, after = 1 - self.level, self._last_turn + 1 / self.limit.per_second - now
            wait = stopped + max(0.0, missing / self.limit.per_second)
            return max(wait, after) if wait > 0 else 0.0
        ahead = len(self._line) + _place(self._polls, caller) if is_poll else _place(self._line, caller)
        kept = self._margin + (self.limit.size * _POLL_RESERVE if is_poll else 0.0)
        missing = ahead + 1 + kept - self.level
        if missing > 0 or stopped:
            return stopped + max(0.0, missing / self.limit.per_second)
        return 0.0 if self._in_flight < self._most_under_way(now) else _PAUSE_SECONDS

    def _most_under_way(self, now: float) -> float:
        if now - self._answered_at > self._margin / self.limit.per_second:
            return 1 if now - self._sent_at < _FIRST_SECONDS else self._in_flight + 1
        return max(1.0, self._margin / 2, self.level * _UNDER_WAY)


def _kept(line: dict[str, float], now: float) -> dict[str, float]:
    return {name: turn for name, turn in line.items() if turn + _GRACE_SECONDS > now}


def _place(line: dict[str, float], caller: str) -> int:
    """How many are before the caller, who would be the last if it is not in line yet."""
    return next((place for place, name in enumerate(line) if name == caller), len(line))
