"""What is the same for all members of a fleet is read once a minute, and only what is good is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from arcway.azure.constants import Constants
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

SUBSCRIPTION = "AAAA"


class World:
    """An answer that changes, and how often it was read."""

    def __init__(self) -> None:
        self.now, self.answer, self.reads = 100.0, "good", 0
        self.constants = Constants(clock=lambda: self.now)

    def read(self, *, shared: bool = True, subscription: str = SUBSCRIPTION) -> str:
        return self.constants.read((subscription, "it"), self._read, lambda answer: answer == "good", shared=shared)

    def _read(self) -> str:
        self.reads += 1
        if self.answer == "throttled":
            raise ArcError(Code.AZURE_THROTTLED)
        return self.answer


@pytest.fixture
def world() -> World:
    return World()


def test_a_good_answer_counts_for_a_minute(world: World) -> None:
    assert [world.read() for _ in range(10)] == ["good"] * 10
    assert world.reads == 1
    world.now += 59
    world.answer = "bad"
    assert world.read(subscription="aaaa") == "good"
    world.now += 2
    assert world.read() == "bad"


def test_what_was_wrong_is_read_again_at_once(world: World) -> None:
    world.answer = "bad"
    assert world.read() == "bad"
    world.answer = "good"
    assert world.read() == "good"
    world.answer = "throttled"
    world.now += 61
    with pytest.raises(ArcError):
        world.read()
    world.answer = "good"
    assert world.read() == "good"


def test_who_does_not_share_reads_and_corrects_what_is_known(world: World) -> None:
    assert world.read() == "good"
    world.answer = "bad"
    assert world.read(shared=False) == "bad"
    assert world.read() == "bad"
    world.answer = "good"
    assert world.read(shared=False) == "good"
    assert world.read() == "good"
    assert world.reads == 4


def test_a_refused_change_forgets_the_subscription_alone(world: World) -> None:
    world.read()
    world.read(subscription="other")
    world.constants.forget("aaaa")
    world.answer = "bad"
    assert (world.read(), world.read(subscription="other")) == ("bad", "good")


def test_those_that_come_together_share_one_read() -> None:
    constants, reads, begin = Constants(), [], threading.Barrier(8)

    def read() -> str:
        reads.append(1)
        return "good"

    def come(_: int) -> str:
        begin.wait(60)
        return constants.read((SUBSCRIPTION, "it"), read, bool, shared=True)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(come, range(8))) == ["good"] * 8
    assert len(reads) == 1
