"""CPU seconds of the function app as a whole: its process, the processes it has started, and those that have ended."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The name of the link through which a Helm worker is started.
_HELM = b"/helm"
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _OWN, _OF_ENDED, _NICE = 0, slice(10, 12), slice(12, 14), 15


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system."""

    app: float
    """Of the process itself and its second worker."""
    helm: float
    """Of all Helm workers, those included that have ended and were waited for."""
    key_pairs: float
    """What of `app` generated key pairs, which is a matter of luck."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.app + self.helm

    def since(self, earlier: "Cpu") -> "Cpu":
        """What was added since."""
        return Cpu(self.app - earlier.app, self.helm - earlier.helm, self.key_pairs - earlier.key_pairs)


def cpu_of_tree(pid: int) -> Cpu:
    """CPU of the process `pid` and of its descendants, in steps of 10 ms.

    Of the embedded stack the function app is the process `functions`: the Functions host, the workflow engine with its
    journal and the app's first worker are its threads and cannot be measured apart. Its child is the second worker,
    whose children are the Helm workers.
    The simulated clusters, the simulated Azure and the broker are processes beside it, and so is a client.
    """
    processes = dict(_processes())
    app, helm, key_pairs = 0.0, 0.0, 0.0
    for number, (parent, own, ended) in processes.items():
        if number == pid or _descends(parent, pid, processes):
            app, helm = (app, helm + own) if _is_helm(number) else (app + own, helm)
            helm += ended
            key_pairs += _of_key_pairs(number)
    return Cpu(app, helm, key_pairs)


def _is_helm(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(_HELM)
    except OSError:
        return True  # only Helm workers end while others are at work


def _of_key_pairs(pid: int) -> float:
    """CPU seconds of threads with a lower priority than their process: only those that generate key pairs have one."""
    seconds = 0.0
    with suppress(OSError):  # it has ended
        nice = _fields(Path(f"/proc/{pid}/stat"))[_NICE]
        for thread in Path(f"/proc/{pid}/task").iterdir():
            fields = _fields(thread / "stat")
            if fields[_NICE] > nice:
                seconds += sum(fields[_OWN]) / _TICKS
    return seconds


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
            fields = _fields(path)
        except OSError:
            continue  # it has ended, and its parent has its seconds by now
        seconds = (sum(fields[_OWN]) / _TICKS, sum(fields[_OF_ENDED]) / _TICKS)
        yield int(path.parent.name), (fields[_PARENT], *seconds)


def _fields(path: Path) -> list[int]:
    """The fields of proc(5)'s stat after the command and the state; raises `OSError` if there is no such process."""
    return [int(field) for field in path.read_text().rpartition(")")[2].split()[1:]]
