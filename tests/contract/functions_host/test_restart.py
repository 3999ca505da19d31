"""What outlives the host: everything acknowledged, after `kill -9` or an orderly stop; and what ends it loudly."""

import os
import resource
import shutil
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.contract.functions_host.hosting import MANAGEMENT, Host, eventually, hosted, refused, sample_app


class Place:
    """One app and one journal, hosted again and again."""

    def __init__(self, folder: Path) -> None:
        self.app = sample_app(folder)
        self.data = folder / "data"
        self.journal = self.data / "journal.db"
        self._folder = folder
        self._count = 0

    @contextmanager
    def host(self) -> Iterator[Host]:
        self._count += 1
        with hosted(self.app, self._folder / f"{self._count}.log", self.data) as host:
            yield host


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def refusal(place: Place) -> str:
    outcome = refused(place.app, "--port", "0", "--data", str(place.data))
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "Traceback" not in outcome.stderr
    return outcome.stderr.splitlines()[-1]


def test_everything_that_waits_continues_after_a_kill(place: Place) -> None:
    with place.host() as host:
        host.run("chain", "finished")
        host.start("listens", "event")
        host.start("listens", "suspended")
        host.start("waits", "timer", 0.5)
        host.start("parent", "family", {"child": "listens", "input": None})
        host.start("fan_out", "activities", {"count": 8, "seconds": 0.2})
        host.http.post("/api/delayed/scheduled", params={"seconds": "0.5"})
        host.http.post("/api/entities/key/add", params={"by": "4"})
        host.until("suspended", "Running")
        assert host.post("suspended/suspend").status_code == 202
        host.until("suspended", "Suspended")
        host.until("family-child", "Running")
        assert host.raise_event("suspended", "go", "held").status_code == 202
        eventually(lambda: host.http.get("/api/entities/key").json() == 4 or None)
        finished = host.status("finished", showHistory="true").json()
        host.kill()
    with place.host() as host:
        assert host.status("finished", showHistory="true").json() == finished
        assert host.http.get("/api/entities/key").json() == 4
        assert host.until("event", "Running")["customStatus"] == {"listening": True}
        assert host.until("suspended", "Suspended")["input"] is None
        assert host.start("echo", "event").status_code == 500
        assert host.until("timer", "Completed")["output"] == "waited"
        assert host.until("scheduled", "Completed")["output"] == "late"
        assert host.until("activities", "Completed")["output"] == 8
        host.raise_event("event", "go", 1)
        host.raise_event("family-child", "go", 2)
        host.post("suspended/resume")
        assert host.until("event", "Completed")["output"] == 1
        assert host.until("family", "Completed")["output"] == 2
        assert host.until("suspended", "Completed")["output"] == "held"


def test_an_orderly_stop_loses_nothing_and_purging_is_permanent(place: Place) -> None:
    with place.host() as host:
        host.run("chain", "purged")
        host.start("listens", "event")
        assert host.http.delete(f"{MANAGEMENT}/instances/purged").json() == {"instancesDeleted": 1}
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(240) == 0
        assert "Traceback" not in host.log()
    with place.host() as host:
        assert host.status("purged").status_code == 404
        host.raise_event("event", "go", "later")
        assert host.until("event", "Completed")["output"] == "later"
        assert {stat.S_IMODE(file.stat().st_mode) for file in place.data.iterdir()} == {0o600}


def test_the_data_folder_is_relative_to_where_the_host_is_started(tmp_path: Path) -> None:
    app = sample_app(tmp_path)
    with hosted(app, tmp_path / "log", Path(os.path.relpath(tmp_path / "data"))) as host:
        assert host.run("echo", "x", 1)["output"] == 1
    assert (tmp_path / "data" / "journal.db").exists()


def test_failed_runs_are_rewound_after_a_restart(place: Place) -> None:
    with place.host() as host:
        assert host.run("flaky", "rewound", "key")["runtimeStatus"] == "Failed"
        host.kill()
    with place.host() as host:
        for _ in range(2):
            assert host.until("rewound", "Failed")["output"]
            assert host.post("rewound/rewind").status_code == 202
            host.until("rewound", "Failed", "Completed")
        assert host.post("rewound/rewind").status_code in (202, 410)
        assert host.until("rewound", "Completed")["output"] == 3


def test_poison_fails_its_run_and_the_host_continues(place: Place) -> None:
    with place.host() as host:
        host.start("raises_when_told", "told")
        host.start("listens", "orphan")
        host.until("orphan", "Running")
        assert "nothing there" in host.run("raises", "raised")["output"]
        odd = host.run("calls_no_json", "odd")
        assert odd["runtimeStatus"] == "Failed"
        assert "JSON" in odd["output"] or "serializ" in odd["output"]
        assert "has 8193 UTF-16 characters" in host.run("status_of_length", "wordy", 8193)["output"]
        reply = host.http.post(f"{MANAGEMENT}/orchestrators/echo/large", json="x" * 1024 * 1024)
        assert reply.status_code == 400
        assert "at most 1048576 (1 MiB)" in reply.json()["Message"]
        assert host.status("large").status_code == 404
        value_before = {name: host.status(name).json() for name in ("raised", "odd", "wordy")}
        host.kill()
    source = place.app / "durable.py"
    source.write_text(source.read_text().replace("def listens(", "def listens_no_more("))
    with place.host() as host:
        assert {name: host.status(name).json() for name in value_before} == value_before
        host.raise_event("told", "go", "bad news")
        assert host.raise_event("orphan", "go").status_code == 202
        assert "bad news" in host.until("told", "Failed")["output"]
        assert "'listens' doesn't exist" in host.until("orphan", "Failed")["output"]
        assert host.run("chain", "sound")["output"] == ["A", "A!", "3"]


def test_a_journal_that_cannot_be_used_is_named_and_nothing_starts(place: Place) -> None:
    with place.host() as host:
        host.run("chain", "kept")
        assert refusal(place) == (
            f"The journal {place.journal} is in use by another process; one host can use it at a time."
        )
    with sqlite3.connect(place.journal) as database:
        database.execute("PRAGMA user_version=2")
    database.close()
    assert f"The journal {place.journal} has schema 2, this program knows schema 1" in refusal(place)
    place.journal.write_bytes(b"no database at all, whatever one does\n" * 100)
    assert f"The journal {place.journal} is damaged (file is not a database)" in refusal(place)
    place.journal.unlink()
    shutil.rmtree(place.data)
    place.data.touch()
    assert f"The journal {place.journal} cannot be opened" in refusal(place)


def test_a_full_disk_ends_the_host_before_it_acknowledges_anything(place: Place) -> None:
    with place.host() as host:
        host.start("listens", "kept")
        host.until("kept", "Running")
        # No file of this process can grow from now on, which SQLite sees as a failing disk.
        log = Path(f"{place.journal}-wal").stat().st_size
        resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (log, log))
        accepted = []
        for number in range(1000):
            try:
                if host.start("listens", f"n{number}", "x" * 1000).status_code == 202:
                    accepted.append(f"n{number}")
            except httpx.TransportError:
                break
        assert host.process.wait(240) == 1
        last = host.log().splitlines()[-1]
        assert last.startswith(f"The journal {place.journal} cannot be read or written: ")
        assert last.endswith("everything acknowledged before is kept.")
    with place.host() as host:
        assert host.until("kept", "Running")
        for name in accepted:
            assert host.status(name).status_code == 202
        host.raise_event("kept", "go", 1)
        assert host.until("kept", "Completed")["output"] == 1
