"""Watches: a stream of changes from a resource version on, with bookmarks.

Follows the API server's watch cache in what clients can observe.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from arcway_local.cluster.errors import expired
from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.reading import check_list_options, present, selection
from arcway_local.cluster.requests import Form, flag, number
from arcway_local.cluster.selectors import Predicate
from arcway_local.cluster.store import Change, HistoryGoneError, Store
from arcway_local.cluster.tables import table
from arcway_local.cluster.values import namespace_of
from arcway_local.json_documents import Json

_DEFAULT_SECONDS = 1800.0
_BOOKMARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch request."""

    kind: Kind
    namespace: str
    matches: Predicate
    form: Form
    start: int | None
    bookmarks: bool
    initial: bool
    seconds: float

    @classmethod
    def parse(cls, kind: Kind, namespace: str, name: str, query: Mapping[str, str], form: Form) -> "Watch":
        """Read the parameters. Raises ApiError 400 or 422."""
        check_list_options(query)
        return cls(
            kind=kind,
            namespace=namespace,
            matches=selection(kind, query, name),
            form=form,
            start=number(query, "resourceVersion") or None,
            bookmarks=flag(query, "allowWatchBookmarks"),
            initial=flag(query, "sendInitialEvents"),
            seconds=number(query, "timeoutSeconds") or _DEFAULT_SECONDS,
        )

    def concerns(self, change: Change) -> bool:
        """Whether the change is to an object in the watch's scope."""
        if change.key != self.kind.key:
            return False
        return not self.namespace or namespace_of(change.object) == self.namespace

    def event(self, change: Change) -> Json | None:
        """The event for a change; objects that begin or cease to match the selectors are added or deleted."""
        matched_before = change.previous is not None and self.matches(change.previous)
        matches_now = change.type != "DELETED" and self.matches(change.object)
        if not matched_before and not matches_now:
            return None
        type_ = "DELETED" if not matches_now else "MODIFIED" if matched_before else "ADDED"
        item = change.object
        if type_ == "DELETED" and change.previous is not None:
            version = {"resourceVersion": str(change.revision)}
            item = change.previous | {"metadata": change.previous["metadata"] | version}
        return {"type": type_, "object": present(item, self.kind, self.form)}

    def bookmark(self, revision: int, *, initial: bool = False) -> Json:
        """A bookmark event."""
        metadata: Json = {"resourceVersion": str(revision), "creationTimestamp": None}
        if initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        item: Json = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": metadata}
        if self.form.startswith("table"):
            return {"type": "BOOKMARK", "object": table([], self.kind, self.form, metadata)}
        return {"type": "BOOKMARK", "object": present(item, self.kind, self.form)}

    def first_events(self, store: Store) -> list[Json]:
        """What the stream starts with. Raises HistoryGoneError."""
        if self.start is not None and not self.initial:
            events = (self.event(change) for change in store.since(self.start) if self.concerns(change))
            return [event for event in events if event is not None]
        items = [item for item in store.objects(self.kind.key, self.namespace) if self.matches(item)]
        first = [{"type": "ADDED", "object": present(item, self.kind, self.form)} for item in items]
        if self.initial and self.bookmarks:
            first.append(self.bookmark(store.revision, initial=True))
        return first


async def stream(store: Store, watch: Watch) -> AsyncIterator[bytes]:
    """Lines of the stream, several at a time when they are there; ends at the watch's time limit (seconds)."""
    queue: asyncio.Queue[Change] = asyncio.Queue()

    def listen(change: Change) -> None:
        if watch.concerns(change):
            queue.put_nowait(change)

    silence = store.listen(listen)
    try:
        try:
            first = watch.first_events(store)
        except HistoryGoneError as error:
            status = expired(f"too old resource version: {watch.start} ({error.oldest})").status()
            yield _lines([{"type": "ERROR", "object": status}])
            return
        yield _lines(first)
        async for lines in _follow(store, watch, queue):
            yield lines
    finally:
        silence()


async def _follow(store: Store, watch: Watch, queue: asyncio.Queue[Change]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch.seconds
    next_bookmark = loop.time() + _BOOKMARK_SECONDS
    while (now := loop.time()) < deadline:
        try:
            async with asyncio.timeout(min(deadline, next_bookmark) - now):
                changes = [await queue.get()]
        except TimeoutError:
            next_bookmark = loop.time() + _BOOKMARK_SECONDS
            if watch.bookmarks:
                yield _lines([watch.bookmark(store.revision)])
            continue
        while not queue.empty():
            changes.append(queue.get_nowait())
        events = [event for change in changes if (event := watch.event(change)) is not None]
        if events:
            yield _lines(events)


def _lines(events: list[Json]) -> bytes:
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)
