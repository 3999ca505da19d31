"""Tells agents that what Azure wants of their cluster has changed, so that they need not ask again and again."""

import asyncio
import time

_SEPARATOR = "/providers/microsoft.kubernetesconfiguration/"


class AgentSignal:
    """A revision per connected cluster, by its id in lower case; it grows with every change."""

    def __init__(self) -> None:
        # Never the number of an earlier process: agents that outlive it have to read again.
        self._first = time.time_ns()
        self._revisions: dict[str, int] = {}
        self._changed: dict[str, asyncio.Event] = {}

    def notify(self, key: str) -> None:
        """Count a change; `key` is the id of the cluster or of a resource below it, in lower case."""
        cluster_key = key.partition(_SEPARATOR)[0]
        self._revisions[cluster_key] = self.revision(cluster_key) + 1
        if changed := self._changed.pop(cluster_key, None):
            changed.set()

    def revision(self, cluster_key: str) -> int:
        """The revision of a cluster."""
        return self._revisions.get(cluster_key, self._first)

    async def wait_for_change(self, cluster_key: str, previous: int, seconds: float) -> int:
        """Wait until the revision is another than `previous`, at most so many seconds; returns the revision."""
        if self.revision(cluster_key) == previous:
            changed = self._changed.setdefault(cluster_key, asyncio.Event())
            try:
                await asyncio.wait_for(changed.wait(), seconds)
            except TimeoutError:
                return previous
        return self.revision(cluster_key)

    def release_waiting(self) -> None:
        """Let all who wait return, because the simulation stops."""
        for changed in self._changed.values():
            changed.set()
