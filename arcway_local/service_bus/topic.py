"""A topic: a copy of each message for every subscription whose rules match."""

from collections.abc import Callable
from dataclasses import dataclass

from arcway_local.service_bus.entity import Entity, Rules, Surroundings
from arcway_local.service_bus.filters import BooleanFilter, Envelope, Filter
from arcway_local.service_bus.model import Draft, Message
from arcway_local.service_bus.queue import Queue


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription's queue and its rules, of which one must match."""

    queue: Queue
    filters: tuple[Filter, ...]

    def takes(self, envelope: Envelope) -> bool:
        """Whether any rule matches the message; without rules, none does."""
        return any(rule.matches(envelope) for rule in self.filters)

    @property
    def takes_all(self) -> bool:
        """Whether every message matches, so that it need not be read."""
        return BooleanFilter(True) in self.filters


class Topic(Entity):
    """Holds scheduled messages only; the others go to the subscriptions at once."""

    def __init__(
        self, path: str, rules: Rules, around: Surroundings, read: Callable[[bytes], tuple[Draft, Envelope]]
    ) -> None:
        super().__init__(path, rules, around)
        self.subscriptions: list[Subscription] = []
        self._read = read

    def counts(self) -> dict[str, int]:
        """The number of scheduled messages."""
        return {"scheduled": len(self.messages)}

    def _arrive(self, message: Message, lifetime: int | None, now: int) -> None:
        draft, envelope = self._read(message.content)
        limits = [limit for limit in (draft.lifetime, self.rules.lifetime) if limit is not None]
        copy = Draft(message.content, message.message_id, min(limits) if limits else None)
        for subscription in self.subscriptions:
            if subscription.takes_all or subscription.takes(envelope):
                subscription.queue.enqueue(copy, message.sequence)
