"""The broker: all entities of the configuration, found by address, and the time of the next change."""

import time
from collections.abc import Callable

from arcway_local.service_bus.config import Configuration
from arcway_local.service_bus.entity import Entity, Records, Rules, Surroundings
from arcway_local.service_bus.filters import Envelope
from arcway_local.service_bus.model import Draft, EntityNotFound, Message
from arcway_local.service_bus.queue import Queue
from arcway_local.service_bus.topic import Subscription, Topic

_DEAD_LETTERS = "/$deadletterqueue"


def milliseconds() -> int:
    """Now, since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Broker:
    """Entities by path. Paths are compared without regard to case, as Service Bus does it."""

    def __init__(
        self,
        configuration: Configuration,
        records: Records,
        read: Callable[[bytes], tuple[Draft, Envelope]],
        due: Callable[[int], None],
        clock: Callable[[], int] = milliseconds,
    ) -> None:
        """`read` understands a message's content; `due` gets the latest time for the next `advance`."""
        self.clock = clock
        self.entities: dict[str, Entity] = {}
        self.last_key = 0
        self._waiting: dict[Entity, None] = {}
        self._around = Surroundings(clock, self._next_key, due, self.wake, records)
        for queue in configuration.queues:
            self._add_queue(queue.name, queue.rules)
        for settings in configuration.topics:
            topic = Topic(settings.name.lower(), settings.rules, self._around, read)
            self.entities[topic.path] = topic
            for subscription in settings.subscriptions:
                part = self._add_queue(f"{settings.name}/subscriptions/{subscription.name}", subscription.rules)
                topic.subscriptions.append(Subscription(part, subscription.filters))

    def _add_queue(self, name: str, rules: Rules) -> Queue:
        path = name.lower()
        grave_rules = Rules(lock_duration=rules.lock_duration, most_deliveries=None)
        grave = Queue(path + _DEAD_LETTERS, grave_rules, self._around, None)
        queue = Queue(path, rules, self._around, grave)
        self.entities[path], self.entities[grave.path] = queue, grave
        return queue

    def _next_key(self) -> int:
        self.last_key += 1
        return self.last_key

    def find(self, address: str) -> Entity:
        """The entity at an address such as `queue`, `topic/Subscriptions/name/$DeadLetterQueue`.

        Raises EntityNotFound.
        """
        entity = self.entities.get(address.strip("/").lower())
        if entity is None:
            raise EntityNotFound(f"The messaging entity '{address}' could not be found.")
        return entity

    def queue(self, address: str) -> Queue:
        """The entity, if messages can be received from it. Raises EntityNotFound."""
        entity = self.find(address)
        if not isinstance(entity, Queue):
            raise EntityNotFound(f"'{address}' is a topic; messages are received from its subscriptions.")
        return entity

    def target(self, address: str) -> Entity:
        """The entity, if messages can be sent to it. Raises EntityNotFound."""
        entity = self.find(address)
        if "/" in entity.path:
            raise EntityNotFound(f"Messages cannot be sent to '{address}'; send to the queue or topic.")
        return entity

    def restore(self, path: str, message: Message) -> bool:
        """Restore a stored message; False if the configuration no longer has the entity."""
        entity = self.entities.get(path)
        if entity is None:
            return False
        entity.restore(message)
        return True

    def wake(self, entity: Entity) -> None:
        """Mark an entity that may have messages for its consumers; `pump` delivers them."""
        self._waiting[entity] = None

    def pump(self) -> None:
        """Deliver all messages that can be delivered."""
        while self._waiting:
            entity, _ = self._waiting.popitem()
            if isinstance(entity, Queue):
                entity.pump()

    def advance(self) -> int | None:
        """Apply what is due by now; returns when it must be called again, None for never."""
        now = self.clock()
        for entity in self.entities.values():
            entity.advance(now)
        return min((due for current in self.entities.values() if (due := current.next_due()) is not None), default=None)

    def counts(self) -> dict[str, dict[str, int]]:
        """Statistics of queues, subscriptions and topics; dead letters count for the entity that they come from."""
        counts: dict[str, dict[str, int]] = {}
        for path, entity in self.entities.items():
            if isinstance(entity, Topic) or (isinstance(entity, Queue) and entity.dead_letters is not None):
                counts[path] = entity.counts()
        return counts
