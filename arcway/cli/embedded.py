"""The one door from the command line to the embedded stack (`arcway_local`), which is not deployed."""

import runpy

from arcway_local.cluster.real.binaries import CONTROL_PLANE, BuildError
from arcway_local.stack import APP_DIR, Options, Stack, StackError, is_known, keep, running, start, state_dir, stop

__all__ = [
    "APP_DIR",
    "CONTROL_PLANE",
    "BuildError",
    "Options",
    "Stack",
    "StackError",
    "is_known",
    "keep",
    "run_part",
    "running",
    "start",
    "state_dir",
    "stop",
]


def run_part(part: str) -> None:
    """Run one part of the stack in the foreground, as `python -m` does, with the arguments of this process."""
    runpy.run_module(f"arcway_local.{part}", run_name="__main__", alter_sys=True)
