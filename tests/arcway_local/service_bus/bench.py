"""A broker without AMQP, storage or a real clock."""

from typing import Any

from arcway_local.service_bus.broker import Broker
from arcway_local.service_bus.config import parse
from arcway_local.service_bus.filters import Envelope
from arcway_local.service_bus.model import Draft, Message
from arcway_local.service_bus.store import MemoryStore

START = 1_000_000


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class Taker:
    """A consumer that takes what it is given, up to a limit."""

    def __init__(self, limit: int = 1000, locks: bool = True) -> None:
        self.locks = locks
        self.taken: list[Message] = []
        self.limit = limit

    @property
    def ready(self) -> bool:
        return len(self.taken) < self.limit

    def deliver(self, message: Message) -> None:
        self.taken.append(message)

    @property
    def contents(self) -> list[bytes]:
        return [message.content for message in self.taken]


class Bench:
    """A broker for one test."""

    def __init__(self, queues: dict[str, dict[str, Any]], topics: list[dict[str, Any]] | None = None) -> None:
        self.clock = Clock()
        self.dues: list[int] = []
        named = [{"Name": name, "Properties": properties} for name, properties in queues.items()]
        namespace = {"Name": "n", "Queues": named, "Topics": topics or []}
        configuration = parse({"UserConfig": {"Namespaces": [namespace]}})
        self.broker = Broker(configuration, MemoryStore(), _read, self.dues.append, self.clock)

    def send(self, path: str, *contents: bytes, **draft: Any) -> None:
        for content in contents:
            self.broker.target(path).enqueue(Draft(content, **draft))

    def take(self, path: str, limit: int = 1000, locks: bool = True) -> Taker:
        """What a consumer gets that comes and goes."""
        taker = Taker(limit, locks)
        queue = self.broker.queue(path)
        queue.consumers.append(taker)
        self.broker.wake(queue)
        self.broker.pump()
        queue.leave(taker)
        return taker

    def passes(self, milliseconds: int) -> int | None:
        """Time passes, and acts."""
        self.clock.now += milliseconds
        return self.broker.advance()


def _read(content: bytes) -> tuple[Draft, Envelope]:
    return Draft(content), Envelope(label=content.decode())
