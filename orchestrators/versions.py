"""The versions of the orchestration: a run keeps to the decisions of the version under which it started.

A change of a decision that a history may hold already is a new version: host.json (`defaultVersion`) gives it to new
runs, and the code asks for it by name.
"""

from durabletask.task import OrchestrationContext

FREE_THROTTLING = 2
"""Since this version throttling costs no attempt either if Azure names no time to wait, or if something is undone."""

NEWEST = FREE_THROTTLING


def version_of(context: OrchestrationContext) -> int:
    """The version under which the run started; a run without one is of the first."""
    version = context.version or ""
    return int(version) if version.isdecimal() else 1
