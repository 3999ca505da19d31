"""The Service Bus as a whole: listens, applies what is due, and stores changes before it reports them.

One tick of the event loop is one transaction: what clients sent in it is applied, delivered and committed, and only
then acknowledged.
"""

import asyncio
import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from arcway_local.orders import Orders
from arcway_local.own_site import refuse_other_sites
from arcway_local.service_bus.broker import Broker, milliseconds
from arcway_local.service_bus.config import Configuration
from arcway_local.service_bus.connection import Connection, House
from arcway_local.service_bus.control import control_routes
from arcway_local.service_bus.faults import Faults
from arcway_local.service_bus.filters import Envelope
from arcway_local.service_bus.model import Draft
from arcway_local.service_bus.sections import read_draft, read_envelope
from arcway_local.service_bus.store import MemoryStore, Store, StoreError

KEY_NAME, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"
"""The only key of the official emulator."""

LARGEST_MESSAGE = 262_144
"""As in the Standard tier; queues and topics of the Premium tier say otherwise (MaxMessageSizeInKilobytes)."""
_BACKLOG = 512
_LOGGER = logging.getLogger(__name__)


class ServiceBus:
    """A Service Bus on loopback: an async context manager.

    `failure` ends with StoreError when changes can no longer be stored; from then on, nothing is acknowledged.
    """

    def __init__(
        self,
        configuration: Configuration,
        port: int = 0,
        data: Path | None = None,
        largest_message: int = LARGEST_MESSAGE,
        control_port: int = 0,
    ) -> None:
        """`data` is the folder to keep messages in, None: in memory only. Port 0 takes a free one."""
        self.port = port
        self.control_port = control_port
        self.failure: asyncio.Future[None]
        self._configuration = configuration
        self._data = data
        self._largest_message = largest_message
        self._connections: set[Connection] = set()
        self._dirty: dict[Connection, None] = {}
        self._faults: Faults = Orders()
        self._tick: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: int | None = None

    @property
    def connection_string(self) -> str:
        """In the official emulator's form, for `ServiceBusClient.from_connection_string`."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};"
            "UseDevelopmentEmulator=true;"
        )

    @property
    def control_url(self) -> str:
        """Where the control API is."""
        return f"http://127.0.0.1:{self.control_port}/control"

    async def __aenter__(self) -> Self:
        """Load what was kept and listen. Raises StoreError, or OSError when a port is taken."""
        self._loop = asyncio.get_running_loop()
        self.failure = self._loop.create_future()
        self._store = Store(self._data) if self._data is not None else MemoryStore()
        try:
            self._broker = Broker(self._configuration, self._store, _read, self._due)
            if isinstance(self._store, Store):
                self._restore(self._store)
            await self._listen()
        except BaseException:
            self._cancel_timers()
            self._store.close()
            raise
        self._changed(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, drop all clients, close the file."""
        self._server.close()
        await self._runner.cleanup()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()
        self._cancel_timers()
        self._store.close()
        self.failure.cancel()

    def drop_links(self, path: str, condition: str, description: str) -> int:
        """End all links to an entity with an error; returns their number."""
        dropped = 0
        for connection in self._connections:
            for session in connection.sessions:
                for link in session.links:
                    if link.address == path:
                        session.drop(link, condition, description)
                        dropped += 1
        return dropped

    def drop_connections(self) -> int:
        """End all connections without a close frame; returns their number."""
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        return len(connections)

    def expire_locks(self, path: str, sequence: int | None) -> int:
        """Expire locks now; returns their number. Raises EntityNotFound."""
        ended = self._broker.queue(path).expire_locks(sequence)
        self._changed(None)
        return ended

    def counts(self) -> dict[str, dict[str, int]]:
        """The number of messages per entity, by state."""
        self._broker.advance()
        self._changed(None)
        return self._broker.counts()

    @property
    def faults(self) -> Faults:
        """The injected faults."""
        return self._faults

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        return len(self._connections)

    def _restore(self, store: Store) -> None:
        omitted: dict[str, int] = {}
        for path, message in store.messages():
            self._broker.last_key = max(self._broker.last_key, message.key)
            if not self._broker.restore(path, message):
                omitted[path] = omitted.get(path, 0) + 1
        for path, count in omitted.items():
            _LOGGER.warning("%d kept messages stay aside: the configuration has no entity %s.", count, path)
        entities = self._broker.entities
        for path, last in store.numbers().items():
            if path in entities:
                entities[path].last_sequence = last
        for path, message_id, until in store.history(milliseconds()):
            if path in entities:
                entities[path].history[message_id] = until

    async def _listen(self) -> None:
        house = House(
            broker=self._broker,
            faults=self._faults,
            secrets={KEY_NAME: KEY},
            largest_message=self._largest_message,
            connections=self._connections,
            changed=self._changed,
        )
        self._server = await self._loop.create_server(
            lambda: Connection(house), "127.0.0.1", self.port, backlog=_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            await self._listen_for_control()
        except BaseException:
            self._server.close()
            raise

    async def _listen_for_control(self) -> None:
        app = web.Application(middlewares=[refuse_other_sites("/control")])
        app.add_routes(control_routes(self))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, "127.0.0.1", self.control_port)
            await site.start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self.control_port = self._runner.addresses[0][1]

    def _changed(self, connection: Connection | None) -> None:
        if connection is not None:
            self._dirty[connection] = None
        if self._tick is None:
            self._tick = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._tick = None
        if self.failure.done():
            return
        self._broker.pump()
        try:
            self._store.commit()
        except StoreError as error:
            self.failure.set_exception(error)
            self.drop_connections()
            return
        connections = list(self._dirty)
        self._dirty.clear()
        for connection in connections:
            connection.transmit()

    def _due(self, when: int) -> None:
        if self._alarm_at is not None and self._alarm_at <= when:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = when
        self._alarm = self._loop.call_later(max(0, when - milliseconds()) / 1000, self._advance)

    def _advance(self) -> None:
        self._alarm = self._alarm_at = None
        following = self._broker.advance()
        if following is not None:
            self._due(following)
        self._changed(None)

    def _cancel_timers(self) -> None:
        for handle in (self._tick, self._alarm):
            if handle is not None:
                handle.cancel()


def _read(content: bytes) -> tuple[Draft, Envelope]:
    return read_draft(content), read_envelope(content)
