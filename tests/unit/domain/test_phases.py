"""The phases of each operation: what comes when, what an order leaves out, and how long a run may take."""

from typing import Any

import pytest

from arcway.domain import phases
from arcway.domain.phases import ASKED_SECONDS, TIME_LIMITS, Interval, longest_seconds, phases_of

BEFORE = ["checkCluster", "registerProviders", "pollRegistration", "ensureResourceGroup"]
AFTER = ["configureAgents", "waitForMetadata", "publishResult"]


@pytest.mark.parametrize(
    ("operation", "which", "names"),
    [
        ("onboard", "agents-first", [*BEFORE, "deployAgents", "createResource", *AFTER]),
        ("onboard", "resource-first", [*BEFORE, "createResource", "deployAgents", *AFTER]),
        (
            "offboard",
            "azure-first",
            ["checkCluster", "deleteExtensions", "deleteResource", "uninstallAgents", "publishResult"],
        ),
        ("offboard", "azure-only", ["checkCluster", "deleteExtensions", "deleteResource", "publishResult"]),
        ("offboard", "agents-only", ["checkCluster", "uninstallAgents", "publishResult"]),
        ("update", "azure-first", ["checkCluster", "updateResource", "updateAgents", "publishResult"]),
        ("update", "azure-only", ["checkCluster", "updateResource", "publishResult"]),
        ("update", "agents-only", ["checkCluster", "updateAgents", "publishResult"]),
        ("upgrade", "agents-only", ["checkCluster", "upgradeAgents", "waitForMetadata", "publishResult"]),
        (
            "enablePolicy",
            "azure-only",
            [*BEFORE[:3], "applyExtension", "waitForRelease", "assignPolicy", "publishResult"],
        ),
        (
            "disablePolicy",
            "azure-only",
            ["checkCluster", "deletePolicyAssignment", "deleteExtension", "publishResult"],
        ),
        ("check", "azure-first", ["checkCluster"]),
        ("check", "azure-only", ["checkCluster"]),
    ],
)
def test_phases_follow_the_operation_and_its_scope_or_order(operation: str, which: Any, names: list[str]) -> None:
    is_connect = operation == "onboard"
    phases = phases_of(operation, order=which) if is_connect else phases_of(operation, which)
    assert list(phases) == names


@pytest.mark.parametrize(
    ("operation", "minutes"),
    [
        # The limits of docs/architecture.md, with 20 minutes to undo and to clean up, without the sending of events.
        ("onboard", 1 + 5 + 15 + 5 + 20 + 10 + 20 + 15 + 20),
        ("offboard", 1 + 30 + 10 + 10 + 20),
        ("update", 1 + 10 + 20 + 20),
        ("upgrade", 1 + 60 + 15 + 20),
        ("check", 1 + 20),
    ],
)
def test_longest_time_of_a_run_is_that_of_all_its_phases_and_the_clean_up(operation: str, minutes: int) -> None:
    assert longest_seconds(operation) == minutes * 60


def test_polling_interval_doubles_up_to_its_longest() -> None:
    interval = Interval(first=0.5, longest=5)
    assert [interval.after(looks) for looks in (1, 2, 3, 4, 5, 60)] == [0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("interval", "first", "longest"),
    [
        # The figures of docs/adr/0005-polling.md.
        (phases.POLL_REGISTRATION, 5, 30),
        (phases.POLL_RESOURCE, 0.5, 30),
        (phases.WAIT_FOR_METADATA, 0.5, 30),
        (phases.POLL_AGENTS, 0.25, 10),
        (phases.POLL_REMOVAL, 0.25, 10),
        (phases.UNDO, 0.5, 10),
        (phases.POLL_NETWORK_CHECK, 0.5, 5),
    ],
)
def test_polling_starts_short_and_stays_within_the_read_budget(interval: Interval, first: float, longest: int) -> None:
    assert (interval.after(1), interval.after(2), interval.after(100)) == (first, 2 * first, longest)


def test_a_run_waits_for_the_broker_for_a_day_and_for_azure_for_four_hours() -> None:
    day = 86_400
    assert TIME_LIMITS["publishResult"] == day
    assert day / 6 == ASKED_SECONDS


@pytest.mark.parametrize(("operation", "minutes"), [("onboard", 15), ("update", 5 + 15 + 15), ("check", 0)])
def test_run_with_features_may_take_longer(operation: str, minutes: int) -> None:
    assert longest_seconds(operation, features=True) == longest_seconds(operation) + minutes * 60
