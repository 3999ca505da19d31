"""Ids, keys and texts from outside: what could steer a log, a header or a terminal is refused, replaced or escaped."""

import json
import logging
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.events import encode, rejected_event, run_event
from arcway.domain.ids import Origin
from arcway.domain.request import parse_request
from arcway.domain.text import excerpt
from arcway.telemetry import correlated, log
from triggers import http, messages, start_routes

GOOD = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop",
    "location": "eastus",
    "kubeconfig": {"secret": "arcway-shop"},
}
CONTROLS = [
    "\x00",
    "\x07",
    "\x1b[31m",
    "\n",
    "\r",
    "\t",
    "\x7f",
    "\x85",
    "\x9b",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u200f",
]


def posted(body: bytes = b"", headers: dict[str, str] | None = None) -> func.HttpRequest:
    return func.HttpRequest("POST", "http://127.0.0.1/api/onboardings", headers=headers, body=body)


def message(body: bytes = b"", **properties: Any) -> Any:
    collected = {"message_id": "m", "sequence_number": 1, "correlation_id": None, "application_properties": {}}
    return SimpleNamespace(get_body=lambda: body, **{**collected, **properties})


def read_both(body: bytes) -> list[ArcError | object]:
    """What HTTP and the queue make of the same body."""
    collected: list[ArcError | object] = []
    ways: tuple[Callable[[], object], ...] = (
        lambda: http.json_body(posted(body)),
        lambda: messages._body(message(body)),
    )
    for read in ways:
        try:
            collected.append(parse_request(read()))
        except ArcError as error:
            collected.append(error)
    return collected


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "name": "b"}',
        b'{"kubeconfig": {"secret": "arcway-a", "secret": "arcway-b"}}',
        b'{"name": NaN}',
        b'{"name": 1e999}',
        rb'{"name": "\ud800"}',
        rb'{"\udfff": 1}',
        rb'{"name": "a\u0000b"}',
        '{"name": "a"}'.encode("utf-16"),
        b'{"name": "\xff"}',
        b'{"name": ' + b"9" * 5000 + b"}",
        b"{} {}",
        b"[" * 50_000,
    ],
)
def test_json_is_read_alike_however_it_arrives(body: bytes) -> None:
    for error in read_both(body):
        assert isinstance(error, ArcError)
        assert error.code == Code.BODY_NOT_JSON


def test_a_byte_order_mark_is_not_a_difference() -> None:
    body = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    first, second = read_both(body)
    assert first == second == parse_request(GOOD)


def test_text_that_no_json_has_is_named_by_its_field() -> None:
    body = rb'{"tags": {"team": "a\ud800"}, "name": "\u0000", "x": [1, {"\udfff": 1}]}'
    for error in read_both(body):
        assert isinstance(error, ArcError)
        assert {item["field"] for item in error.details} == {"tags.team", "name", "x.1"}


@pytest.mark.parametrize("character", CONTROLS[1:])
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("tags.team", lambda text: {"tags": {"team": text}}),
        ("tags", lambda text: {"tags": {text: "x"}}),
        ("kubeconfig.context", lambda text: {"kubeconfig": {"secret": "arcway-x", "context": text}}),
        ("proxy.skipRange", lambda text: {"proxy": {"https": "http://p:1", "skipRange": text}}),
        ("resourceGroup", lambda text: {"resourceGroup": text}),
        ("surprise.0", lambda text: {"surprise": [text]}),
    ],
)
def test_control_characters_are_refused_and_their_field_is_named(character: str, field: str, change: Any) -> None:
    body = json.dumps({**GOOD, **change(f"a{character}b")}).encode()
    for error in read_both(body):
        assert isinstance(error, ArcError)
        assert error.code == Code.INVALID_FIELDS
        assert field in {item["field"] for item in error.details}
        assert json.dumps(error.as_dict(), ensure_ascii=False).isprintable()


@pytest.mark.parametrize("character", CONTROLS)
def test_forms_are_not_a_way_around_it(character: str) -> None:
    with pytest.raises(ArcError) as caught:
        parse_request({**GOOD, "tags": {"team": f"a{character}"}}, "check")
    assert [item["field"] for item in caught.value.details] == ["tags.team"]


def test_a_certificate_has_lines_and_nothing_else() -> None:
    for line, named in (("-----BEGIN\r\nx\n", False), ("-----BEGIN\x1b\n", True)):
        with pytest.raises(ArcError) as caught:
            parse_request({**GOOD, "proxy": {"https": "http://p:1", "certificate": line}})
        messages = [item["message"] for item in caught.value.details if item["field"] == "proxy.certificate"]
        assert any("control character" in line for line in messages) is named


@pytest.mark.parametrize("message", ["größe", "日本語", "a b", "naïve 🚀", "x" * 200])
def test_letters_of_all_scripts_stay_welcome(message: str) -> None:
    assert parse_request({**GOOD, "tags": {"team": message}})


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "short",
            "x" * 65,
            "ünïcödé-id",
            "١٢٣٤٥٦٧٨",
            "ａｂｃｄｅｆｇｈ",
            "abcdefgh\n",
            "abcdefgh\r\nX: y",
            "abc defgh",
        ),
        *("abcdefgh,ijklmnop", "abcd_efgh", "abcdefgh\x1b[31m", "²³¹²³¹²³¹"),
    ],
)
def test_a_correlation_id_is_plain_or_a_new_one(header: str) -> None:
    origins = [
        http.origin_of(posted(headers={"x-ms-correlation-request-id": header})),
        Origin.of(header, None),
        Origin.of(None, None),
        Origin.of(header.encode(), 5),
    ]
    for origin in origins:
        assert re.fullmatch("[0-9a-f-]{36}", origin.correlation_id)
        assert header not in origin.correlation_id or not header


def test_a_good_correlation_id_is_kept() -> None:
    for value in ("rollout-7", "x" * 64, "0af7651916cd43dd8448eb211c80319c"):
        assert Origin.of(value, None).correlation_id == value


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("header", [5, b"x", TRACE.encode(), TRACE + "\n", TRACE.upper(), ["x"], TRACE + "\r\nX: y"])
def test_what_is_not_a_traceparent_is_left_out(header: object) -> None:
    assert Origin.of("rollout-7", header).traceparent is None


@pytest.mark.parametrize("key", ["a\tb", "\x7f", "é", "a\r\nX: y", "\u202e", "x" * 129, "", "日"])
def test_an_idempotency_key_is_printable_ascii(key: str) -> None:
    with pytest.raises(ArcError) as caught:
        start_routes.key_of(posted(headers={"Idempotency-Key": key}))
    assert (caught.value.code, caught.value.details[0]["field"]) == (Code.INVALID_PARAMETERS, "Idempotency-Key")


@pytest.mark.parametrize("message_id", ["x" * 128, "é", "a\nb", "\ud800", "a\x1b[31m", "日" * 100])
def test_every_message_id_becomes_a_key_that_fits_into_an_event(message_id: str) -> None:
    key = messages._key(message(message_id=message_id))
    assert key == messages._key(message(message_id=message_id))
    assert key != messages._key(message(message_id=message_id + "2"))
    event = rejected_event("shown", {}, key=key, source="s", subject=None, time="t")
    assert re.fullmatch("[ -~]{1,128}", event["id"])


def test_a_plain_message_id_is_the_key_itself() -> None:
    assert messages._key(message(message_id="shop-1")) == "shop-1"


@pytest.mark.parametrize("character", CONTROLS)
def test_no_text_from_outside_makes_a_log_line_of_its_own(character: str, caplog: pytest.LogCaptureFixture) -> None:
    evil = f"x{character}ERROR arcway: forged"
    with caplog.at_level(logging.INFO, "arcway"), correlated(Origin("rollout-7", None)):
        log.info("message %s was dealt with", evil)
        log.warning(evil)
        log.error("%s failed: %s", "GET", ArcError(Code.BODY_NOT_JSON, evil))
    assert len(caplog.messages) == 3
    for line in caplog.messages:
        assert line.isprintable()
        assert line.endswith("[correlationId=rollout-7]")


def test_thousands_of_problems_are_fifty_and_a_count() -> None:
    body = {**GOOD, **{f"f{number}": number for number in range(3000)}}
    for error in read_both(json.dumps(body).encode()):
        assert isinstance(error, ArcError)
        assert len(error.details) == 51
        assert error.details[-1]["message"] == "2950 more not shown"
        assert len(json.dumps(error.as_dict())) < 30_000
        reread = ArcError.from_dict(error.as_dict())
        assert reread.details == error.details


def test_long_names_and_messages_of_fields_are_cut() -> None:
    name = "\x1b" + "x" * 60_000
    for error in read_both(json.dumps({**GOOD, name: 1}).encode()):
        assert isinstance(error, ArcError)
        assert all(len(str(value)) <= 500 for item in error.details for value in item.values())
        assert len(error.message) <= 2048
        assert error.message.isprintable()


def test_an_event_is_cut_to_what_the_broker_takes() -> None:
    run: dict[str, Any] = {
        "id": "cluster-x.y",
        "cluster": {"resourceId": "/x"},
        "state": "Succeeded",
        "leftovers": [],
        "error": None,
    }
    huge: list[dict[str, Any]] = [
        {**run, "result": {"tags": {f"t{number}": "x" * 200 for number in range(5000)}}},
        {**run, "result": None, "leftovers": [{"kind": None, "name": "finalizer " + "x" * 1000}] * 5000},
        {**run, "result": None, "error": {"message": "é" * 1_000_000}},
    ]
    for item in huge:
        created = run_event("succeeded", item, source="s", number=1, time="t", trace=None)
        data = encode(created)
        assert len(data) < 200 * 1024
        assert data == encode(created)
        read = json.loads(data)
        assert (read["id"], read["type"], read["data"]["run"]["state"]) == (created["id"], created["type"], "Succeeded")


def test_an_event_with_half_a_surrogate_pair_is_still_json() -> None:
    event = rejected_event("\ud800", {"message": "\udfff"}, key="k", source="s", subject=None, time="t")
    assert json.loads(encode(event))["data"]["messageId"] == "?"


def test_shown_text_is_one_printable_line() -> None:
    assert excerpt("a\nb\x1b[0m\u202e\ud800é") == r"a\nb\x1b[0m\u202e\ud800é"
    assert len(excerpt("\x1b" * 500, 100)) == 100
