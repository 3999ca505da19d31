"""`build`, `up`, `down`, `status`, `kubeconfig`, `run` for a real control plane; scripts/control-plane is the way in.

`run` works in the foreground and announces itself in one line of JSON; `up` leaves a `run` behind.
"""

import argparse
import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

from arcway.private_file import write_private
from arcway_local.cluster.real.binaries import CONTROL_PLANE, HELM_CLIENT, BuildError
from arcway_local.cluster.real.control_plane import BootError, ControlPlane
from arcway_local.cluster.real.kubelet import Kubelet

_READY_SECONDS = 150.0
_STOP_SECONDS = 30.0
_PARENT_LOOK_SECONDS = 1.0
_STATE = "running.json"


def build() -> int:
    """Build the control plane and Helm's client; prints their folders."""
    for module in (CONTROL_PLANE, HELM_CLIENT):
        began = time.monotonic()
        folder = module.build()
        sys.stdout.write(f"{folder} ({time.monotonic() - began:.0f} s)\n")
        sys.stdout.flush()
    return 0


def up(folder: Path, nodes: int) -> int:
    """Start a control plane in the background; prints its kubeconfig's path."""
    if state := _running(folder):
        sys.stdout.write(f"{state['kubeconfigs'][0]}\n")
        return 0
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "arcway_local.cluster.real", "--dir", str(folder), "--nodes", str(nodes), "run"]
    log = folder / "run.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    output = cast("IO[bytes]", process.stdout)
    ready, _, _ = select.select([output], [], [], _READY_SECONDS)
    line = output.readline() if ready else b""
    if not line:
        process.terminate()
        process.wait()
        raise BootError(log.read_text(errors="replace").strip() or "It did not become ready in time.")
    sys.stdout.write(f"{json.loads(line)['kubeconfigs'][0]}\n")
    return 0


def down(folder: Path) -> int:
    """Stop the control plane of the folder, if there is one."""
    state = _running(folder)
    if state is None:
        return 0
    os.kill(state["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_ours(state["pid"]):
        if time.monotonic() > deadline:
            raise BootError(f"Process {state['pid']} does not end.")
        time.sleep(0.05)
    return 0


def status(folder: Path) -> int:
    """Print what runs, with memory where the system tells it; exit code 1 when nothing does."""
    state = _running(folder)
    if state is None:
        sys.stdout.write("No control plane is running.\n")
        return 1
    memory = {name: _megabytes(pid) for name, pid in state["pids"].items()}
    sys.stdout.write(json.dumps({**state, "residentMegabytes": memory}, indent=1) + "\n")
    return 0


def kubeconfig(folder: Path) -> int:
    """Print the path of the administrator's kubeconfig."""
    state = _running(folder)
    if state is None:
        raise BootError("No control plane is running; start one with `scripts/control-plane up`.")
    sys.stdout.write(f"{state['kubeconfigs'][0]}\n")
    return 0


async def run(folder: Path, nodes: int, parent: int | None) -> int:
    """Run a control plane until SIGTERM, SIGINT or the end of `parent`; exit code 1 when one of its processes ends."""
    if not CONTROL_PLANE.is_built():
        raise BootError("The control plane is not built; `scripts/control-plane build` builds it.")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    began = time.monotonic()
    plane = ControlPlane(folder, CONTROL_PLANE.folder, nodes)
    await plane.start()
    try:
        async with plane.client() as client:
            kubelet = asyncio.create_task(Kubelet(client).run())
            _announce(folder, plane, time.monotonic() - began)
            try:
                return await _watch(plane, kubelet, stopped, parent)
            finally:
                kubelet.cancel()
                await asyncio.gather(kubelet, return_exceptions=True)
    finally:
        await plane.stop()
        (folder / _STATE).unlink(missing_ok=True)


def _announce(folder: Path, plane: ControlPlane, seconds: float) -> None:
    ready: dict[str, Any] = {
        "endpoint": plane.endpoint,
        "kubeconfigs": [str(plane.kubeconfig_file)],
        "pid": os.getpid(),
        "pids": plane.pids,
        "bootSeconds": round(seconds, 1),
    }
    write_private(folder / _STATE, json.dumps(ready).encode())
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def _watch(plane: ControlPlane, kubelet: asyncio.Task[None], stopped: asyncio.Event, parent: int | None) -> int:
    while not stopped.is_set():
        if kubelet.done():
            kubelet.result()
        if name := plane.dead():
            sys.stderr.write(f"{name} ended; see {name}.log.\n")
            return 1
        if parent is not None and not _is_alive(parent):
            return 0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), _PARENT_LOOK_SECONDS)
    return 0


def _running(folder: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((folder / _STATE).read_text())
    except (OSError, ValueError):
        return None
    return state if _is_ours(state["pid"]) else None


def _is_ours(pid: int) -> bool:
    """Whether the process runs a control plane: a number alone may belong to another process by now."""
    command = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed program
    return "arcway_local.cluster.real" in process.stdout


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _megabytes(pid: int) -> int | None:
    try:
        status_file = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = [line.split() for line in status_file.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) // 1024 if lines else None


def _default_folder() -> Path:
    state = os.environ.get("ARCWAY_STATE")
    return (Path(state) if state else Path(__file__).resolve().parents[3] / ".state") / "control-plane"


def main() -> int:
    """Do one command; exit code 1 and one sentence on stderr when it cannot be done."""
    parser = argparse.ArgumentParser(prog="scripts/control-plane", description="A real Kubernetes control plane.")
    parser.add_argument("command", choices=("build", "up", "down", "status", "kubeconfig", "run"))
    parser.add_argument("--dir", type=Path, default=_default_folder(), help="folder of keys, logs and kubeconfig")
    parser.add_argument("--nodes", type=int, default=2, help="number of Linux nodes")
    parser.add_argument("--parent", type=int, help="run: stop when the process with this number is gone")
    options = parser.parse_args()
    folder = options.dir.absolute()
    try:
        match options.command:
            case "build":
                return build()
            case "up":
                return up(folder, options.nodes)
            case "run":
                return asyncio.run(run(folder, options.nodes, options.parent))
            case command:
                return {"down": down, "status": status, "kubeconfig": kubeconfig}[command](folder)
    except (BootError, BuildError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
