"""Computes when a timer trigger's schedule is due next: NCRONTAB with six or five fields, or a time span.

croniter finds the times; what it takes beyond NCRONTAB (Sunday as 7, ranges over the end, L, #, R, ?) is refused here.
As in NCrontab, day of month and day of week must both fit (cron takes either). Source: learn.microsoft.com,
azure-functions/functions-bindings-timer.
"""

import re
from datetime import datetime, timedelta

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from arcway_local.functions.errors import HostError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/[1-9]\d*)?")
_FARTHEST_YEARS = 9
"""29 February can be eight years away (1896 to 1904, 2096 to 2104)."""


class Schedule:
    """A parsed expression. Raises HostError when it is not a valid one."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._every = _time_span(expression)
        if self._every is not None:
            return
        fields = expression.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise HostError(f"The schedule '{expression}' is not an NCRONTAB expression: it needs six fields.")
        for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
            if not all(_is_item(item, low, high, words) for item in field.split(",")):
                raise HostError(f"The schedule '{expression}' has a wrong {name}: '{field}'.")
        # NCrontab knows a day and a month by its first three letters, whatever follows.
        self._cron = re.sub(r"([A-Za-z]{3})[A-Za-z]*", r"\1", " ".join(fields))

    def next_after(self, moment: datetime) -> datetime:
        """The first due time later than `moment`, in the same time zone. Raises HostError if there is none."""
        if self._every is not None:
            return moment + self._every
        try:
            times = croniter(
                self._cron,
                moment,
                second_at_beginning=True,
                day_or=False,
                max_years_between_matches=_FARTHEST_YEARS,
            )
            due: datetime = times.get_next(datetime)
        except (CroniterBadCronError, CroniterBadDateError) as error:
            raise HostError(f"The schedule '{self._expression}' is never due.") from error
        return due


def _is_item(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None:
        return False
    numbers = [_number(word, low, words) for word in match.groups() if word is not None]
    return all(low <= number <= high for number in numbers) and numbers == sorted(numbers)


def _number(word: str, low: int, words: tuple[str, ...]) -> int:
    """-1, which is in no range, for a word that is neither a number nor a name."""
    if re.fullmatch(r"[0-9]+", word):
        return int(word)
    name = word[:3].lower()
    return words.index(name) + low if word.isalpha() and name in words else -1


def _time_span(expression: str) -> timedelta | None:
    span = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d\d):(\d\d)", expression)
    if span is None:
        return None
    days, hours, minutes, seconds = (int(group or 0) for group in span.groups())
    every = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if every <= timedelta():
        raise HostError(f"The schedule '{expression}' must be longer than zero.")
    return every
