"""The phases of each operation: what comes when, what an order leaves out, and how long a run may take."""

from typing import Any

import pytest

from arcway.domain.phases import Interval, longest_seconds, phases_of

BEFORE = ["checkCluster", "registerProviders", "pollRegistration", "ensureResourceGroup"]
AFTER = ["configureAgents", "waitForMetadata", "publishResult"]


@pytest.mark.parametrize(
    ("operation", "choice", "names"),
    [
        ("onboard", {"order": "agents-first"}, [*BEFORE, "deployAgents", "createResource", *AFTER]),
        ("onboard", {"order": "resource-first"}, [*BEFORE, "createResource", "deployAgents", *AFTER]),
        ("offboard", {"scope": "azure-first"}, ["checkCluster", "deleteResource", "uninstallAgents", "publishResult"]),
        ("offboard", {"scope": "azure-only"}, ["checkCluster", "deleteResource", "publishResult"]),
        ("offboard", {"scope": "agents-only"}, ["checkCluster", "uninstallAgents", "publishResult"]),
        ("update", {"scope": "azure-first"}, ["checkCluster", "updateResource", "updateAgents", "publishResult"]),
        ("update", {"scope": "azure-only"}, ["checkCluster", "updateResource", "publishResult"]),
        ("update", {"scope": "agents-only"}, ["checkCluster", "updateAgents", "publishResult"]),
        ("upgrade", {"scope": "agents-only"}, ["checkCluster", "upgradeAgents", "waitForMetadata", "publishResult"]),
        ("check", {"order": "agents-first"}, ["checkCluster"]),
        ("check", {"scope": "azure-only"}, ["checkCluster"]),
    ],
)
def test_phases_follow_the_operation_its_scope_and_its_order(
    operation: str, choice: dict[str, Any], names: list[str]
) -> None:
    assert list(phases_of(operation, **choice)) == names


@pytest.mark.parametrize(
    ("operation", "minutes"),
    [
        # The limits of docs/architecture.md, with 20 minutes to undo and to clean up, without the sending of events.
        ("onboard", 1 + 5 + 15 + 5 + 20 + 10 + 20 + 15 + 20),
        ("offboard", 1 + 10 + 10 + 20),
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
