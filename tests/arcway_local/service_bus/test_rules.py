"""The broker's rules, with time under control."""

from uuid import uuid4

import pytest

from arcway_local.service_bus.model import EntityNotFound, LockLost, MessageNotFound, State
from tests.arcway_local.service_bus.bench import Bench, Taker

DEAD = "q/$DeadLetterQueue"


@pytest.fixture
def bench() -> Bench:
    return Bench({"q": {"LockDuration": "PT30S", "MaxDeliveryCount": 3}})


def test_consumers_take_turns_and_none_gets_more_than_it_wants(bench: Bench) -> None:
    first, taker = Taker(limit=2), Taker()
    queue = bench.broker.queue("q")
    queue.consumers.extend([first, taker])
    bench.send("q", b"1", b"2", b"3", b"4", b"5", b"6")
    bench.broker.pump()
    assert first.contents == [b"1", b"3"]
    assert taker.contents == [b"2", b"4", b"5", b"6"]


def test_an_abandoned_message_keeps_its_place(bench: Bench) -> None:
    bench.send("q", b"1", b"2")
    first = bench.take("q", limit=1).taken[0]
    assert first.lock is not None
    bench.broker.queue("q").abandon(first.lock)
    assert bench.take("q").contents == [b"1", b"2"]


def test_a_lock_ends_in_its_time_and_counts_as_a_delivery(bench: Bench) -> None:
    bench.send("q", b"1")
    message = bench.take("q").taken[0]
    assert bench.dues[-1] == bench.clock.now + 30_000
    assert bench.passes(29_999) == bench.clock.now + 1
    assert bench.take("q").contents == []
    bench.passes(1)
    assert bench.take("q").contents == [b"1"]
    assert message.delivery_count == 1


def test_a_renewed_lock_lasts_its_full_time_and_others_end_before_it(bench: Bench) -> None:
    bench.send("q", b"1", b"2")
    renewed, second = bench.take("q").taken
    assert renewed.lock is not None
    bench.clock.now += 20_000
    assert bench.broker.queue("q").renew([renewed.lock]) == [bench.clock.now + 30_000]
    bench.passes(10_000)
    assert second.lock is None
    assert renewed.lock is not None
    bench.passes(20_000)
    assert renewed.lock is None


def test_no_lock_is_renewed_when_one_of_them_is_lost(bench: Bench) -> None:
    bench.send("q", b"1")
    message = bench.take("q").taken[0]
    locked_until_before = message.locked_until
    assert message.lock is not None
    bench.clock.now += 1000
    with pytest.raises(LockLost):
        bench.broker.queue("q").renew([message.lock, uuid4()])
    assert message.locked_until == locked_until_before


def test_a_lock_that_has_ended_settles_nothing_even_before_time_has_acted(bench: Bench) -> None:
    bench.send("q", b"1")
    message = bench.take("q").taken[0]
    assert message.lock is not None
    token = message.lock
    bench.clock.now += 30_000
    with pytest.raises(LockLost):
        bench.broker.queue("q").complete(token)
    assert bench.take("q").contents == [b"1"]


def test_too_many_deliveries_end_in_the_dead_letter_queue(bench: Bench) -> None:
    bench.send("q", b"1")
    for _ in range(3):
        bench.take("q")
        bench.passes(30_000)
    assert bench.take("q").contents == []
    (message,) = bench.take(DEAD).taken
    assert (message.reason, message.delivery_count, message.sequence) == ("MaxDeliveryCountExceeded", 3, 1)


def test_a_dead_letter_never_leaves_without_a_command(bench: Bench) -> None:
    bench.send("q", b"1")
    message = bench.take("q").taken[0]
    assert message.lock is not None
    bench.broker.queue("q").dead_letter(message.lock, "why", None)
    for _ in range(20):
        assert bench.take(DEAD).contents == [b"1"]
        bench.passes(30_000)
    assert bench.take(DEAD).taken[0].reason == "why"


def test_a_released_message_is_not_a_delivery(bench: Bench) -> None:
    bench.send("q", b"1")
    for _ in range(10):
        message = bench.take("q").taken[0]
        assert message.lock is not None
        bench.broker.queue("q").release(message.lock)
        assert message.delivery_count == 0


def test_receive_and_delete_forgets(bench: Bench) -> None:
    bench.send("q", b"1")
    assert bench.take("q", locks=False).contents == [b"1"]
    assert bench.broker.queue("q").messages == {}


def test_deferred_messages_are_found_by_number_all_or_none(bench: Bench) -> None:
    bench.send("q", b"1", b"2")
    queue = bench.broker.queue("q")
    for message in bench.take("q").taken:
        assert message.lock is not None
        queue.defer(message.lock)
    assert bench.take("q").contents == []
    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1, 7], lock=False)
    (redelivered,) = queue.receive_deferred([1], lock=True)
    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1, 2], lock=True)
    bench.passes(30_000)
    assert (redelivered.state, redelivered.lock) == (State.DEFERRED, None)
    assert [item.content for item in queue.receive_deferred([1, 2], lock=False)] == [b"1", b"2"]
    assert queue.messages == {}


def test_a_scheduled_message_arrives_with_a_new_number(bench: Bench) -> None:
    bench.send("q", b"later", scheduled_for=bench.clock.now + 5000)
    bench.send("q", b"now")
    assert bench.take("q").contents == [b"now"]
    assert bench.passes(4999) == bench.clock.now + 1
    bench.passes(1)
    (message,) = bench.take("q").taken
    assert (message.content, message.sequence, message.enqueued_at) == (b"later", 3, bench.clock.now)


def test_scheduled_messages_are_canceled_all_or_none(bench: Bench) -> None:
    bench.send("q", b"1", b"2", scheduled_for=bench.clock.now + 5000)
    with pytest.raises(MessageNotFound):
        bench.broker.target("q").cancel([1, 9])
    bench.broker.target("q").cancel([1])
    bench.passes(5000)
    assert bench.take("q").contents == [b"2"]


@pytest.mark.parametrize("dead_lettered", [True, False])
def test_messages_expire_by_the_shorter_of_two_lives(dead_lettered: bool) -> None:
    bench = Bench({"q": {"DefaultMessageTimeToLive": "PT10S", "DeadLetteringOnMessageExpiration": dead_lettered}})
    bench.send("q", b"short", lifetime=1000)
    bench.send("q", b"long", lifetime=60_000)
    bench.send("q", b"later", lifetime=2000, scheduled_for=bench.clock.now + 9000)
    bench.passes(1000)
    assert set(bench.broker.queue("q").messages) == {2, 3}
    bench.passes(9000)
    assert [message.content for message in bench.broker.queue("q").messages.values()] == [b"later"]
    bench.passes(2000)
    assert bench.take("q").contents == []
    dead = bench.take(DEAD)
    assert dead.contents == ([b"short", b"long", b"later"] if dead_lettered else [])
    assert {message.reason for message in dead.taken} <= {"TTLExpiredException"}


def test_a_locked_message_expires_only_when_it_is_given_back() -> None:
    bench = Bench({"q": {"DefaultMessageTimeToLive": "PT1S", "LockDuration": "PT10S"}})
    bench.send("q", b"1", b"2")
    retained, dropped = bench.take("q").taken
    bench.passes(5000)
    assert retained.lock is not None
    assert dropped.lock is not None
    bench.broker.queue("q").complete(retained.lock)
    bench.broker.queue("q").abandon(dropped.lock)
    assert bench.broker.queue("q").messages == {}


def test_duplicates_are_known_for_the_window_only() -> None:
    bench = Bench({"q": {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT20S"}})
    for content in (b"1", b"2"):
        bench.send("q", content, message_id="same")
        bench.clock.now += 10_000
    bench.send("q", b"3", message_id="same")
    bench.send("q", b"4", b"5")
    assert bench.take("q").contents == [b"1", b"3", b"4", b"5"]


def test_a_topic_copies_by_rules_and_counts_on_its_own() -> None:
    rule = {"Name": "r", "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": "yes"}}}
    never = {"Name": "r", "Properties": {"FilterType": "False"}}
    subscriptions = [{"Name": "All"}, {"Name": "some", "Rules": [rule]}, {"Name": "none", "Rules": [never]}]
    bench = Bench({}, [{"Name": "t", "Subscriptions": subscriptions}])
    bench.send("t", b"no", b"yes")
    assert bench.take("T/Subscriptions/all").contents == [b"no", b"yes"]
    (message,) = bench.take("t/subscriptions/some").taken
    assert (message.content, message.sequence, message.enqueue_sequence) == (b"yes", 1, 2)
    assert bench.take("t/subscriptions/none").contents == []


@pytest.mark.parametrize("address", ["missing", "t", "q/$deadletterqueue/$deadletterqueue", ""])
def test_what_cannot_be_received_from_is_not_found(address: str) -> None:
    bench = Bench({"q": {}}, [{"Name": "t"}])
    with pytest.raises(EntityNotFound):
        bench.broker.queue(address)


@pytest.mark.parametrize("address", ["missing", "q/$deadletterqueue", "t/subscriptions/s"])
def test_what_cannot_be_sent_to_is_not_found(address: str) -> None:
    bench = Bench({"q": {}}, [{"Name": "t", "Subscriptions": [{"Name": "s"}]}])
    with pytest.raises(EntityNotFound):
        bench.broker.target(address)


def test_deadlines_of_settled_messages_do_not_pile_up() -> None:
    bench = Bench({"q": {"DefaultMessageTimeToLive": "PT1H"}})
    for _ in range(5000):
        bench.send("q", b"x")
        bench.take("q", locks=False)
    queue = bench.broker.queue("q")
    assert len(queue._deadlines) < 1500
