"""Leftovers: objects for programs, words for people, and the texts that earlier versions stored."""

import pytest

from arcway.domain.json_values import Json
from arcway.domain.leftovers import (
    Leftover,
    because,
    describe,
    describe_all,
    leftover,
    read_leftovers,
    remaining_of,
    shortened,
)

RELEASE = leftover("HelmRelease", "azure-arc")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (RELEASE, "release azure-arc"),
        (leftover("HelmRelease", "azure-arc", namespace="azure-arc-release"), "release azure-arc"),
        (leftover("HelmRelease", "azure-arc", namespace="default"), "release azure-arc in namespace default"),
        (leftover("ConnectedCluster", "shop", reason="Changed"), "connected cluster shop, changed"),
        (leftover("Agents", None, reason="NotChecked"), "agents in the cluster (not checked)"),
        (leftover("Agents", "1.2.3", reason="Restored"), "agents 1.2.3, as before"),
        (leftover("CustomResourceDefinition", "a.b.c", reason="Terminating"), "CRD a.b.c"),
        (leftover("Namespace", "azure-arc", reason="Terminating"), "namespace azure-arc"),
        (leftover("ClusterRole", "azure-arc-x"), "ClusterRole azure-arc-x"),
        (leftover("Secret", "s", namespace="n"), "Secret s in namespace n"),
        (leftover("Lease", "arcway", reason="CleanUpFailed", code="ARC-3001"), "lease arcway (ARC-3001)"),
        (
            leftover("AgentUpgrade", "1.3", reason="UndoFailed", code="ARC-6005"),
            "upgrade of the agents to 1.3 (ARC-6005)",
        ),
        (leftover("Event", "arcway.run.failed.v1", reason="NotPublished"), "event arcway.run.failed.v1"),
        (leftover("Phase", "deployAgents", reason="MayExist"), "resources that deployAgents may have created"),
        (leftover("KeyVaultSecret", "arcway-tmp-x"), "secret arcway-tmp-x"),
    ],
)
def test_a_leftover_reads_well(item: Json, words: str) -> None:
    assert describe(item) == words
    assert Leftover.model_validate(item).as_json() == item


def test_texts_of_earlier_versions_are_read() -> None:
    stored = ["release azure-arc", "lease arcway (ARC-3001)", "event x (canceled)", RELEASE]
    unknown = {"kind": None, "namespace": None, "reason": None, "code": None}
    assert read_leftovers(stored) == [
        {**unknown, "name": "release azure-arc"},
        {**unknown, "name": "lease arcway", "code": "ARC-3001"},
        {**unknown, "name": "event x (canceled)"},
        RELEASE,
    ]
    assert describe_all(read_leftovers(stored)) == [*stored[:3], "release azure-arc"]


def test_an_outcome_of_an_earlier_version_is_read() -> None:
    assert remaining_of({"leftovers": [RELEASE]}, []) == [RELEASE]
    assert [item["name"] for item in remaining_of({"left": ["CRD x"]}, [RELEASE])] == ["CRD x"]
    assert remaining_of({}, [RELEASE]) == [RELEASE]
    assert remaining_of({"leftovers": []}, [RELEASE]) == []


def test_another_reason_changes_nothing_else() -> None:
    assert because(RELEASE, "UndoFailed", "ARC-6005") == {**RELEASE, "reason": "UndoFailed", "code": "ARC-6005"}
    assert because(because(RELEASE, "UndoFailed", "ARC-6005"), "Kept") == {**RELEASE, "reason": "Kept"}


def test_many_are_shortened_and_counted() -> None:
    items = [leftover("Namespace", f"{number}" * 10) for number in range(9)]
    assert shortened(items, 9, 10) == items
    few = shortened(items, 2, 4)
    assert [item["name"] for item in few] == ["000…", "111…", "7 more"]
    assert few[2]["kind"] is None
