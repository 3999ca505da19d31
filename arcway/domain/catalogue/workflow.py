"""The codes ARC-6xxx: the run itself."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

WORKFLOW: dict[Code, ErrorKind] = {
    Code.RUN_NOT_FOUND: ErrorKind(
        "The run does not exist",
        "List the runs: GET /api/runs, or `arcway status`.",
    ),
    Code.RUN_SUPERSEDED: ErrorKind(
        "The run was superseded by a later run",
        "Follow the link to the later run.",
    ),
    Code.RUN_IN_PROGRESS: ErrorKind(
        "Another run is in progress for this cluster",
        "Wait until that run has ended, then try again.",
        True,
    ),
    Code.RUN_TERMINATED: ErrorKind(
        "The run was terminated from outside Arcway",
        "Start a new run; it continues from the current state.",
    ),
    Code.PHASE_TIMEOUT: ErrorKind(
        "The phase exceeded its time limit",
        "Check the phase's detail and error, then start a new run.",
        True,
    ),
    Code.INTERNAL_ERROR: ErrorKind(
        "Arcway failed with an unexpected error",
        "Start a new run, and report the error with the correlation id.",
        True,
    ),
    Code.ENGINE_UNREACHABLE: ErrorKind(
        "The workflow engine cannot be reached",
        "Try again in a minute; check the function app's storage.",
        True,
    ),
    Code.CHECK_NOT_SUCCESSFUL: ErrorKind(
        "The run is not a successful check",
        "Check the cluster again, then connect it.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: ErrorKind(
        "The idempotency key was used for another request",
        "Send the request with a new Idempotency-Key (or message id). Reuse a key only with the same request.",
    ),
}
