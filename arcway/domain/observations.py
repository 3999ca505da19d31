"""What the service reports of its work: a line of JSON for each transition of a run, each step, and what is counted.

Alert rules and the workbook (`infra`) name these fields, and a test keeps them to what is listed here. No field is a
text from outside: identifiers, names of ours, numbers and codes only.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

EVENTS: Mapping[str, tuple[str, ...]] = {
    # A run was accepted or has ended; `seconds` since it was created.
    "run": ("run", "cluster", "operation", "state", "seconds", "code", "changed"),
    # A phase has ended; `attempt` is how often it tried.
    "phase": ("run", "cluster", "operation", "phase", "state", "attempt", "seconds", "code"),
    # A step was done: `outcome` is ok, error or unexpected; `attempt` counts the failures of its phase before it.
    "step": ("run", "cluster", "operation", "phase", "attempt", "step", "outcome", "seconds", "code"),
    # Azure refused a request, or the bucket has no token for it.
    "throttled": ("subscription", "kind", "seconds", "refused"),
    # An event was sent; `seconds` since it happened.
    "published": ("run", "type", "seconds"),
    # A cluster was read whose agents' certificate ends soon.
    "certificate": ("cluster", "days"),
    # A part of the self-test of a process fails.
    "selfTest": ("part",),
}
LOGGER = "arcway.observations"

_logger = logging.getLogger(LOGGER)
# The root logger of a worker may be set to warnings.
_logger.setLevel(logging.INFO)


def observe(event: str, **fields: Any) -> None:
    """Log one line. Raises `ValueError` for a field that the event does not have: no query could know it."""
    if unknown := fields.keys() - set(EVENTS[event]):
        raise ValueError(f"{event} has no field {', '.join(sorted(unknown))}")
    kept = {"event": event, **{name: value for name, value in fields.items() if value is not None}}
    _logger.info("%s", json.dumps(kept, separators=(",", ":")), extra={"observation": kept})
