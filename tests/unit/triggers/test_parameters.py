"""What parameters and numbers are read as, and what is said about those that are none."""

from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from pydantic import TypeAdapter, ValidationError

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.unit.triggers.task_hub import Api, TaskHub
from triggers.access.authentication import Authentication
from triggers.access.callers import Role
from triggers.endpoints import Flag, Time, declared, declared_routes, path_names
from triggers.json_reader import read_json

FLAG: TypeAdapter[bool] = TypeAdapter(Flag)
TIME: TypeAdapter[datetime] = TypeAdapter(Time)


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("false", False), (True, True), (False, False)])
def test_flags(value: object, flag: object) -> None:
    assert FLAG.validate_python(value) is flag


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00 02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T12:00:00-02:00", datetime(2026, 3, 1, 14, tzinfo=UTC)),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9998-12-31", datetime(9998, 12, 31, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, time: datetime) -> None:
    value = TIME.validate_python(text)
    assert (value, value.tzinfo) == (time, UTC)


def test_a_time_that_is_one_already_stays() -> None:
    assert TIME.validate_python(datetime(2026, 3, 1, tzinfo=UTC)) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("adapter", "value", "message"),
    [
        (FLAG, "yes", "must be true or false"),
        (TIME, "yesterday", "must be an ISO 8601 time"),
        (TIME, "0001-01-01T00:00:00+14:00", "must be an ISO 8601 time"),
        (TIME, "1969-12-31T23:59:59Z", "must be a time from 1970 on"),
        (TIME, "9999-01-01T00:00:00Z", "must be a time from 1970 on"),
    ],
)
def test_what_is_said_about_a_parameter_that_is_none(adapter: TypeAdapter[Any], value: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"


async def test_what_is_said_about_a_number_that_is_none() -> None:
    response = await Api(TaskHub(), *Role).send("GET runs", query={"top": "+1"})
    assert response.body["details"] == [{"field": "top", "message": "must be a number"}]


async def test_control_characters_are_named_in_any_parameter() -> None:
    response = await Api(TaskHub(), *Role).send("GET runs", query={"operation": "a\x07"})
    assert (response.status, response.body["code"]) == (400, Code.INVALID_PARAMETERS)
    assert [item["field"] for item in response.body["details"]] == ["operation"]


def test_each_declared_endpoint_is_in_the_routes_with_its_roles() -> None:
    routes, endpoints = declared_routes(), declared()
    assert [*routes] == sorted(routes)
    assert len(endpoints) == sum(map(len, routes.values()))
    for item in endpoints:
        assert routes[item.path][item.method] == (item.needed, item.handler)
        assert item.description
    assert path_names("connectedClusters/{subscription}/{group}/{name}/agents") == ["subscription", "group", "name"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"NaN", "NaN in the body is not a finite number."),
        (b"-1e999", "-1e999 in the body is not a finite number."),
        (b"1" * 30 + b"e999", f"{'1' * 20} in the body is not a finite number."),
        (b'{"a": 1, "a": 1}', "Duplicate key in a JSON object."),
        (b"{", "The body is not JSON."),
        (b'"\\ud800"', "The body has invalid characters."),
    ],
    ids=["nan", "infinite", "long", "duplicate", "cut", "surrogate"],
)
def test_json_that_readers_could_read_differently_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ArcError) as caught:
        read_json(data)
    assert (caught.value.code, caught.value.message) == (Code.BODY_NOT_JSON, message)


def test_numbers_are_numbers() -> None:
    assert read_json(b"[1.5, 1e3, 2]") == [1.5, 1000.0, 2]


def test_an_address_that_is_not_loopback_learns_why_it_is_refused() -> None:
    request = func.HttpRequest("GET", "http://rebound.example/api/page", body=b"")
    with pytest.raises(ArcError) as caught:
        Authentication(None).refuse_other_names(request)
    assert caught.value.code == Code.CROSS_SITE_REQUEST
    assert caught.value.message == "Without a sign-in authority, Arcway serves loopback addresses only."
