"""Processes of the embedded stack: started apart from their parent, identified by process id, stopped reliably.

A number alone may belong to another process by now, so it counts only together with the program's arguments.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_PREFIX = "arcway_local."
# The other parts stand for services on other machines, which do not take the processor from those who wait for the app.
_FIRST_SERVED, _NICENESS = "functions", 4

_children: dict[int, subprocess.Popen[bytes]] = {}


class PartError(Exception):
    """A part did not start; one sentence with the end of its log."""


def launch(
    part: str, arguments: Sequence[str], folder: Path, log: Path, settings: dict[str, str]
) -> tuple[dict[str, Any], int]:
    """Start `arcway_local.<part>` and return its announcement and its process id. Raises `PartError`."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PYTHONPATH"] = str(folder)
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", f"{_PREFIX}{part}", *arguments],
            env={**environment, **settings},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    _children[process.pid] = process
    if part != _FIRST_SERVED:
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    output = cast("IO[bytes]", process.stdout)
    ready, _, _ = select.select([output], [], [], _READY_SECONDS)
    line = output.readline() if ready else b""
    output.close()
    if not line:
        stop([process.pid])
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise PartError(f"The part `{part}` did not start: {last or f'no response in {_READY_SECONDS:.0f} s'}")
    announced: dict[str, Any] = json.loads(line)
    return announced, process.pid


def is_ours(pid: int) -> bool:
    """Whether the process is alive and a part of a stack."""
    if pid <= 0 or ((child := _children.get(pid)) and child.poll() is not None):
        return False
    if Path("/proc/self").exists():
        try:
            return _PREFIX.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return _PREFIX in subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):  # another user's process; a system without /proc
        return True


def stop(pids: Sequence[int]) -> None:
    """Stop processes in this order with SIGTERM, and kill those that do not end."""
    ours = [pid for pid in pids if is_ours(pid)]
    for pid in ours:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    for pid in ours:
        while is_ours(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        if is_ours(pid):
            os.kill(pid, signal.SIGKILL)
        if child := _children.pop(pid, None):
            child.wait()
