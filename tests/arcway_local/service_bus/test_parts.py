"""Codec, sections, signatures, configuration and store, each alone."""

import hmac
import sqlite3
import struct
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway_local.service_bus.cbs import Grants
from arcway_local.service_bus.codec import decode, encode
from arcway_local.service_bus.config import ConfigError, load, parse
from arcway_local.service_bus.model import Message, NotAuthorized, State
from arcway_local.service_bus.sections import Request, compose, read_draft, read_envelope
from arcway_local.service_bus.store import FILE_NAME, Store, StoreError
from arcway_local.service_bus.values import (
    Array,
    Byte,
    Described,
    Float,
    Int,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)
from tests.arcway_local.service_bus.messages import encoded


def _int(kind: type, bits: int, signed: bool) -> st.SearchStrategy[Any]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high).map(kind)


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    *(_int(kind, bits, False) for kind, bits in ((UByte, 8), (UShort, 16), (UInt, 32), (ULong, 64))),
    *(_int(kind, bits, True) for kind, bits in ((Byte, 8), (Short, 16), (Int, 32), (int, 64), (Timestamp, 64))),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol),
    st.binary(min_size=4, max_size=4).map(lambda raw: Opaque(0x73, raw)),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=5), inner, max_size=5),
        st.builds(Described, st.integers(0, 255).map(ULong), inner),
        st.lists(st.uuids(), max_size=4).map(lambda items: Array(0x98, items)),
        st.lists(st.integers(0, 9), max_size=4).map(lambda items: Array(0x81, items)),
    ),
    max_leaves=20,
)


def _same(first: Any, second: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, dict):
        return _same(list(first.items()), list(second.items())) if first else not second
    if isinstance(first, tuple):
        return all(map(_same, first, second))
    if isinstance(first, Described):
        return _same(first.descriptor, second.descriptor) and _same(first.value, second.value)
    return bool(first == second)


@given(_VALUES)
def test_what_is_encoded_decodes_to_the_same_in_value_and_type(value: Any) -> None:
    data = encode(value)
    reread, end = decode(data)
    assert end == len(data)
    assert _same(value, reread)


def _message(content: bytes, **fields: Any) -> Message:
    return Message(key=1, content=content, message_id=None, sequence=9, enqueued_at=5000, expires_at=None, **fields)


def test_a_composed_message_has_the_senders_sections_and_the_brokers_knowledge() -> None:
    content = encoded(
        header=[True, UByte(3), UInt(60_000)],
        annotations={Symbol("x-opt-partition-key"): "key"},
        properties=["id", None, "to"],
        application={"small": Byte(1), "when": Timestamp(7)},
    )
    message = _message(content, delivery_count=2, lock=UUID(int=1), locked_until=9000, reason="why", description="so")
    composed = compose(message, 6000)
    header, _ = decode(composed, 3)
    assert header == [True, 3, 60_000, False, 2]
    envelope = read_envelope(composed)
    assert (envelope.message_id, envelope.to) == ("id", "to")
    assert _same(
        envelope.properties,
        {"small": Byte(1), "when": Timestamp(7), "DeadLetterReason": "why", "DeadLetterErrorDescription": "so"},
    )
    for name in (b"x-opt-partition-key", b"x-opt-sequence-number", b"x-opt-locked-until"):
        assert name in composed
    assert composed.endswith(encoded())
    assert b"x-opt-locked-until" not in compose(message, 9000)
    assert b"x-opt-message-state" in compose(_message(content, state=State.DEFERRED), 0)


def test_a_draft_tells_what_the_broker_has_to_know() -> None:
    content = encoded(
        header=[None, None, UInt(500)],
        annotations={Symbol("x-opt-scheduled-enqueue-time"): Timestamp(77)},
        properties=[UUID(int=3)],
    )
    draft = read_draft(content)
    assert (draft.message_id, draft.lifetime, draft.scheduled_for) == (str(UUID(int=3)), 500, 77)


def _request(resource: str, key: str, expiry: float, name: str = "root") -> Request:
    quoted = quote_plus(resource)
    signature = b64encode(hmac.digest(key.encode(), f"{quoted}\n{int(expiry)}".encode(), "sha256"))
    token = f"SharedAccessSignature sr={quoted}&sig={quote_plus(signature)}&se={int(expiry)}&skn={name}"
    return Request("1", {"operation": "put-token"}, token)


@pytest.mark.parametrize(
    ("resource", "path", "allowed"),
    [
        ("sb://host:1/queue", "queue", True),
        ("sb://host:1/Queue", "qUEUE/$DeadLetterQueue", True),
        ("sb://host/", "anything/at/all", True),
        ("sb://host/queue", "queue2", False),
        ("sb://host/topic/Subscriptions/a", "topic/subscriptions/b", False),
    ],
)
def test_a_token_covers_its_entity_and_what_is_below(resource: str, path: str, allowed: bool) -> None:
    grants = Grants({"root": "secret"})
    grants.put_token(_request(resource, "secret", time.time() + 60))
    if allowed:
        grants.check(path)
    else:
        with pytest.raises(NotAuthorized):
            grants.check(path)


@pytest.mark.parametrize(
    "request_",
    [
        _request("sb://host/queue", "wrong", 9_999_999_999),
        _request("sb://host/queue", "secret", 1),
        _request("sb://host/queue", "secret", 9_999_999_999, name="other"),
        _request("sb://host/queue", "", 9_999_999_999, name="other"),
        Request("1", {"operation": "put-token"}, "SharedAccessSignature rubbish"),
        Request("1", {"operation": "put-token"}, "eyJ.a.jwt"),
        Request("1", {"operation": "put-token"}, None),
    ],
    ids=["key", "expired", "name", "no-key", "rubbish", "jwt", "nothing"],
)
def test_a_token_that_proves_nothing_is_refused(request_: Request) -> None:
    grants = Grants({"root": "secret"})
    with pytest.raises(NotAuthorized):
        grants.put_token(request_)
    with pytest.raises(NotAuthorized):
        grants.check("queue")


def _document(*queues: Any, topics: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"UserConfig": {"Namespaces": [{"Name": "n", "Queues": list(queues), "Topics": list(topics)}]}}


def test_durations_are_read_as_the_emulator_writes_them() -> None:
    properties = {"LockDuration": "PT1M30.5S", "DefaultMessageTimeToLive": "P1DT2H", "MaxDeliveryCount": 4}
    (queue,) = parse(_document({"Name": "q", "Properties": properties})).queues
    assert queue.rules.lock_duration == 90_500
    assert queue.rules.lifetime == 26 * 3_600_000
    assert queue.rules.most_deliveries == 4
    forever = {"DefaultMessageTimeToLive": "P10675199DT2H48M5.4775807S"}
    assert parse(_document({"Name": "q", "Properties": forever})).queues[0].rules.lifetime is None


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "exactly one namespace"),
        ([], "an object was expected"),
        (_document({"Name": "q"}, {"Name": "Q"}), "the same name"),
        (_document({"Name": "-q"}), "is not a name"),
        (_document({}), "is not a name"),
        (_document("q"), "must be a list of objects"),
        (_document({"Name": "q", "Properties": {"RequiresSession": True}}), "sessions are not simulated"),
        (_document({"Name": "q", "Properties": {"ForwardTo": "x"}}), "forwarding is not simulated"),
        (_document({"Name": "q", "Properties": {"EnablePartitioning": True}}), "not simulated: EnablePartitioning"),
        (_document({"Name": "q", "Properties": {"LockDuration": "1 minute"}}), "must be a duration"),
        (_document({"Name": "q", "Properties": {"LockDuration": "PT"}}), "must be a duration"),
        (_document({"Name": "q", "Properties": {"LockDuration": "PT0S"}}), "longer than nothing"),
        (_document({"Name": "q", "Properties": {"MaxDeliveryCount": 0}}), "a number above 0"),
        (_document({"Name": "q", "Properties": {"MaxDeliveryCount": True}}), "a number above 0"),
        (_document({"Name": "q", "Properties": {"DeadLetteringOnMessageExpiration": "yes"}}), "true or false"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(document: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse(document)


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"FilterType": "Sql", "SqlFilter": {"SqlExpression": "a = 1"}}, "of SQL only"),
        ({"FilterType": "Correlation", "CorrelationFilter": {"Colour": "red"}}, "do not exist: Colour"),
        ({"FilterType": "Correlation", "CorrelationFilter": {}}, "without a field"),
        ({"FilterType": "True", "Action": {"SqlExpression": "SET a = 1"}}, "actions are not simulated"),
        ({"FilterType": "Magic"}, "not simulated"),
    ],
)
def test_a_rule_that_cannot_be_honoured_is_refused(properties: dict[str, Any], sentence: str) -> None:
    subscription = {"Name": "s", "Rules": [{"Name": "r", "Properties": properties}]}
    with pytest.raises(ConfigError, match=sentence):
        parse(_document(topics=({"Name": "t", "Subscriptions": [subscription]},)))


def test_a_file_that_is_not_a_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.json cannot be read"):
        load(tmp_path / "missing.json")


def test_the_store_gives_back_what_was_committed_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    committed, gone, late = (_message(bytes([number])) for number in (1, 2, 3))
    for number, message in enumerate((committed, gone, late)):
        message.key = message.sequence = number + 1
    store.put("q", committed)
    store.put("q", gone)
    store.commit()
    committed.lock, committed.locked_until, committed.delivery_count = uuid4(), 77, 3
    committed.state, committed.reason, committed.description = State.DEFERRED, "why", "so"
    store.put("q/$deadletterqueue", committed)
    store.remove(gone)
    store.number("q", 12)
    store.remember("q", "id", 2000)
    store.remember("q", "old", 1000)
    store.commit()
    store.put("q", late)
    store.close()

    reread = Store(tmp_path)
    ((path, message),) = list(reread.messages())
    assert path == "q/$deadletterqueue"
    names = [name for name in Message.__slots__ if name != "key"]
    assert [getattr(message, name) for name in names] == [getattr(committed, name) for name in names]
    assert reread.numbers() == {"q": 12}
    assert list(reread.history(1500)) == [("q", "id", 2000)]
    reread.close()


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("CREATE TABLE t (a)")
    database.close()
    content_before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path)
    content_after = (tmp_path / FILE_NAME).read_bytes()
    (kind,) = struct.unpack_from(">I", content_after, 68)
    assert (kind, b"CREATE TABLE t" in content_after, b"CREATE TABLE messages" in content_after) == (0, True, False)
    assert len(content_after) == len(content_before)


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="in use by another process"):
        Store(tmp_path)
    store.close()
