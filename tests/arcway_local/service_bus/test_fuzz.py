"""Random bytes: the decoder refuses them in its own words, and a connection dies alone."""

import asyncio
import hmac
import random
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote_plus

import pytest

from arcway_local.service_bus import framing
from arcway_local.service_bus.codec import CodecError, decode, skip
from arcway_local.service_bus.config import Configuration, QueueSettings
from arcway_local.service_bus.entity import Rules
from arcway_local.service_bus.framing import Frame, FrameError, FrameReader, Header, frame, header
from arcway_local.service_bus.sections import read_draft, read_envelope, read_request, split_batch
from arcway_local.service_bus.server import KEY, KEY_NAME, ServiceBus
from arcway_local.service_bus.values import Array, Described, Symbol, UByte, UInt, ULong, UShort
from tests.arcway_local.service_bus.messages import encoded

FRAMES = 10_000
SEED = 20
LARGEST = 65536


def _attach(handle: int, receiver: bool, address: str) -> bytes:
    source = Described(ULong(0x28), [address, None, None, None, None, None, None, {Symbol("x"): "y"}])
    target = Described(ULong(0x29), [address])
    return frame(1, framing.ATTACH, ["link", UInt(handle), receiver, UByte(0), UByte(1), source, target, None, None])


def _token() -> str:
    resource, expiry = quote_plus("sb://127.0.0.1/queue"), "9999999999"
    signature = b64encode(hmac.digest(KEY.encode(), f"{resource}\n{expiry}".encode(), "sha256"))
    return f"SharedAccessSignature sr={resource}&sig={quote_plus(signature)}&se={expiry}&skn={KEY_NAME}"


def _samples() -> list[bytes]:
    """One of each frame that a client sends."""
    accepted = Described(ULong(0x24), [])
    request_body = {"operation": "put-token", "type": "jwt", "name": "sb://127.0.0.1/queue"}
    transfer = [UInt(0), UInt(0), b"tag", UInt(0), False, False]
    return [
        header(framing.SASL),
        frame(0, framing.SASL_INIT, [Symbol("ANONYMOUS"), b"", "host"]),
        header(framing.AMQP),
        frame(0, framing.OPEN, ["client", "host", UInt(65536), UShort(100), UInt(60000), None, None, None, None, {}]),
        frame(1, framing.BEGIN, [None, UInt(0), UInt(100), UInt(100), UInt(10)]),
        _attach(0, False, "$cbs"),
        _attach(1, True, "$cbs"),
        frame(1, framing.FLOW, [UInt(0), UInt(99), UInt(1), UInt(99), UInt(1), UInt(0), UInt(10), None, True, True]),
        frame(1, framing.TRANSFER, transfer, encoded(_token(), properties=["1"], application=request_body)),
        _attach(2, False, "queue"),
        frame(1, framing.TRANSFER, [UInt(2), *transfer[1:]], encoded(properties=["2"], application={"a": 1})),
        _attach(5, True, "queue"),
        frame(1, framing.FLOW, [UInt(0), UInt(99), UInt(1), UInt(99), UInt(5), UInt(0), UInt(10)]),
        frame(1, framing.DISPOSITION, [True, UInt(0), UInt(3), False, accepted, None]),
        _attach(3, False, "queue/$management"),
        _attach(4, True, "queue/$management"),
        frame(1, framing.TRANSFER, [UInt(3), *transfer[1:]], encoded({"message-count": 1}, properties=["3"])),
        frame(1, framing.DETACH, [UInt(0), True]),
        frame(1, framing.END, []),
        frame(0, framing.CLOSE, []),
        framing.EMPTY_FRAME,
    ]


def _mutated(chance: random.Random) -> Iterator[bytes]:
    """Random bytes, and frames with a few bytes changed, cut out or put in."""
    samples = _samples()
    for number in range(FRAMES):
        if number % 4 == 0:
            body = chance.randbytes(chance.randrange(60))
            yield (len(body) + 8).to_bytes(4) + b"\x02\x00\x00\x01" + body
            continue
        data = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data)) if data else 0
            choice = chance.randrange(3)
            if choice == 0 and data:
                data[place] = chance.randrange(256)
            elif choice == 1:
                del data[place : place + chance.randrange(1, 5)]
            else:
                data[place:place] = chance.randbytes(chance.randrange(1, 5))
        if len(data) >= 8 and chance.random() < 0.7:
            data[:4] = len(data).to_bytes(4)
        yield bytes(data)


def test_the_frame_reader_understands_or_refuses() -> None:
    understood = refused = 0
    for data in _mutated(random.Random(SEED)):
        try:
            for item in FrameReader(LARGEST).feed(data):
                assert isinstance(item, Frame | Header)
                understood += 1
        except FrameError:
            refused += 1
    assert understood > FRAMES // 50
    assert refused > FRAMES // 4


def test_values_and_messages_are_understood_or_refused() -> None:
    chance = random.Random(SEED)
    message = encoded(value={"a": [1, "x"], Symbol("b"): Array(0x98, [])}, properties=["id"], application={"k": 1.5})
    outcomes = set()
    for _ in range(FRAMES):
        data = bytearray(message)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for read in (decode, read_draft, read_envelope, read_request, split_batch):
            try:
                read(bytes(data))
                outcomes.add((read.__name__, True))
            except CodecError:
                outcomes.add((read.__name__, False))
    assert {name for name, understood in outcomes if understood} >= {"decode", "read_draft", "read_request"}
    assert len([name for name, understood in outcomes if not understood]) == 5


def test_what_decodes_is_as_long_as_what_is_skipped() -> None:
    chance = random.Random(SEED)
    observed = 0
    for _ in range(FRAMES):
        data = chance.randbytes(chance.randrange(1, 30))
        try:
            _, end = decode(data)
        except CodecError:
            continue
        observed += 1
        assert skip(data, 0) == end
    assert observed > 100


@pytest.mark.parametrize(
    "data",
    [
        b"\xd0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
        b"\xb0\xff\xff\xff\xff",
        b"\x00" * 10_000,
        b"\xc0\x03\x01" * 10_000,
        b"\xc1\x03\x02\x45\x45",
        b"\xc1\x03\x01\x41",
        b"\xa1\x01\xff",
        b"\x3f",
        b"",
    ],
    ids=[
        "huge-list",
        "huge-array",
        "huge-binary",
        "deep-descriptor",
        "deep-list",
        "key",
        "odd",
        "utf8",
        "code",
        "none",
    ],
)
def test_values_that_want_too_much_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(data)


async def _answer(port: int, data: bytes) -> bytes:
    """What the endpoint says to the data until it closes, or the client does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(240):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_no_conversation_of_mutated_frames_hurts_another_client() -> None:
    configuration = Configuration((QueueSettings("queue", Rules()),), ())
    chance = random.Random(SEED)
    loop_errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))
    async with ServiceBus(configuration) as bus:
        samples = _samples()
        mutated = list(_mutated(chance))[:4000]
        for bad in mutated:
            good = samples[: chance.randrange(len(samples))]
            await _answer(bus.port, b"".join([*good, bad]))
        answer = await _answer(bus.port, b"".join(samples))
        assert bus.connections == 0
    assert not loop_errors
    assert answer.endswith(frame(0, framing.CLOSE, []))
    assert b"not-found" not in answer
    assert b"unauthorized" not in answer
