"""Runs the commands of docs/article.md as they are printed there and writes down what they print.

The page is its own source: text and `$` lines of its console blocks are kept, what follows a `$` line is what the
command printed. `python -m tests.article` writes the page, if what happens is no longer what it shows, and the session
of `arcway connect` into docs/recording.md.
"""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "article.md"
RECORDING = ROOT / "docs" / "recording.md"
CONTEXTS = ("lab", "shop")
BEGIN, END = "<!-- recorded by scripts/write-article -->", "<!-- end of the recording -->"

_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_COMMAND_SECONDS = 240
_PACE_SECONDS = 0.5
"""How long Azure's own operations take while the page is written, so that waiting is to be seen."""

_KEY = re.compile(r'("agentPublicKeyCertificate": ")([^"]+)"')
_SHOWN_OF_A_KEY = 16

_DIFFERS = (
    # Whether a phase is shown while it is in progress depends on when the command looks.
    (re.compile(r"^\S+Z \w+: (Running|Waiting|Retrying)\b.*\n", re.MULTILINE), ""),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "TIME"),
    # Ids: of a run, of an identity, of an account that was made for a run, of a pod.
    (re.compile(r"\.[0-9a-f]{12}\b"), ".RUN"),
    (re.compile(r'(?<="principalId": ")[0-9a-f-]{36}'), "IDENTITY"),
    (re.compile(r'(?<="agentPublicKeyCertificate": ")[^…]+'), "KEY"),
    (re.compile(r"(arcway-tmp-\w+)-[0-9a-f]{10,32}\b"), r"\1-ID"),
    (re.compile(r"^( [a-z-]+)-[0-9a-z]{8,10}-[0-9a-z]{5}\b", re.MULTILINE), r"\1-POD"),
    # Ages, as a column, as JSON, and what they make of a table's widths.
    (re.compile(r"\b\d+[smh]\b"), "AGE"),
    (re.compile(r'(?<="heartbeatAgeSeconds": )\d+'), "AGE"),
    (re.compile(r"(?<=AGE ago) +\d+$|(?<=\"certificateDaysLeft\": )\d+", re.MULTILINE), "DAYS"),
    (re.compile(r" +"), " "),
)
"""What differs from run to run, and what stands for it when two pages are compared."""


def replay(page: str, run: Callable[[str], str]) -> str:
    """The page with what each of its commands prints now."""

    def block(count: re.Match[str]) -> str:
        commands = [line for line in count[0].splitlines() if line.startswith("$ ")]
        return "".join(f"{command}\n{run(command.removeprefix('$ '))}" for command in commands)

    return _BLOCK.sub(block, page)


def differences(shown_value: str, real: str) -> str:
    """What two pages differ in beyond what differs from run to run; empty when there is nothing."""
    return "\n".join(difflib.unified_diff(_lasting(shown_value), _lasting(real), "shown", "real", lineterm="", n=1))


def shortened(message: str) -> str:
    """What a command printed, with the one value cut short that fills half a page."""
    return _KEY.sub(lambda key: f'{key[1]}{key[2][:_SHOWN_OF_A_KEY]}… ({len(key[2])} characters)"', message)


def session(page: str) -> str:
    """The block in which a cluster is connected for the first time."""
    blocks: list[str] = _BLOCK.findall(page)
    return next(block for block in blocks if block.startswith("$ arcway connect") and "dry-run" not in block)


def with_session(recording: str, recorded: str) -> str:
    """The page with this session between its two marks. Raises `ValueError` where they are missing."""
    count_before, start_after = recording.index(BEGIN) + len(BEGIN), recording.index(END)
    return f"{recording[:count_before]}\n```console\n{recorded}```\n{recording[start_after:]}"


class Shell:
    """Runs command lines in a home of its own, with `arcway` and an embedded stack of its own."""

    def __init__(self, folder: Path, seconds: float = 0.0, clusters: int = len(CONTEXTS)) -> None:
        self._state = folder / "state"
        self.home = folder / "home"
        self.stack = embedded.start(self._state, Options(clusters=clusters, seconds=seconds))
        (self.home / ".kube").mkdir(parents=True)
        (self.home / ".kube" / "config").write_text(json.dumps(_kubeconfig(self.stack)))
        program = self.home / "bin" / "arcway"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -W ignore -m arcway.cli "$@"\n')
        program.chmod(0o755)

    def __call__(self, line: str) -> str:
        """What the line prints on either stream, as a terminal would mix them."""
        environment = {
            "PATH": f"{self.home / 'bin'}:{os.defpath}",
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "ARCWAY_STATE": str(self._state),
            "CLUSTERS": self.stack.cluster["endpoint"],
        }
        completed = subprocess.run(
            ["/bin/sh", "-c", line],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        # Tables end with spaces, which editors and reviewers dislike.
        return "".join(f"{part.rstrip()}\n" for part in shortened(completed.stdout).splitlines())

    def close(self) -> None:
        """Stop the stack."""
        embedded.stop(self._state)


def _lasting(page: str) -> list[str]:
    for pattern, name in _DIFFERS:
        page = pattern.sub(name, page)
    return page.splitlines()


def _kubeconfig(stack: Stack) -> dict[str, Any]:
    """One file for all simulated clusters, as people have it."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": CONTEXTS[0]}
    for kind in ("clusters", "users", "contexts"):
        merged[kind] = []
    for name, path in zip(CONTEXTS, stack.cluster["kubeconfigs"], strict=False):
        own = yaml.safe_load(Path(path).read_text())
        merged["clusters"].append({"name": name, "cluster": own["clusters"][0]["cluster"]})
        merged["users"].append({"name": name, "user": own["users"][0]["user"]})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return merged


def write() -> list[str]:
    """Write what changed; returns what that is."""
    page = PAGE.read_text()
    with tempfile.TemporaryDirectory(prefix="arcway-article-") as folder:
        shell = Shell(Path(folder), _PACE_SECONDS)
        try:
            real = replay(page, shell)
        finally:
            shell.close()
    changes = []
    if difference := differences(page, real):
        PAGE.write_text(real)
        changes.append(difference)
    recording = RECORDING.read_text()
    if (current := with_session(recording, session(PAGE.read_text()))) != recording:
        RECORDING.write_text(current)
        changes.append(f"{RECORDING.name}: the session of `arcway connect`")
    return changes


if __name__ == "__main__":
    sys.stdout.write("\n".join(write() or ["Nothing has changed."]) + "\n")
