"""The codes ARC-6xxx: the run itself."""

from arcway.domain.catalogue.kind import Kind

WORKFLOW: dict[str, Kind] = {
    "ARC-6001": Kind("There is no such run", "List the runs: GET /api/runs."),
    "ARC-6002": Kind("A later run replaced this one", "Follow the link to the later run."),
    "ARC-6003": Kind("Another run works on this cluster", "Wait for the run named, then try again.", True),
    "ARC-6004": Kind(
        "The run was terminated from outside", "Start a new run; it reads the world and goes on from there."
    ),
    "ARC-6005": Kind("The phase took longer than its limit", "See the phase's detail, then start a new run.", True),
    "ARC-6006": Kind(
        "Arcway failed in a way it did not expect", "Start a new run; report it with the correlation id.", True
    ),
    "ARC-6007": Kind("The workflow engine cannot be reached", "Try again in a moment.", True),
    "ARC-6008": Kind("The run is no check that succeeded", "Check the cluster again, then connect it."),
    "ARC-6009": Kind(
        "The idempotency key was used for another request",
        "Send the request with a new Idempotency-Key (or message id); repeat a key only with the same request.",
    ),
}
