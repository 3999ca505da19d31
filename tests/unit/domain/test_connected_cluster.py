"""Ages of a connected cluster's times, and what of them needs attention."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcway.domain.connected_cluster import span, warnings, with_ages

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def aged(status: str = "Connected", connected_at: str | None = None, ends: str | None = None) -> dict[str, Any]:
    times = {"lastConnectivityTime": connected_at, "managedIdentityCertificateExpirationTime": ends}
    return with_ages({"name": "n", "properties": {"connectivityStatus": status, **times}}, NOW)


def test_times_become_ages() -> None:
    result = aged(connected_at="2026-11-24T11:59:30.5Z", ends="2027-02-22T11:00:00")
    assert (result["heartbeatAgeSeconds"], result["certificateDaysLeft"]) == (29, 89)
    assert warnings(result) == []


def test_a_clock_that_is_ahead_gives_no_negative_age() -> None:
    assert aged(connected_at="2026-11-24T12:00:05Z")["heartbeatAgeSeconds"] == 0


@pytest.mark.parametrize("message", [None, ""])
def test_what_azure_does_not_know_yet_has_no_age(message: str | None) -> None:
    result = aged("Connecting", message, message)
    assert (result["heartbeatAgeSeconds"], result["certificateDaysLeft"], warnings(result)) == (None, None, [])


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (aged("Offline"), ["is Offline"]),
        (aged(ends="2026-11-24T11:00:00Z"), ["certificate has expired"]),
        (aged(ends="2026-12-01T12:00:00Z"), ["certificate expires in 7 days"]),
        (aged(connected_at="2026-11-24T09:00:00Z"), ["no heartbeat for 3h"]),
    ],
)
def test_what_needs_attention_is_said(resource: dict[str, Any], expected: list[str]) -> None:
    assert warnings(resource) == expected


@pytest.mark.parametrize(("seconds", "message"), [(5, "5s"), (119, "119s"), (120, "2m"), (7200, "2h"), (200000, "2d")])
def test_spans_are_in_their_largest_unit(seconds: int, message: str) -> None:
    assert span(seconds) == message
