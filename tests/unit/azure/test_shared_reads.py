"""What steps of a fleet's member believe of the shared listing; a lone run reads for itself."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from activities.delete_resource import delete_resource
from activities.poll_resource import poll_resource
from activities.shared_reads import resource_of
from activities.wait_for_metadata import wait_for_metadata
from arcway.azure import connected_clusters
from arcway.azure.listings import Listed
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import OffboardRequest

CLUSTER = ClusterId("11111111-2222-3333-4444-555555555555", "g", "c")
CREATED, BEFORE, AFTER = "2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"
REPORTED: Json = {"kubernetesVersion": "1.36", "totalNodeCount": 1, "agentVersion": "1.36.2"}


def resource(written: str = AFTER, **properties: Any) -> Json:
    return {
        "id": CLUSTER.resource_id,
        "systemData": {"lastModifiedAt": written},
        "properties": {"provisioningState": "Succeeded", "connectivityStatus": "Connecting", **properties},
    }


class World:
    """What the listing and Azure itself say, and what Azure was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.listed: Listed | None = None
        self.own: Json | None = resource(connectivityStatus="Connected", **REPORTED)
        self.operation: tuple[str, float | None, Json | None] = ("Succeeded", None, None)
        self.asked: list[str] = []
        self.left: list[str] = []
        patch.setattr(connected_clusters, "look", self._look)
        patch.setattr(connected_clusters, "leave", self._leave)
        patch.setattr(connected_clusters, "get", self._get)
        patch.setattr(connected_clusters, "operation_state", self._operation)

    def call(self, *, member: bool = True, request: Any = None, **payload: Any) -> Any:
        own = {"runId": "run", "createdAt": CREATED, "operation": "https://operation", **payload}
        return SimpleNamespace(
            request=request or SimpleNamespace(cluster=CLUSTER, name="c"),
            installation=SimpleNamespace(azure=None),
            payload=own | ({"fleet": "fleet"} if member else {}),
        )

    def lists(self, item: Json | None, *, is_current: bool = True, is_own: bool = False) -> None:
        self.listed = Listed(item, is_current, 4.0, is_own=is_own)

    def _look(self, _azure: Any, _cluster: ClusterId, _run: str, *, waits: bool) -> Listed | None:
        self.asked.append("listing")
        return self.listed

    def _leave(self, _azure: Any, _cluster: ClusterId, run: str) -> None:
        self.left.append(run)

    def _get(self, _azure: Any, _cluster: ClusterId) -> Json | None:
        self.asked.append("resource")
        return self.own

    def _operation(self, _azure: Any, _url: str) -> Any:
        self.asked.append("operation")
        return self.operation


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_lone_run_reads_for_itself(world: World) -> None:
    world.lists(resource())
    call = world.call(member=False)
    assert (resource_of(call), poll_resource(call)["done"], wait_for_metadata(call)["done"]) == (world.own, True, True)
    assert world.asked == ["resource", "operation", "resource"]


def test_what_was_read_for_a_member_alone_is_its_result(world: World) -> None:
    reported = resource(connectivityStatus="Connected", **REPORTED)
    world.lists(resource(provisioningState="Accepted"), is_own=True)
    polled = poll_resource(world.call())
    assert (polled["done"], polled["retryAfter"]) == (False, 4.0)
    world.lists(resource(), is_own=True)
    assert poll_resource(world.call())["done"]
    polled = wait_for_metadata(world.call())
    assert (polled["done"], polled["retryAfter"]) == (False, 4.0)
    world.lists(reported, is_own=True)
    assert wait_for_metadata(world.call())["resource"] == reported
    assert set(world.asked) == {"listing"}


def test_that_it_is_not_there_is_read_again_for_a_member_alone(world: World) -> None:
    world.lists(None, is_own=True)
    assert wait_for_metadata(world.call())["resource"] == world.own
    assert world.asked == ["listing", "resource"]


def test_a_member_that_has_seen_what_it_waited_for_does_not_look_any_more(world: World) -> None:
    world.lists(resource())
    wait_for_metadata(world.call())
    assert world.left == []
    poll_resource(world.call())
    assert world.left == ["run"]
    world.lists(None)
    world.own = None
    delete_resource(world.call())
    assert world.left == ["run", "run"]
    poll_resource(world.call(member=False))
    assert world.left == ["run", "run"]


def test_the_listing_will_do_until_the_result(world: World) -> None:
    world.lists(resource())
    polled = wait_for_metadata(world.call())
    assert (polled["done"], polled["retryAfter"], world.asked) == (False, 4.0, ["listing"])
    world.lists(resource(connectivityStatus="Connected", **REPORTED))
    assert wait_for_metadata(world.call())["resource"] == world.own
    assert world.asked == ["listing", "listing", "resource"]


def test_what_was_listed_before_the_write_is_waited_out(world: World) -> None:
    world.lists(resource(connectivityStatus="Connected", **REPORTED), is_current=False)
    for polled in (wait_for_metadata(world.call()), poll_resource(world.call())):
        assert (polled["done"], polled["retryAfter"]) == (False, 4.0)
    assert world.asked == ["listing", "listing"]
    assert resource_of(world.call()) == world.own


@pytest.mark.parametrize(
    ("item", "is_current", "state", "done", "asked"),
    [
        (None, True, "Succeeded", True, ["listing", "operation"]),
        (resource(), False, "Succeeded", False, ["listing"]),
        (resource(provisioningState="Deleting"), True, "Succeeded", False, ["listing"]),
        (resource(), True, "Succeeded", True, ["listing", "operation", "resource"]),
        (None, True, "Deleting", False, ["listing", "operation"]),
    ],
)
def test_a_deletion_that_azure_confirms_is_believed_by_a_later_listing(
    world: World, item: Json | None, is_current: bool, state: str, done: bool, asked: list[str]
) -> None:
    world.lists(item, is_current=is_current)
    world.own, world.operation = None, (state, None, None)
    assert (delete_resource(world.call())["done"], world.asked) == (done, asked)


@pytest.mark.parametrize("azure_only", [True, False])
@pytest.mark.parametrize(
    ("item", "is_current"),
    [(resource(), True), (resource(), False), (resource(provisioningState="Deleting"), True), (None, True)],
)
def test_only_what_is_to_be_deleted_whatever_it_is_is_deleted_by_a_listing(
    world: World, monkeypatch: pytest.MonkeyPatch, item: Json | None, is_current: bool, azure_only: bool
) -> None:
    monkeypatch.setattr(connected_clusters, "delete", lambda *_: world.asked.append("delete"))
    world.lists(item, is_current=is_current)
    world.own = resource()
    request: Any = OffboardRequest.model_validate(
        {"subscriptionId": CLUSTER.subscription_id, "resourceGroup": "g", "name": "c", "azureOnly": azure_only}
        | ({} if azure_only else {"kubeconfig": {"secret": "arcway-c"}})
    )
    first, later = world.call(request=request), world.call(request=request, operation=None)
    del first.payload["operation"]
    is_believed = azure_only and is_current and item == resource()
    assert not delete_resource(first)["done"]
    assert world.asked == [*(["listing"] if azure_only else []), *([] if is_believed else ["resource"]), "delete"]
    # Azure named no operation to follow: what it shows now is what counts, and it is deleted once.
    world.asked.clear()
    world.own = None
    with pytest.raises(ArcError, match="ask again"):
        delete_resource(later)
    assert world.asked == ["resource"]


@pytest.mark.parametrize(
    ("item", "asks"),
    [
        (resource(), False),
        (resource(provisioningState="Accepted"), False),
        (resource(BEFORE), True),
        (resource(provisioningState="Failed"), True),
        (None, True),
    ],
)
def test_provisioning_is_read_from_the_listing_unless_it_does_not_tell(
    world: World, item: Json | None, asks: bool
) -> None:
    world.lists(item)
    world.operation = ("Failed", None, {"code": "X", "message": "quota"})
    if asks:
        with pytest.raises(ArcError, match="quota") as raised:
            poll_resource(world.call())
        assert raised.value.code == Code.PROVISIONING_FAILED
    else:
        done = item is not None and item["properties"]["provisioningState"] == "Succeeded"
        assert poll_resource(world.call())["done"] is done
    assert world.asked == ["listing", *(["operation"] if asks else [])]


def test_absence_is_believed_only_where_that_harms_nothing(world: World) -> None:
    world.lists(None)
    assert resource_of(world.call(), may_be_new=True) is None
    assert resource_of(world.call()) == world.own
    world.lists(resource())
    assert resource_of(world.call(), is_good=lambda _item: False) == world.own
    assert resource_of(world.call(), shared=False) == world.own


@pytest.mark.parametrize(("age", "is_believed"), [(4.0, True), (3600.0, False)])
def test_a_plan_believes_no_listing_that_is_older_than_it(world: World, age: float, is_believed: bool) -> None:
    world.listed = Listed(resource(), is_current=True, next_in=4.0, age=age)
    since = (datetime.now(UTC) - timedelta(seconds=1800)).isoformat()
    believed = resource_of(world.call(since=since))
    assert believed == (world.listed.resource if is_believed else world.own)
    # Other members believe it as long as it is the latest.
    assert resource_of(world.call()) == world.listed.resource
