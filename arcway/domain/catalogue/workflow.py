"""The codes ARC-6xxx: the run itself."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

WORKFLOW: dict[Code, Kind] = {
    Code.RUN_NOT_FOUND: Kind(
        "The run does not exist",
        "List the runs: GET /api/runs, or `arcway status`.",
    ),
    Code.RUN_SUPERSEDED: Kind(
        "The run was superseded by a later run",
        "Follow the link to the later run.",
    ),
    Code.RUN_IN_PROGRESS: Kind(
        "Another run is in progress for this cluster",
        "Wait until that run has ended, then try again.",
        True,
    ),
    Code.RUN_TERMINATED: Kind(
        "The run was terminated from outside Arcway",
        "Start a new run; it continues from the current state.",
    ),
    Code.PHASE_TIMEOUT: Kind(
        "The phase exceeded its time limit",
        "Check the phase's detail and error, then start a new run.",
        True,
    ),
    Code.INTERNAL_ERROR: Kind(
        "Arcway failed with an unexpected error",
        "Start a new run, and report the error with the correlation id.",
        True,
    ),
    Code.ENGINE_UNREACHABLE: Kind(
        "The workflow engine cannot be reached",
        "Try again in a minute; check the function app's storage.",
        True,
    ),
    Code.CHECK_NOT_SUCCESSFUL: Kind(
        "The run is not a successful check",
        "Check the cluster again, then connect it.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Kind(
        "The idempotency key was used for another request",
        "Send the request with a new Idempotency-Key (or message id). Reuse a key only with the same request.",
    ),
}
