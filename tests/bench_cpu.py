"""CPU seconds of the function app as a whole: its process, the processes it has started, and those that have ended."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The name of the link through which a Helm worker is started.
_HELM = b"/helm"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system."""

    app: float
    """Of the process itself and its second worker."""
    helm: float
    """Of all Helm workers, those included that have ended and were waited for."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.app + self.helm

    def since(self, earlier: "Cpu") -> "Cpu":
        """What was added since."""
        return Cpu(self.app - earlier.app, self.helm - earlier.helm)


def cpu_of_tree(pid: int) -> Cpu:
    """CPU of the process `pid` and of its descendants, in steps of 10 ms.

    Of the embedded stack the function app is the process `functions`: the Functions host, the workflow engine with its
    journal and the app's first worker are its threads and cannot be measured apart. Its child is the second worker,
    whose children are the Helm workers.
    The simulated clusters, the simulated Azure and the broker are processes beside it, and so is a client.
    """
    processes = dict(_processes())
    app, helm = 0.0, 0.0
    for number, (parent, own, ended) in processes.items():
        if number == pid or _descends(parent, pid, processes):
            app, helm = (app, helm + own) if _is_helm(number) else (app + own, helm)
            helm += ended
    return Cpu(app, helm)


def _is_helm(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(_HELM)
    except OSError:
        return True  # only Helm workers end while others are at work


def _descends(parent: int, ancestor: int, processes: dict[int, tuple[int, float, float]]) -> bool:
    while parent != ancestor:
        if parent not in processes:
            return False
        parent = processes[parent][0]
    return True


def _processes() -> Iterator[tuple[int, tuple[int, float, float]]]:
    """Each process with its parent, its own seconds and those of its children that were waited for."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended, and its parent has its seconds by now
        user, system, ended_user, ended_system = (int(field) for field in fields[11:15])
        seconds = ((user + system) / _TICKS, (ended_user + ended_system) / _TICKS)
        yield int(path.parent.name), (int(fields[1]), *seconds)
