"""The codes ARC-6xxx: the run itself."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

WORKFLOW: dict[Code, Kind] = {
    Code.RUN_NOT_FOUND: Kind("There is no such run", "List the runs: GET /api/runs."),
    Code.RUN_SUPERSEDED: Kind("A later run replaced this one", "Follow the link to the later run."),
    Code.RUN_IN_PROGRESS: Kind("Another run works on this cluster", "Wait for the run named, then try again.", True),
    Code.RUN_TERMINATED: Kind(
        "The run was terminated from outside", "Start a new run; it reads the world and goes on from there."
    ),
    Code.PHASE_TIMEOUT: Kind(
        "The phase took longer than its limit", "See the phase's detail, then start a new run.", True
    ),
    Code.INTERNAL_ERROR: Kind(
        "Arcway failed in a way it did not expect", "Start a new run; report it with the correlation id.", True
    ),
    Code.ENGINE_UNREACHABLE: Kind("The workflow engine cannot be reached", "Try again in a moment.", True),
    Code.CHECK_NOT_SUCCESSFUL: Kind("The run is no check that succeeded", "Check the cluster again, then connect it."),
    Code.IDEMPOTENCY_KEY_REUSED: Kind(
        "The idempotency key was used for another request",
        "Send the request with a new Idempotency-Key (or message id); repeat a key only with the same request.",
    ),
}
