"""Keeps a task hub's instances in the order of their creation, so that a page of a query costs what the page holds."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from durabletask.testing.in_memory_backend import OrchestrationInstance

from arcway_local.functions.records import Instance

type Place = tuple[datetime, str]
"""When an instance was created, and its id."""

_SPARE = 64


class CreationOrder:
    """The order in which instances were created. Call with the engine locked.

    Only what is created has to be reported: a place whose instance is gone, or was replaced, is passed over.
    """

    def __init__(self, instances: Iterable[OrchestrationInstance] = ()) -> None:
        self._places: list[Place] = sorted((instance.created_at, instance.instance_id) for instance in instances)

    def add(self, instance: OrchestrationInstance, instances: dict[str, Any]) -> None:
        """Take an instance that was put into `instances`."""
        if len(self._places) > 2 * len(instances) + _SPARE:
            self._places = [place for place, _ in self.since(None, None, instances)]
        insort(self._places, (instance.created_at, instance.instance_id))

    def since(
        self, start: datetime | None, last: Place | None, instances: dict[str, Any]
    ) -> Iterator[tuple[Place, Instance]]:
        """The instances created at or after `start` and placed behind `last`, the oldest first."""
        begin = bisect_left(self._places, (start, "")) if start is not None else 0
        if last is not None:
            begin = max(begin, bisect_right(self._places, last))
        # Not by the mapping's own look-up: a journal would take what is only read for changed.
        look_up = partial(dict.get, instances)
        for place in islice(self._places, begin, None):
            instance: Instance | None = look_up(place[1])
            if instance is not None and instance.created_at == place[0]:
                yield place, instance
