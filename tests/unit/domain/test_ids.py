"""Identifiers: the same cluster has the same instance in every version, and what is not an id is refused."""

import uuid

import pytest

from arcway.domain.ids import ClusterId, Origin, RunId

CLUSTER = ClusterId("11111111-2222-3333-4444-555555555555", "Clusters", "Shop-1")
INSTANCE = f"cluster-{'0123456789abcdef0123456789'}"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_resource_id_is_as_azure_writes_it() -> None:
    assert CLUSTER.resource_id == (
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/Clusters"
        "/providers/Microsoft.Kubernetes/connectedClusters/Shop-1"
    )
    assert CLUSTER.key == CLUSTER.resource_id.lower()


def test_instance_of_a_cluster_never_changes_because_stored_runs_are_looked_up_by_it() -> None:
    assert CLUSTER.instance() == "cluster-2887a977455fb64e7b74ffdb96"
    assert CLUSTER.instance("check") == "check-2887a977455fb64e7b74ffdb96"
    assert ClusterId(CLUSTER.subscription_id, "CLUSTERS", "SHOP-1").instance() == CLUSTER.instance()
    assert ClusterId(CLUSTER.subscription_id, "clusters", "shop-2").instance() != CLUSTER.instance()


@pytest.mark.parametrize("instance", [INSTANCE, INSTANCE.replace("cluster", "check"), CLUSTER.instance()])
def test_run_id_is_read_as_it_is_written(instance: str) -> None:
    run_id = RunId(instance, "0123456789ab")
    assert str(run_id) == f"{instance}.0123456789ab"
    assert RunId.parse(str(run_id)) == run_id


@pytest.mark.parametrize(
    "value",
    [
        "",
        INSTANCE,
        f"{INSTANCE}.0123456789a",
        f"{INSTANCE}.0123456789abc",
        f"{INSTANCE}.0123456789AB",
        f"{INSTANCE}.0123456789ab\n",
        f" {INSTANCE}.0123456789ab",
        f"{INSTANCE}_0123456789ab",
        f"{INSTANCE[:-1]}.0123456789ab",
        f"{INSTANCE}0.0123456789ab",
        f"outbox-{INSTANCE[8:]}.0123456789ab",
    ],
)
def test_run_id_that_is_none_is_refused(value: str) -> None:
    assert RunId.parse(value) is None


@pytest.mark.parametrize("correlation_id", ["a" * 8, "A-9" * 21 + "z", str(uuid.UUID(int=5))])
def test_correlation_id_of_the_caller_is_kept(correlation_id: str) -> None:
    assert Origin.of(correlation_id, TRACEPARENT) == Origin(correlation_id, TRACEPARENT)


@pytest.mark.parametrize(
    "correlation_id", [None, "", 12345678, "a" * 7, "a" * 65, "with blank", "under_score", "a" * 8 + "\n"]
)
def test_correlation_id_that_is_not_valid_is_replaced(correlation_id: object) -> None:
    first, second = Origin.of(correlation_id, None), Origin.of(correlation_id, None)
    assert first.correlation_id == str(uuid.UUID(first.correlation_id))
    assert first.correlation_id != second.correlation_id


@pytest.mark.parametrize(
    "traceparent", [None, 5, "", TRACEPARENT.upper(), TRACEPARENT[:-1], f"{TRACEPARENT}\n", f"x{TRACEPARENT}"]
)
def test_traceparent_that_is_not_valid_is_left_out(traceparent: object) -> None:
    assert Origin.of("correlation", traceparent) == Origin("correlation", None)
