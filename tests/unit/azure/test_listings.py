"""One listing for all that look in a resource group, never older than a write, and none for those who are alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from arcway.azure.listings import Listed, Listings
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId

GROUP = ("11111111-2222-3333-4444-555555555555", "g")


class World:
    """A resource group, and how often it was listed."""

    def __init__(self) -> None:
        self.now, self.lists = 100.0, 0
        self.error: Code | None = None
        self.is_malformed = False
        self.names = ["a", "b"]
        self.listings = Listings(clock=lambda: self.now)

    def look(self, name: str, run: str | None = None) -> Listed | None:
        return self.listings.look(ClusterId(*GROUP, name), run or f"run of {name}", self._list)

    def _list(self) -> list[dict[str, Any]]:
        self.lists += 1
        if self.error:
            raise ArcError(self.error)
        if self.is_malformed:
            return [{"name": "a"}]
        return [{"id": ClusterId(GROUP[0], "G", name.upper()).resource_id} for name in self.names]


@pytest.fixture
def world() -> World:
    return World()


def test_a_run_that_is_alone_reads_for_itself(world: World) -> None:
    assert [world.look("a") for _ in range(5)] == [None] * 5
    assert world.lists == 0


def test_two_share_one_listing_and_wait_for_the_next(world: World) -> None:
    world.look("a")
    for name in ("b", "a", "b"):
        item = world.look(name)
        assert item is not None
        assert item.resource is not None
        assert item.is_current
    assert world.lists == 1
    absent = world.look("c")
    assert absent is not None
    assert (absent.resource, absent.next_in) == (None, 5.0)
    world.now += 4.9
    world.look("a")
    assert world.lists == 1
    world.now += 0.1
    world.look("a")
    assert world.lists == 2


def test_a_listing_from_before_a_write_is_not_current(world: World) -> None:
    world.look("a")
    world.look("b")
    world.listings.wrote(ClusterId(GROUP[0].upper(), "G", "B"))
    first, second = world.look("a"), world.look("b")
    assert first is not None
    assert second is not None
    assert (first.is_current, second.is_current) == (True, False)
    world.now += second.next_in
    later = world.look("b")
    assert later is not None
    assert later.is_current


def test_a_large_group_is_listed_less_often_and_only_for_many(world: World) -> None:
    world.names = [f"c{number}" for number in range(350)]
    world.look("a")
    item = world.look("b")
    assert item is not None
    assert item.next_in == 10
    assert [world.look(name) is None for name in ("c", "d", "c1")] == [True, False, False]


def test_who_has_gone_is_not_counted(world: World) -> None:
    world.look("a")
    world.now += 61
    assert world.look("b") is None
    assert world.look("a") is not None


@pytest.mark.parametrize("error", [Code.AZURE_PERMISSION_MISSING, Code.AZURE_RESPONSE_INVALID, None])
def test_without_the_right_to_list_each_reads_for_itself(world: World, error: Code | None) -> None:
    world.error, world.is_malformed = error, error is None
    world.look("a")
    assert [world.look("b") for _ in range(5)] == [None] * 5
    assert world.lists == 1


def test_a_throttled_listing_is_waited_for(world: World) -> None:
    world.look("a")
    world.error = Code.AZURE_THROTTLED
    with pytest.raises(ArcError) as raised:
        world.look("b")
    assert raised.value.code == Code.AZURE_THROTTLED
    world.error = None
    assert world.look("b") is not None


def test_those_that_come_together_share_one_listing() -> None:
    world, begin = World(), threading.Barrier(8)
    world.look("other")

    def come(number: int) -> Listed | None:
        begin.wait(60)
        return world.look("a", f"run-{number}")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(come, range(8)))
    assert world.lists == 1
