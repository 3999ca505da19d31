"""A forwarder that lets Helm reach one API server and nothing else.

Helm's client follows redirects to any scheme and host, and resolves names when it connects. The kubeconfig that it gets
names this proxy on loopback, for the time of one call: it connects only to the checked addresses of that API server
(or asks the outbound proxy for its name), and refuses everything else. TLS goes through it from end to end.
"""

import asyncio
import base64
import hmac
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import SplitResult, unquote, urlsplit
from weakref import WeakSet

from arcway.cluster.access.endpoint import Endpoint, host_and_port, join_host
from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE, ArcError
from arcway.telemetry import log

CONNECT_SECONDS = 5.0
_CHUNK = 64 * 1024
# Helm opens one for each kind of object in a chart, because its client shares none where a proxy is named.
_MOST_CONNECTIONS = 256
_BROKEN = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextmanager
def forwarding(server: str, endpoint: Endpoint) -> Iterator[str]:
    """Forward to the API server at the URL `server`; yields the URL of the proxy, with its credential.

    The port and all connections are closed at the end. When the call inside failed with `ArcError` and had been
    redirected, raises ARC-3009 instead.
    """
    forwarder = _Forwarder(host_and_port(server), endpoint)
    thread = threading.Thread(target=forwarder.run, name="helm-forwarder", daemon=True)
    thread.start()
    try:
        yield forwarder.url()
    except ArcError as error:
        if forwarder.redirected:
            raise ArcError(Code.API_SERVER_REDIRECTED) from error
        raise
    finally:
        forwarder.stop()
        thread.join()


class _Forwarder:
    """The proxy of one call, in a thread and event loop of its own, so that no other loop waits for it."""

    def __init__(self, target: tuple[str, int], endpoint: Endpoint) -> None:
        self.redirected = False
        self._host, self._port = target
        self._target = join_host(*target)
        self._endpoint = endpoint
        self._credential = secrets.token_urlsafe(24)
        self._authorization = _basic("arcway", self._credential)
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._listening = threading.Event()
        self._own_port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: WeakSet[asyncio.StreamWriter] = WeakSet()

    def url(self) -> str:
        """The proxy's URL, once it listens. Raises `ArcError` ARC-5004 when it cannot."""
        self._listening.wait()
        if not self._own_port:
            raise ArcError(Code.HELM_TIMEOUT, "Helm's local proxy to the API server could not be started.")
        return f"http://arcway:{self._credential}@127.0.0.1:{self._own_port}"

    def run(self) -> None:
        """Serve until `stop`."""
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            log.error("Helm's forwarder cannot listen: %s", error.strerror)
        finally:
            self._listening.set()
            self._loop.close()

    def stop(self) -> None:
        """Close the port and all connections."""
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self) -> None:
        with ExitStack() as accepted, socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            self._own_port = listener.getsockname()[1]
            self._listening.set()
            # Not `sock_accept`, which loses a connection that comes while it is being canceled.
            self._loop.add_reader(listener, self._accept, listener, accepted)
            await self._stopped.wait()
            self._loop.remove_reader(listener)
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0)  # the transports close their sockets in the loop's next turn

    def _accept(self, listener: socket.socket, accepted: ExitStack) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the peer has gone again
        accepted.callback(connection.close)
        if len(self._tasks) < _MOST_CONNECTIONS:
            task = self._loop.create_task(self._serve_connection(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            connection.close()

    async def _serve_connection(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=_CHUNK)
        self._writers.add(writer)
        try:
            await self._forward(reader, writer)
        except _BROKEN:
            pass  # this connection is over; Helm says what it misses
        finally:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            request, *headers = await _read_head(reader)
        if not self._is_authorized(headers):
            await _answer(writer, "407 Proxy Authentication Required")
            return
        if request.lower().split(" ")[:2] != ["connect", self._target.lower()]:
            self.redirected = True
            await _answer(writer, f"403 {CATALOGUE[Code.API_SERVER_REDIRECTED].title}")
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                upstream = await open_connection(self._endpoint, self._host, self._port)
        except _BROKEN as error:
            reason = getattr(error, "strerror", None) or "no response in time"
            await _answer(writer, f"502 The API server cannot be reached: {reason}")
            return
        self._writers.add(upstream[1])
        await _answer(writer, "200 Connected")
        await _relay((reader, writer), upstream)

    def _is_authorized(self, headers: list[str]) -> bool:
        fields = (header.partition(":") for header in headers)
        sent = [value.strip() for name, _, value in fields if name.lower() == "proxy-authorization"]
        return len(sent) == 1 and hmac.compare_digest(sent[0].encode(), self._authorization.encode())


async def open_connection(endpoint: Endpoint, host: str, port: int) -> Streams:
    """Connect to the endpoint's addresses in turn, or through its proxy. Raises OSError, EOFError, ValueError."""
    if endpoint.proxy is not None:
        return await _open_through(urlsplit(endpoint.proxy), join_host(host, port))
    failure = OSError("no address")
    for number, address in enumerate(endpoint.addresses):
        try:
            async with asyncio.timeout(CONNECT_SECONDS / (len(endpoint.addresses) - number)):
                return await asyncio.open_connection(address, port, limit=_CHUNK)
        except OSError as error:  # a TimeoutError is one
            failure = error
    raise failure


async def _open_through(proxy: SplitResult, target: str) -> Streams:
    tls = ssl.create_default_context() if proxy.scheme == "https" else None
    port = proxy.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(proxy.hostname, port, ssl=tls, limit=_CHUNK)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        lines.append(f"Proxy-Authorization: {_basic(unquote(proxy.username), unquote(proxy.password or ''))}")
    try:
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        status = (await _read_head(reader))[0].split(" ")[1:2]
    except BaseException:
        writer.close()
        raise
    if status != ["200"]:
        writer.close()
        raise ConnectionRefusedError(0, f"the outbound proxy returned {''.join(status)[:3]}")
    return reader, writer


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


async def _read_head(reader: asyncio.StreamReader) -> list[str]:
    """The first line of a message and its headers."""
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode("latin-1", errors="replace"))
    await writer.drain()


async def _relay(downstream: Streams, upstream: Streams) -> None:
    """Copy both ways until one side ends."""
    try:
        ways = {
            asyncio.create_task(_copy(downstream[0], upstream[1])),
            asyncio.create_task(_copy(upstream[0], downstream[1])),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        upstream[1].close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
