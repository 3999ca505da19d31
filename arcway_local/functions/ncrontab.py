"""Computes when a timer trigger's schedule is due next: NCRONTAB with six or five fields, or a time span.

Pure arithmetic on datetimes. As in NCrontab, day of month and day of week must both fit (cron takes either). Source:
learn.microsoft.com, azure-functions/functions-bindings-timer.
"""

import bisect
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from arcway_local.functions.errors import HostError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_ITEM = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?")
_FARTHEST_DAYS = 366 * 9
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
        (self._seconds, self._minutes, self._hours, self._days, self._months, self._weekdays) = (
            self._field(field_text, *field) for field_text, field in zip(fields, _FIELDS, strict=True)
        )

    def next_after(self, moment: datetime) -> datetime:
        """The first due time later than `moment`, in the same time zone. Raises HostError if there is none."""
        if self._every is not None:
            return moment + self._every
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for offset in range(_FARTHEST_DAYS):
            day = (start + timedelta(days=offset)).date()
            if day.day not in self._days or day.month not in self._months:
                continue
            if (day.weekday() + 1) % 7 not in self._weekdays:
                continue
            first = self._first_in_day(start.time() if offset == 0 else time())
            if first is not None:
                return datetime.combine(day, first, start.tzinfo)
        raise HostError(f"The schedule '{self._expression}' is never due.")

    def _first_in_day(self, earliest: time) -> time | None:
        for hour in self._hours[bisect.bisect_left(self._hours, earliest.hour) :]:
            same_hour = hour == earliest.hour
            for minute in self._minutes[bisect.bisect_left(self._minutes, earliest.minute if same_hour else 0) :]:
                second = earliest.second if same_hour and minute == earliest.minute else 0
                index = bisect.bisect_left(self._seconds, second)
                if index < len(self._seconds):
                    return time(hour, minute, self._seconds[index])
        return None

    def _field(self, expression: str, field_name: str, low: int, high: int, names: Sequence[str]) -> list[int]:
        values: set[int] = set()
        for part in expression.split(","):
            item = _ITEM.fullmatch(part)
            if item is None:
                raise self._wrong(field_name, expression)
            first, _, last = ("", "", "") if item[1] == "*" else item[1].partition("-")
            start = self._number(first, field_name, expression, names, low) if first else low
            end = (
                self._number(last, field_name, expression, names, low)
                if last
                else high
                if item[2] or not first
                else start
            )
            step = int(item[2] or 1)
            if not (low <= start <= end <= high) or step < 1:
                raise self._wrong(field_name, expression)
            values.update(range(start, end + 1, step))
        return sorted(values)

    def _number(self, word: str, field_name: str, expression: str, names: Sequence[str], low: int) -> int:
        if word.isdecimal():
            return int(word)
        if word[:3].lower() in names:
            return names.index(word[:3].lower()) + low
        raise self._wrong(field_name, expression)

    def _wrong(self, field_name: str, expression: str) -> HostError:
        return HostError(f"The schedule '{self._expression}' has a wrong {field_name}: '{expression}'.")


def _time_span(expression: str) -> timedelta | None:
    span = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d\d):(\d\d)", expression)
    if span is None:
        return None
    days, hours, minutes, seconds = (int(group or 0) for group in span.groups())
    every = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if every <= timedelta():
        raise HostError(f"The schedule '{expression}' must be longer than zero.")
    return every
