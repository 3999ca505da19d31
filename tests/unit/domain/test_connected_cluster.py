"""Facts about a connected cluster: ages and warnings, whether a cluster is behind the record, whose key it has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.connected_cluster import (
    has_expired,
    has_key,
    is_being_deleted,
    is_live,
    managed_elsewhere,
    serves_another,
    span,
    taken,
    warnings,
    with_ages,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


ALL_WARNINGS = ["is Expired", "certificate has expired", "no heartbeat for 4d"]


def aged(status: str = "Connected", connected_at: str | None = None, ends: str | None = None) -> dict[str, Any]:
    times = {"lastConnectivityTime": connected_at, "managedIdentityCertificateExpirationTime": ends}
    return with_ages({"name": "n", "properties": {"connectivityStatus": status, **times}}, NOW)


def test_times_become_ages() -> None:
    result = aged(connected_at="2026-11-24T12:59:30.5+01:00", ends="2027-02-22T11:00:00")
    assert (result["heartbeatAgeSeconds"], result["certificateDaysLeft"]) == (29, 89)
    assert warnings(result) == []


def test_a_clock_that_is_ahead_gives_no_negative_age() -> None:
    assert aged(connected_at="2026-11-24T12:00:05Z")["heartbeatAgeSeconds"] == 0


@pytest.mark.parametrize("message", [None, "", "soon", 5])
def test_what_azure_does_not_know_yet_has_no_age(message: Any) -> None:
    result = aged("Connecting", message, message)
    assert (result["heartbeatAgeSeconds"], result["certificateDaysLeft"], warnings(result)) == (None, None, [])


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (aged("Offline"), ["is Offline"]),
        (aged(ends="2026-11-24T11:00:00Z"), ["certificate has expired"]),
        (aged(ends="2026-12-01T12:00:00Z"), ["certificate expires in 7 days"]),
        (aged(ends="2026-11-24T12:00:00Z"), ["certificate expires in 0 days"]),
        (aged(ends="2026-11-25T12:00:00Z"), ["certificate expires in 1 day"]),
        (aged(ends="2026-12-09T11:59:59Z"), ["certificate expires in 14 days"]),
        (aged(ends="2026-12-09T12:00:00Z"), []),
        (aged(connected_at="2026-11-24T09:00:00Z"), ["no heartbeat for 3h"]),
        (aged(connected_at="2026-11-24T11:45:00Z"), []),
        (aged(connected_at="2026-11-24T11:44:59Z"), ["no heartbeat for 15m"]),
        (aged("Expired", "2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z"), ALL_WARNINGS),
        (with_ages({"name": "n"}, NOW), ["is None"]),
    ],
)
def test_what_needs_attention_is_said(resource: dict[str, Any], expected: list[str]) -> None:
    assert warnings(resource) == expected


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(5, "5s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172799, "47h"), (172800, "2d")],
)
def test_spans_are_in_their_largest_unit(seconds: int, message: str) -> None:
    assert span(seconds) == message


def record(status: object = "Connected", **properties: object) -> dict[str, Any]:
    return {"id": "/shop", "properties": {"connectivityStatus": status, **properties}}


@pytest.mark.parametrize("kind", ["ProvisionedCluster", "provisionedcluster"])
def test_provisioned_cluster_belongs_to_az_aksarc(kind: str) -> None:
    [problem] = managed_elsewhere({"id": "/shop", "kind": kind})
    assert (problem["code"], problem["level"]) == (Code.RESOURCE_IS_PROVISIONED_CLUSTER, "error")
    assert problem["message"] == "/shop is of kind ProvisionedCluster, which `az aksarc` manages."


@pytest.mark.parametrize("resource", [None, {}, {"kind": None}, {"kind": "ConnectedCluster"}])
def test_other_kinds_are_ours_to_change(resource: dict[str, Any] | None) -> None:
    assert managed_elsewhere(resource) == []


def test_expired_cluster_has_to_be_connected_again() -> None:
    [problem] = has_expired(record("EXPIRED"))
    assert (problem["code"], problem["level"]) == (Code.CONNECTED_CLUSTER_EXPIRED, "error")
    assert problem["message"] == "Connected cluster /shop is Expired: its agents' certificate is no longer valid."


@pytest.mark.parametrize("resource", [None, {}, {"properties": None}, record(), record(None)])
def test_other_connectivity_is_not_expired(resource: dict[str, Any] | None) -> None:
    assert has_expired(resource) == []


@pytest.mark.parametrize(
    ("resource", "deleting"),
    [
        (record(provisioningState="DELETING"), True),
        (record(provisioningState="Succeeded"), False),
        ({"properties": None}, False),
        ({}, False),
    ],
)
def test_record_that_azure_is_deleting(resource: dict[str, Any], deleting: bool) -> None:
    assert is_being_deleted(resource) is deleting


@pytest.mark.parametrize(
    ("resource", "live"),
    [
        (record(), True),
        (record(provisioningState="Succeeded"), True),
        (record(provisioningState="FAILED"), False),
        (record(provisioningState="Canceled"), False),
        (record(provisioningState="Deleting"), False),
        (record("OFFLINE"), False),
        (record("Expired"), False),
        (record("AgentNotInstalled"), False),
        (record("Connecting"), False),
        (record("CONNECTING", lastConnectivityTime="2026-11-24T12:00:00Z"), True),
        (record(None), False),
        (record(None, lastConnectivityTime="2026-11-24T12:00:00Z"), True),
        (record("SomethingNew"), True),
        ({"properties": None}, False),
        ({}, False),
    ],
)
def test_cluster_may_be_working_behind_the_record_unless_azure_excludes_it(
    resource: dict[str, Any], live: bool
) -> None:
    assert is_live(resource) is live


@pytest.mark.parametrize(
    ("recorded", "key", "same"),
    [
        ("AB CD\nEF==", "ABCDEF==", True),
        ("ABCD", " AB\nCD ", True),
        ("ABCD", "ABCE", False),
        ("ABCD", "abcd", False),
        (None, "None", False),
        (5, "5", False),
    ],
)
def test_public_key_is_compared_without_its_line_ends(recorded: object, key: str, same: bool) -> None:
    assert has_key(record(agentPublicKeyCertificate=recorded), key) is same


def test_record_without_properties_has_no_key() -> None:
    assert not has_key({}, "")
    assert not has_key({"properties": None}, "")


@pytest.mark.parametrize(
    ("status", "keys", "another"),
    [
        ("Connected", ("old", "mine"), False),
        ("Connected", ("old", None), True),
        ("Connected", (), True),
        ("Offline", ("old",), False),
        ("Offline", (), False),
    ],
)
def test_record_serves_another_cluster_when_that_is_live_and_has_another_key(
    status: str, keys: tuple[str | None, ...], another: bool
) -> None:
    assert serves_another(record(status, agentPublicKeyCertificate="mine"), *keys) is another


def test_cluster_without_a_key_does_not_own_a_record_without_one() -> None:
    assert serves_another(record(agentPublicKeyCertificate=""), None, "")


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        (record("Offline"), "Offline"),
        (record(None), "of unknown connectivity"),
        ({"id": "/shop"}, "of unknown connectivity"),
        ({"id": "/shop", "properties": None}, "of unknown connectivity"),
    ],
)
def test_message_of_a_record_in_use_has_its_connectivity(resource: dict[str, Any], status: str) -> None:
    assert taken(resource) == f"Connected cluster /shop is {status} and has the key of another cluster."
