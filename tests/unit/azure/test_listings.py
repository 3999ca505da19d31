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
    """A resource group, how often it was listed, and what was read of it for one run alone."""

    def __init__(self) -> None:
        self.now, self.lists = 100.0, 0
        self.reads: list[str] = []
        self.error: Code | None = None
        self.is_malformed = False
        self.names = ["a", "b"]
        self.listings = Listings(clock=lambda: self.now)

    def look(self, name: str, run: str | None = None, *, waits: bool = True) -> Listed:
        def read() -> dict[str, Any]:
            self.reads.append(name)
            return {"read": len(self.reads)}

        return self.listings.look(ClusterId(*GROUP, name), run or f"run of {name}", self._list, read, waits=waits)

    def leave(self, name: str) -> None:
        self.listings.leave(ClusterId(*GROUP, name), f"run of {name}")

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
    first = world.look("a")
    assert (first.resource, first.is_current, first.is_own, first.next_in) == ({"read": 1}, True, True, 1.5)
    assert (world.lists, world.reads) == (0, ["a"])


def test_who_waits_alone_reads_again_after_a_while(world: World) -> None:
    world.look("a")
    world.now += 1.4
    again = world.look("a")
    assert (again.resource, again.is_current) == ({"read": 1}, True)
    assert again.next_in == pytest.approx(0.1)
    world.now += again.next_in
    assert world.look("a").resource == {"read": 2}


def test_steps_that_wait_for_nothing_share_what_their_run_has_read(world: World) -> None:
    world.look("a", waits=False)
    world.now += 4.9
    assert world.look("a", waits=False).age == pytest.approx(4.9)
    assert world.reads == ["a"]
    world.now += 0.1
    world.look("a", waits=False)
    assert world.reads == ["a", "a"]


def test_what_was_read_before_a_write_is_read_again(world: World) -> None:
    world.look("a")
    world.listings.wrote(ClusterId(*GROUP, "A"))
    assert world.look("a").resource == {"read": 2}


def test_a_run_that_has_seen_all_does_not_count(world: World) -> None:
    world.look("a")
    world.leave("a")
    assert world.look("b").is_own
    world.look("a")
    assert world.lists == 1
    world.leave("a")
    # What was listed for others is good for those who come after them, as long as it is new.
    assert not world.look("c").is_own
    world.leave("b")
    world.now += 5
    assert world.look("c").is_own
    assert world.lists == 1


def test_a_write_while_it_is_read_for_one_alone_is_not_in_it(world: World) -> None:
    cluster = ClusterId(*GROUP, "a")

    def read() -> dict[str, Any]:
        world.reads.append("a")
        if len(world.reads) == 1:
            world.listings.wrote(cluster)
        return {"read": len(world.reads)}

    for expected in ((1, False), (2, True), (2, True)):
        item = world.listings.look(cluster, "run", list, read)
        assert ((item.resource or {})["read"], item.is_current) == expected
        world.now += 0.1


def test_two_share_one_listing_and_wait_for_the_next(world: World) -> None:
    world.look("a")
    for name in ("b", "a", "b"):
        item = world.look(name)
        assert item.resource is not None
        assert item.is_current
    assert world.lists == 1
    absent = world.look("c")
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
    assert (first.is_current, second.is_current) == (True, False)
    world.now += second.next_in
    assert world.look("b").is_current


def test_a_large_group_is_listed_less_often_and_only_for_many(world: World) -> None:
    world.names = [f"c{number}" for number in range(350)]
    world.look("a")
    item = world.look("b")
    assert item.next_in == 10
    world.now += 10
    assert [world.look(name).is_own for name in ("c", "d", "c1")] == [True, False, False]


def test_who_has_gone_is_not_counted(world: World) -> None:
    world.look("a")
    world.now += 61
    assert world.look("b").is_own
    assert not world.look("a").is_own


@pytest.mark.parametrize("error", [Code.AZURE_PERMISSION_MISSING, Code.AZURE_RESPONSE_INVALID, None])
def test_without_the_right_to_list_each_reads_for_itself(world: World, error: Code | None) -> None:
    world.error, world.is_malformed = error, error is None
    world.look("a")
    assert all(world.look("b").is_own for _ in range(5))
    assert world.lists == 1


def test_a_throttled_listing_is_waited_for(world: World) -> None:
    world.look("a")
    world.error = Code.AZURE_THROTTLED
    with pytest.raises(ArcError) as raised:
        world.look("b")
    assert raised.value.code == Code.AZURE_THROTTLED
    world.error = None
    assert not world.look("b").is_own


def test_those_that_come_together_share_one_listing() -> None:
    world, begin = World(), threading.Barrier(8)
    world.look("other")

    def come(number: int) -> bool:
        begin.wait(60)
        return world.look("a", f"run-{number}").is_own

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(come, range(8)))
    assert world.lists == 1
