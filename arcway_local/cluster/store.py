"""The memory of one cluster: objects by kind, one growing revision, the history that watches are served from.

Every write is one revision, as in etcd. Objects that it hands out are shared and must not be changed in place.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

from arcway_local.cluster.values import ResourceKey, name_of, namespace_of
from arcway_local.json_documents import Json

type ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
type Listener = Callable[["Change"], None]

_FIRST_REVISION = 1000


class Change(NamedTuple):
    """One write: the object after it (for a deletion: as it was, with the deletion's revision) and before it."""

    revision: int
    type: ChangeType
    key: ResourceKey
    object: Json
    previous: Json | None


class HistoryGoneError(Exception):
    """The revision asked for is older than the history; `oldest` is the first one still served."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history starts at {oldest}")
        self.oldest = oldest


class Store:
    """Objects of one cluster with their history; `history` is the number of changes kept."""

    def __init__(self, history: int = 2000) -> None:
        self.revision = _FIRST_REVISION
        self._objects: dict[ResourceKey, dict[tuple[str, str], Json]] = {}
        self._by_uid: dict[str, tuple[ResourceKey, Json]] = {}
        self._dependents: dict[str, set[str]] = {}
        self._history: deque[Change] = deque(maxlen=history)
        self._oldest = self.revision
        self._listeners: list[Listener] = []

    def get(self, key: ResourceKey, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self._objects.get(key, {}).get((namespace, name))

    def find_uid(self, uid: str) -> tuple[ResourceKey, Json] | None:
        """The object with that uid, or None."""
        return self._by_uid.get(uid)

    def objects(self, key: ResourceKey, namespace: str = "") -> list[Json]:
        """Objects of a kind in name order, of one namespace or (empty) of all."""
        items = self._objects.get(key, {})
        return [items[place] for place in sorted(items) if not namespace or place[0] == namespace]

    def list_at(self, key: ResourceKey, namespace: str, revision: int) -> list[Json]:
        """The list as it was at a revision. Raises HistoryGoneError when that is too old to be known."""
        items = dict(self._objects.get(key, {}))
        for change in reversed(self.since(revision)):
            if change.key != key:
                continue
            place = namespace_of(change.object), name_of(change.object)
            if change.previous is None:
                items.pop(place, None)
            else:
                items[place] = change.previous
        return [items[place] for place in sorted(items) if not namespace or place[0] == namespace]

    def in_namespace(self, namespace: str) -> list[tuple[ResourceKey, Json]]:
        """Every object in a namespace."""
        return [
            (key, item)
            for key, items in self._objects.items()
            for (owner, _), item in items.items()
            if owner == namespace
        ]

    def dependents(self, uid: str) -> list[tuple[ResourceKey, Json]]:
        """Objects that name that uid as an owner."""
        return [self._by_uid[dependent] for dependent in sorted(self._dependents.get(uid, ()))]

    def since(self, revision: int) -> list[Change]:
        """Changes after a revision, oldest first. Raises HistoryGoneError when some of them are no longer known."""
        if revision < self._oldest:
            raise HistoryGoneError(self._oldest)
        if revision >= self.revision:
            return []
        return [change for change in self._history if change.revision > revision]

    def put(self, key: ResourceKey, item: Json) -> Json:
        """Store an object under the next revision and return it as stored."""
        place = namespace_of(item), name_of(item)
        previous = self._objects.get(key, {}).get(place)
        stored = self._stamped(item)
        self._objects.setdefault(key, {})[place] = stored
        if previous is not None:
            self._forget(previous)
        self._remember(key, stored)
        self._record(Change(self.revision, "MODIFIED" if previous else "ADDED", key, stored, previous))
        return stored

    def remove(self, key: ResourceKey, item: Json) -> Json:
        """Remove an object and return its last form, which carries the revision of the removal."""
        place = namespace_of(item), name_of(item)
        previous = self._objects[key].pop(place)
        self._forget(previous)
        last = self._stamped(previous)
        self._record(Change(self.revision, "DELETED", key, last, previous))
        return last

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call the listener with every change from now on; returns a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def compact(self) -> None:
        """Drop the history, as etcd's compaction does: reads from earlier revisions raise HistoryGoneError."""
        self._history.clear()
        self._oldest = self.revision

    def _stamped(self, item: Json) -> Json:
        self.revision += 1
        return item | {"metadata": item["metadata"] | {"resourceVersion": str(self.revision)}}

    def _remember(self, key: ResourceKey, item: Json) -> None:
        uid = item["metadata"]["uid"]
        self._by_uid[uid] = key, item
        for owner in item["metadata"].get("ownerReferences", ()):
            self._dependents.setdefault(owner["uid"], set()).add(uid)

    def _forget(self, item: Json) -> None:
        uid = item["metadata"]["uid"]
        self._by_uid.pop(uid, None)
        for owner in item["metadata"].get("ownerReferences", ()):
            siblings = self._dependents[owner["uid"]]
            siblings.discard(uid)
            if not siblings:
                del self._dependents[owner["uid"]]

    def _record(self, change: Change) -> None:
        if self._history.maxlen == len(self._history):
            self._oldest = self._history[0].revision
        self._history.append(change)
        for listener in tuple(self._listeners):
            listener(change)
