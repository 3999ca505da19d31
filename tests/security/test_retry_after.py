"""No server decides that a run waits for longer than an hour, in whatever form it asks."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from hypothesis import given
from hypothesis import strategies as st

from arcway.azure import connected_clusters
from arcway.azure.errors import azure_errors
from arcway.cluster.access.api import ClusterApi
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.retry_after import LONGEST, clamped, retry_after
from orchestrators.back_off import LONGEST_BACK_OFF, back_off
from tests.security.conftest import Hostile
from triggers import http

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        (" 17\t", 17),
        ("1000", 1000),
        ("0000000000000007", 7),
        ("3600", 3600),
        ("3601", 3600),
        ("999999999999", 3600),
        ("9" * 10_000, 3600),
        (format_datetime(LATER, usegmt=True), 90),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90),
        ("Sun Mar  1 12:01:30 2026", 90),
        ("Sun, 01 Mar 2026 13:01:30 +0100", 90),
        (f"Sun, 01 Mar 2026{' ' * 36}12:01:30 GMT", 90),
        (f"Sun, 01 Mar 2026{' ' * 37}12:01:30 GMT", None),
        ("Sun, \u0660\u0661 Mar 2026 12:01:30 GMT", None),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("", None),
        ("-5", None),
        ("5X", None),
        ("17\n", None),
        ("\xa017", None),
        ("1.5", None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:01:30 GMT", None),
        ("Sun, 01 Mar 99999999999 12:01:30 GMT", None),
        ("x" * 100_000, None),
        (None, None),
        (5, None),
    ],
)
def test_what_a_header_says(message: object, seconds: float | None) -> None:
    assert retry_after(message, NOW) == seconds


@given(st.text())
def test_any_text_is_a_bounded_time_or_none(text: str) -> None:
    result = retry_after(text, NOW)
    assert result is None or 0 <= result <= LONGEST


FAR = ("999999999999", "31536000", "Fri, 31 Dec 9999 23:59:59 GMT")


@pytest.mark.parametrize("header", FAR)
def test_an_api_server(hostile: Hostile, api: ClusterApi, header: str) -> None:
    lines = ["HTTP/1.1 429 Slow", f"Retry-After: {header}", "Content-Length: 2", "", "{}"]
    hostile.says = lambda line: iter(["\r\n".join(lines).encode()])
    with pytest.raises(ArcError) as caught:
        api.get("/version")
    assert caught.value.retry_after == LONGEST


@pytest.mark.parametrize("header", FAR)
@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_azure(header: str, name: str) -> None:
    azure: Any = SimpleNamespace(follow=lambda url: (200, {"status": "Creating"}, {name: header}))
    assert connected_clusters.operation_state(azure, "x")[1] == LONGEST
    response: Any = SimpleNamespace(status_code=429, reason="slow", headers={"Retry-After": header})
    error = HttpResponseError(message="slow")
    error.response = response
    with pytest.raises(ArcError) as caught, azure_errors():
        raise error
    assert caught.value.retry_after == LONGEST


@pytest.mark.parametrize(
    "written", [999999999999, 10**400, math.inf, math.nan, -5, "60", None, [], {}, True, -math.inf]
)
def test_an_envelope_that_was_written_before(written: object) -> None:
    for attempt in (1, 7):
        assert 0 < back_off("r", "step", attempt, {"retryAfterSeconds": written}) <= LONGEST
    assert back_off("r", "step", 1, {}) <= LONGEST_BACK_OFF * 1.25
    error = {
        "code": Code.AZURE_THROTTLED,
        "message": "x",
        "remedy": "y",
        "retryable": True,
        "retryAfterSeconds": written,
    }
    assert 0 <= (ArcError.from_dict(error).retry_after or 0) <= LONGEST


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (7.0, "7"), (1e12, "3600"), (math.inf, "3600")])
def test_what_callers_receive(seconds: float, header: str) -> None:
    response = http.problem(ArcError(Code.AZURE_THROTTLED, retry_after=seconds))
    assert response.headers["Retry-After"] == header


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none()))
def test_any_number_is_bounded(seconds: object) -> None:
    result = clamped(seconds)
    assert result is None or 0 <= result <= LONGEST
