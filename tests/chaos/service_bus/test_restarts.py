"""What outlives `kill -9`: everything that was acknowledged, in whatever state it was. And what makes starting fail."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.service_bus.hosting import CONFIG, Bus, launch, running, stop
from tests.contract.service_bus.talking import Entity, dead_letters_of, until


@contextmanager
def _client(bus: Bus) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        yield client


@contextmanager
def _entity(bus: Bus, name: str, subscription: str | None = None) -> Iterator[Entity]:
    with _client(bus) as client:
        entity = Entity(client, name, subscription)
        yield entity
        entity.close()


def _kill(bus: Bus, data: Path) -> Bus:
    bus.kill()
    stop(bus)
    return launch("--port", "0", "--data", str(data))


def test_messages_of_every_state_outlive_a_kill(tmp_path: Path) -> None:
    bus = launch("--port", "0", "--data", str(tmp_path))
    try:
        with _entity(bus, "basic") as entity:
            for name in ("settled", "abandoned", "deferred", "buried", "waiting"):
                entity.send(name)
            settled, abandoned, deferred, buried = entity.receiver.receive_messages(4, max_wait_time=5)
            entity.receiver.complete_message(settled)
            entity.receiver.defer_message(deferred)
            entity.receiver.dead_letter_message(buried, reason="Because", error_description="of this")
            entity.receiver.abandon_message(abandoned)
            (scheduled,) = entity.sender.schedule_messages(
                ServiceBusMessage("scheduled"), datetime.now(UTC) + timedelta(minutes=5)
            )
        counts_before = bus.counts("basic")
        bus = _kill(bus, tmp_path)
        assert bus.counts("basic") == counts_before
        assert counts_before == {"active": 2, "deferred": 1, "scheduled": 1, "locked": 0, "deadLetter": 1}
        with _entity(bus, "basic") as entity:
            entity.sender.cancel_scheduled_messages(scheduled)
            first = entity.receive()
            assert (str(first), first.delivery_count, first.sequence_number) == ("abandoned", 1, 2)
            assert deferred.sequence_number is not None
            (redelivered,) = entity.receiver.receive_deferred_messages(deferred.sequence_number)
            assert str(redelivered) == "deferred"
            with dead_letters_of(entity) as dead:
                item = entity.receive(dead)
                assert (str(item), item.dead_letter_reason) == ("buried", "Because")
                assert item.dead_letter_error_description == "of this"
            waiting = entity.receive()
            entity.receiver.complete_message(waiting)
            entity.send("new")
            new = entity.receive()
            assert (str(waiting), str(new), new.sequence_number) == ("waiting", "new", scheduled + 1)
    finally:
        stop(bus)


def test_a_lock_outlives_a_kill_and_expires_in_its_time(tmp_path: Path) -> None:
    bus = launch("--port", "0", "--data", str(tmp_path))
    try:
        with _entity(bus, "hasty") as entity:
            entity.send("held")
            locked = entity.receive()
        assert locked.locked_until_utc is not None
        bus = _kill(bus, tmp_path)
        assert bus.counts("hasty")["locked"] == (1 if until(locked.locked_until_utc) > 0 else 0)
        with _entity(bus, "hasty") as entity:
            redelivered = entity.receive()
            assert until(locked.locked_until_utc) <= 0
            assert (str(redelivered), redelivered.delivery_count) == ("held", 1)
            entity.receiver.complete_message(redelivered)
    finally:
        stop(bus)


def test_duplicates_are_known_after_a_kill(tmp_path: Path) -> None:
    bus = launch("--port", "0", "--data", str(tmp_path))
    try:
        with _entity(bus, "unique") as entity:
            entity.sender.send_messages(ServiceBusMessage("first", message_id="same"))
            entity.receiver.complete_message(entity.receive())
        bus = _kill(bus, tmp_path)
        with _entity(bus, "unique") as entity:
            entity.sender.send_messages(ServiceBusMessage("second", message_id="same"))
            assert entity.is_empty()
    finally:
        stop(bus)


def test_without_a_folder_nothing_is_kept() -> None:
    with running("--port", "0") as bus, _entity(bus, "basic") as entity:
        entity.send()
        assert bus.counts("basic")["active"] == 1
    with running("--port", "0") as bus:
        assert bus.counts("basic")["active"] == 0


def test_messages_of_an_entity_that_is_gone_come_back_with_it(tmp_path: Path) -> None:
    data, less = tmp_path / "data", tmp_path / "Config.json"
    document = json.loads(CONFIG.read_text())
    document["UserConfig"]["Namespaces"][0]["Queues"] = []
    less.write_text(json.dumps(document))
    with running("--port", "0", "--data", str(data)) as bus, _entity(bus, "basic") as entity:
        entity.send("patient")
    with running("--port", "0", "--data", str(data), config=less) as bus:
        assert "basic" not in bus.call("GET", "/entities")["entities"]
    with running("--port", "0", "--data", str(data)) as bus, _entity(bus, "basic") as entity:
        assert str(entity.receive()) == "patient"


def _start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arcway_local.service_bus", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_what_stops_it_from_starting_is_said_in_a_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "service-bus.db").write_bytes(b"no database at all" * 100)
    with running("--port", "0", "--data", str(tmp_path / "used")) as bus:
        attempts = {
            "cannot be read": ("--config", str(tmp_path / "missing.json")),
            "is not JSON": ("--config", str(bad)),
            "cannot listen on port": ("--config", str(CONFIG), "--port", str(bus.port)),
            "in use by another process": ("--config", str(CONFIG), "--port", "0", "--data", str(tmp_path / "used")),
            "cannot be read or written": ("--config", str(CONFIG), "--port", "0", "--data", str(foreign)),
        }
        for sentence, arguments in attempts.items():
            completed = _start(*arguments)
            assert (completed.returncode, completed.stdout) == (2, ""), completed.stderr
            assert sentence in completed.stderr
            assert len(completed.stderr.splitlines()) == 1, completed.stderr


def _send_until_it_fails(sender: ServiceBusSender) -> int:
    """How many sends were acknowledged."""
    for count in range(100):
        try:
            sender.send_messages(ServiceBusMessage(b"x" * 10_000))
        except ServiceBusError:
            return count
    raise AssertionError("it never failed")


def test_when_the_disk_is_full_it_ends_and_has_kept_what_it_acknowledged(tmp_path: Path) -> None:
    with running("--port", "0", "--data", str(tmp_path)) as bus:
        resource.prlimit(bus.process.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
        client = ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0)
        with client, client.get_queue_sender("basic") as sender:
            acknowledged = _send_until_it_fails(sender)
        assert bus.process.wait(240) == 1
    assert acknowledged > 5
    with running("--port", "0", "--data", str(tmp_path)) as bus:
        assert bus.counts("basic")["active"] == acknowledged


def test_it_ends_in_order_when_told_to() -> None:
    bus = launch("--port", "0")
    with _client(bus) as client, client.get_queue_sender("basic") as sender:
        sender.send_messages(ServiceBusMessage(b"x"))
        assert stop(bus) == 0


@pytest.mark.parametrize("size", [100, 300_000, 900_000])
def test_large_messages_come_whole_after_a_kill(tmp_path: Path, size: int) -> None:
    body = bytes(number % 253 for number in range(size))
    bus = launch("--port", "0", "--data", str(tmp_path))
    try:
        with _entity(bus, "large") as entity:
            entity.send(body)
        bus = _kill(bus, tmp_path)
        with _entity(bus, "large") as entity:
            assert b"".join(entity.receive().body) == body
    finally:
        stop(bus)
