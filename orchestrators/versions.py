"""The versions of the orchestration: a run keeps to the decisions of the version under which it started.

A change of a decision that a history may hold already is a new version: host.json (`defaultVersion`) gives it to new
runs, and the code asks for it by name.
"""

from arcway.domain.phases import PhaseName
from durabletask.task import OrchestrationContext

FREE_THROTTLING = 2
"""Since this version throttling costs no attempt either if Azure names no time to wait, or if something is undone."""

EXTENSIONS_FIRST = 3
"""Since this version a disconnect deletes the extensions of the connected cluster before the cluster."""

EVENTS_WITH_STEPS = 4
"""Since this version the next step publishes the events that wait, before its own work."""

NEWEST = EVENTS_WITH_STEPS


def phases_under(version: int, names: tuple[PhaseName, ...]) -> tuple[PhaseName, ...]:
    """The phases of a run that started under this version."""
    return names if version >= EXTENSIONS_FIRST else tuple(name for name in names if name != "deleteExtensions")


def version_of(context: OrchestrationContext) -> int:
    """The version under which the run started; a run without one is of the first."""
    version = context.version or ""
    return int(version) if version.isdecimal() else 1
