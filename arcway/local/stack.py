"""The embedded stack as a whole: starts the unmodified function app beside a simulated Azure and simulated clusters.

Every part is a process of its own that announces itself with one line of JSON; what runs where is written to
`stack.json` in the state folder, by which the command line finds it. Must not know what the parts do.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from arcway.local.certificates import write_private

APP_DIR = Path(__file__).resolve().parents[2]
_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_children: dict[int, subprocess.Popen[bytes]] = {}
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class StackError(Exception):
    """The stack cannot start; one sentence."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running embedded stack."""

    url: str
    azure: dict[str, str]
    cluster: dict[str, Any]
    secrets: str
    clusters: str
    pids: dict[str, int]

    def is_alive(self) -> bool:
        """Whether all its processes are there."""
        return all(_is_ours(pid) for pid in self.pids.values())

    def stop(self) -> None:
        """Stop all processes, the function app first; those that do not listen are killed."""
        ours = [pid for pid in reversed(self.pids.values()) if _is_ours(pid)]
        for pid in ours:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for pid in ours:
            while _is_ours(pid) and time.monotonic() < deadline:
                time.sleep(0.02)
            if _is_ours(pid):
                os.kill(pid, signal.SIGKILL)
            if child := _children.pop(pid, None):
                child.wait()


def state_dir() -> Path:
    """Where the stack of this clone keeps its state: ARCWAY_STATE, or `.state` beside the function app."""
    return Path(os.environ.get("ARCWAY_STATE") or APP_DIR / ".state").absolute()


def running(state: Path) -> Stack | None:
    """The stack that `state` belongs to, if it is alive. What an earlier crash left behind is stopped."""
    try:
        found = Stack(**json.loads((state / "stack.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if found.is_alive():
        return found
    found.stop()
    (state / "stack.json").unlink(missing_ok=True)
    return None


def start(state: Path, *, clusters: int = 1, port: int = 0, seconds: float = 0.0) -> Stack:
    """Start the stack; `seconds` is how long Azure's own operations take. Raises `StackError`."""
    if existing := running(state):
        raise StackError(f"The stack is up already at {existing.url}; `arcway down` stops it.")
    for name in ("logs", "secrets", "clusters"):
        (state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in (state / "clusters").glob("*.yaml"):
        old.unlink()
    folder = str(state / "clusters")
    pids: dict[str, int] = {}
    with _stopping_on_failure(pids):
        cluster = _launch(state, pids, "cluster", "--count", str(clusters), "--dir", folder)
        azure = _launch(
            state, pids, "azure", "--dir", str(state / "azure"), "--clusters", folder, "--seconds", str(seconds)
        )
        settings = _settings(state, azure)
        place = ("--app", str(APP_DIR), "--port", str(port), "--data", str(state))
        app = _launch(state, pids, "functions", *place, settings=settings)
    stack = Stack(app["url"], azure, cluster, str(state / "secrets"), folder, pids)
    for number, kubeconfig in enumerate(cluster["kubeconfigs"], 1):
        write_private(state / "secrets" / f"arcway-cluster-{number:03}", Path(kubeconfig).read_bytes())
    write_private(state / "stack.json", json.dumps(asdict(stack), indent=1).encode())
    return stack


def stop(state: Path) -> bool:
    """Stop the stack of this state folder; returns whether there was one."""
    found = running(state)
    if found is None:
        return False
    found.stop()
    (state / "stack.json").unlink(missing_ok=True)
    return True


def _settings(state: Path, azure: dict[str, str]) -> dict[str, str]:
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "ARCWAY_LOCAL": "1",
        "ARCWAY_ARM_ENDPOINT": azure["endpoint"],
        "ARCWAY_CA_FILE": azure["caFile"],
        "ARCWAY_REGISTRIES": azure["registry"],
        "ARCWAY_VAULTS": azure["endpoint"],
        "ARCWAY_SECRETS_DIR": str(state / "secrets"),
        "ARCWAY_WORK_DIR": str(state / "work"),
        "IDENTITY_ENDPOINT": azure["identityEndpoint"],
        "IDENTITY_HEADER": azure["identityHeader"],
    }


def _launch(
    state: Path, pids: dict[str, int], part: str, *arguments: str, settings: dict[str, str] | None = None
) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PYTHONPATH"] = str(APP_DIR)
    log = state / "logs" / f"{part}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", f"arcway.local.{part}", *arguments],
            env={**environment, **(settings or {})},
            cwd=APP_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    pids[part] = process.pid
    _children[process.pid] = process
    output = cast("IO[bytes]", process.stdout)
    ready, _, _ = select.select([output], [], [], _READY_SECONDS)
    line = output.readline() if ready else b""
    output.close()
    if not line:
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise StackError(f"The part `{part}` did not start: {last or f'no answer in {_READY_SECONDS:.0f} s'}")
    announced: dict[str, Any] = json.loads(line)
    return announced


@contextmanager
def _stopping_on_failure(pids: dict[str, int]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        Stack("", {}, {}, "", "", pids).stop()
        raise


def _is_ours(pid: int) -> bool:
    """Whether the process is one of the stack's: a number alone may have been given to somebody else since."""
    if (child := _children.get(pid)) and child.poll() is not None:
        return False
    if Path("/proc/self").exists():
        try:
            return b"arcway.local." in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return "arcway.local." in subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603
