"""One listing of a resource group for all members of fleets that follow their connected clusters in it.

A listing is made when at least two runs look, by one of them while the others wait, and not again before some seconds
have passed. What this installation wrote after a listing began is not in it: such a cluster is not current. For a run
that looks alone its cluster is read instead, and its steps share that. Who may believe a listing, and what it says, is
its readers' concern.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId

# Between two listings of a group, for each page that it has, and at most.
_PAGE, _SECONDS_PER_PAGE, _MOST_SECONDS = 100, 5.0, 10.0
# A run that has not looked for so long does not look any more; waiting runs look every 30 s.
_LOOKING_SECONDS = 60.0
# Between two reads for a run that is alone and waits; its steps that do not wait take what is not older than a listing.
_ALONE_SECONDS = 1.5
_MOST_GROUPS = 64
_NEVER = float("-inf")

type ListGroup = Callable[[], list[dict[str, Any]]]
type ReadOne = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing, or a read for one run alone, says of one cluster: the resource, None if it is not there."""

    resource: dict[str, Any] | None
    is_current: bool
    """Whether that began after this installation's last write to the cluster."""
    next_in: float
    """Seconds until there may be another one."""
    age: float = 0.0
    """Seconds since it began."""
    is_own: bool = False
    """Whether it was read for this run alone."""


@dataclass(slots=True)
class _Group:
    lock: threading.Lock = field(default_factory=threading.Lock)
    runs: dict[str, float] = field(default_factory=dict)
    """The runs that look, and when each did last."""
    own: dict[str, tuple[float, dict[str, Any] | None]] = field(default_factory=dict)
    """What was read for a run alone, and when that began."""
    began: float = _NEVER
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused_at: float = _NEVER

    @property
    def pages(self) -> int:
        return 1 + len(self.resources) // _PAGE

    @property
    def interval(self) -> float:
        return min(_MOST_SECONDS, self.pages * _SECONDS_PER_PAGE)


class Listings:
    """The latest listings of one installation. `clock` gives seconds that only grow."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: OrderedDict[str, _Group] = OrderedDict()  # the longest unused first
        self._written: OrderedDict[str, float] = OrderedDict()  # the longest ago first

    def look(
        self, cluster: ClusterId, run: str, list_group: ListGroup, read_one: ReadOne, *, waits: bool = True
    ) -> Listed:
        """What the latest listing of the cluster's group says, or `read_one` for a run that is alone.

        That is where fewer runs look than a listing takes requests, and where it is not allowed. A run that does not
        wait for a change takes an older read of its own. Raises `ArcError` as the two do, but of a listing only
        ARC-4007 when Azure throttles.
        """
        group = self._group(cluster)
        with group.lock:
            if shared := self._shared(group, cluster, run, list_group):
                return shared
        return self._own(group, cluster, run, read_one, _ALONE_SECONDS if waits else _SECONDS_PER_PAGE)

    def leave(self, cluster: ClusterId, run: str) -> None:
        """The run has seen what it waited for; until it looks again, it does not count as one that looks."""
        group = self._group(cluster)
        with group.lock:
            group.runs.pop(run, None)

    def wrote(self, cluster: ClusterId) -> None:
        """This installation has just written the cluster, or tried to."""
        with self._lock:
            now = self._clock()
            self._written.pop(cluster.key, None)
            self._written[cluster.key] = now
            while now - next(iter(self._written.values())) > _LOOKING_SECONDS:
                self._written.popitem(last=False)

    def _shared(self, group: _Group, cluster: ClusterId, run: str, list_group: ListGroup) -> Listed | None:
        now = self._clock()
        group.runs = {name: at for name, at in group.runs.items() if now - at < _LOOKING_SECONDS} | {run: now}
        if now - group.began >= group.interval:
            is_refused = now - group.refused_at < _LOOKING_SECONDS
            if is_refused or len(group.runs) < max(2, group.pages) or not self._list(group, now, list_group):
                return None
        age = self._clock() - group.began
        is_current = self._written_at(cluster) < group.began
        return Listed(group.resources.get(cluster.key), is_current, max(0.0, group.interval - age), age)

    def _own(self, group: _Group, cluster: ClusterId, run: str, read_one: ReadOne, longest: float) -> Listed:
        # Without the group's lock: only the run itself reads its cluster, and others need not wait for that.
        began, resource = group.own.get(run, (_NEVER, None))
        now = self._clock()
        if now - began >= longest or self._written_at(cluster) >= began:
            began, resource = now, read_one()
            with group.lock:
                group.own = {name: own for name, own in group.own.items() if now - own[0] < _LOOKING_SECONDS}
                group.own[run] = (began, resource)
        age = self._clock() - began
        is_current = self._written_at(cluster) < began
        return Listed(resource, is_current, max(0.0, longest - age), age, is_own=True)

    def _written_at(self, cluster: ClusterId) -> float:
        with self._lock:
            return self._written.get(cluster.key, _NEVER)

    def _list(self, group: _Group, now: float, list_group: ListGroup) -> bool:
        try:
            resources = {str(item["id"]).lower(): item for item in list_group()}
        except ArcError as error:
            if error.code == Code.AZURE_THROTTLED:
                raise
            group.refused_at = now
            return False
        except (LookupError, TypeError, ValueError, AttributeError):
            # A run does not fail because a list cannot be read: it reads for itself.
            group.refused_at = now
            return False
        group.began, group.resources = now, resources
        return True

    def _group(self, cluster: ClusterId) -> _Group:
        key = f"{cluster.subscription_id}/{cluster.resource_group}".lower()
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            self._groups.move_to_end(key)
            if len(self._groups) > _MOST_GROUPS:
                self._groups.popitem(last=False)
            return group
