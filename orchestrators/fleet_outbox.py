"""The events of a fleet that wait to be published, in order, and what was published of its progress."""

from collections.abc import Iterator

from arcway.domain.events import FleetEventKind, fleet_event
from arcway.domain.fleets.rollout import Rollout
from arcway.domain.json_values import Json

_TENTHS = 10


def milestones_of(rollout: Rollout) -> Json:
    """What of the stages is worth an event when it changes."""
    gate, step = rollout.gate, "soak" if rollout.step == "verify" else rollout.step
    is_ready = gate is not None and rollout.checked_range() is None
    return {
        "stage": [rollout.current, step] if len(rollout.stages) > 1 else None,
        "halted": rollout.halted["at"] if rollout.halted else None,
        "gate": f"{rollout.gate_name}/{gate.checks}" if gate and is_ready else None,
        "decisions": len(rollout.approvals),
    }


def events_between(earlier: Json, now: Json) -> Iterator[FleetEventKind]:
    """The events of what has changed."""
    if now["decisions"] > earlier["decisions"]:
        yield "decided"
    if earlier["halted"] and not now["halted"]:
        yield "resumed"
    if now["stage"] != earlier["stage"]:
        yield "stageChanged"
    if now["halted"] and not earlier["halted"]:
        yield "halted"
    if now["gate"] and now["gate"] != earlier["gate"]:
        yield "waitingForApproval"


class FleetOutbox:
    """The events of one fleet over all its generations. Without a `source` there is no broker, and no event."""

    def __init__(self, source: str | None, trace: str | None, earlier: Json | None) -> None:
        self._source = source
        self._trace = trace
        self._waiting: list[Json] = list(earlier["waiting"]) if earlier else []
        self._tenth: int = earlier["tenth"] if earlier else 0
        self._count: int = earlier["count"] if earlier else 0

    def as_json(self) -> Json:
        """What the next generation begins with."""
        return {"waiting": self._waiting, "tenth": self._tenth, "count": self._count}

    @property
    def waiting(self) -> list[Json]:
        """The events that are not published yet."""
        return self._waiting

    def published(self, events: list[Json]) -> None:
        """These are published, or never will be."""
        self._waiting = [event for event in self._waiting if event not in events]

    def add(self, kind: FleetEventKind, fleet: Json, place: str | None = None) -> None:
        """Put an event about the fleet as it is now behind those that wait."""
        if self._source is None:
            return
        self._count += 1
        time, place = fleet["updatedAt"], place or str(self._count)
        event = fleet_event(kind, fleet, source=self._source, place=place, time=time, trace=self._trace)
        self._waiting.append(event)

    def add_progress(self, fleet: Json) -> None:
        """An event if a further tenth of the members has ended."""
        ended = sum(fleet["counts"][state] for state in ("succeeded", "unchanged", "failed", "canceled", "skipped"))
        tenth = _TENTHS * ended // fleet["size"]
        if self._tenth < tenth < _TENTHS:
            self.add("progressed", fleet, f"progressed/{tenth}")
        self._tenth = max(self._tenth, tenth)
