"""The codes ARC-7xxx: fleets."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

FLEET: dict[Code, ErrorKind] = {
    Code.FLEET_NOT_FOUND: ErrorKind(
        "The fleet does not exist",
        "List the fleets: GET /api/fleets, or `arcway fleet list`.",
    ),
    Code.FLEET_SUPERSEDED: ErrorKind(
        "The fleet was superseded by a later fleet of its name",
        "Follow the link to the later fleet.",
    ),
    Code.FLEET_IN_PROGRESS: ErrorKind(
        "Another fleet of this name is in progress",
        "Wait until it has ended or cancel it, or give this fleet another name.",
        True,
    ),
    Code.FLEET_COMMAND_NOT_POSSIBLE: ErrorKind(
        "The fleet's state does not allow the command",
        "Read the fleet's state: `arcway fleet show NAME`.",
    ),
    Code.FLEET_LIST_INCOMPLETE: ErrorKind(
        "The list of the fleet's members did not arrive completely",
        "Send the request again.",
        True,
    ),
    Code.MEMBER_NOT_AS_PLANNED: ErrorKind(
        "The member is not as planned",
        "Make a new plan and apply it. To change the member without a plan: `arcway fleet retry NAME --code ARC-7006`.",
    ),
    Code.FAILURE_BUDGET_USED: ErrorKind(
        "More members failed than the failure budget allows",
        "Read the causes (`arcway fleet show NAME`). Then retry the failed members, resume the fleet in spite of them,"
        " or cancel it.",
    ),
    Code.FAILURES_OF_ONE_CAUSE: ErrorKind(
        "The first members of a stage failed for one cause",
        "Remove the cause and retry the failed members, resume the fleet in spite of them, or cancel it.",
    ),
    Code.STAGE_WITHOUT_SUCCESS: ErrorKind(
        "No member of the stage succeeded",
        "Retry its members, resume the fleet in spite of them, or cancel it.",
    ),
    Code.CLUSTER_LOST_IN_SOAK: ErrorKind(
        "Azure does not show the cluster as expected after the soak",
        "Read the agents (`arcway agents`) and the connected cluster, then retry the member.",
    ),
    Code.GATE_NOT_APPROVED: ErrorKind(
        "The gate was not approved in time",
        "Send the request again, or retry the canceled members by name.",
    ),
    Code.GATE_REJECTED: ErrorKind(
        "The gate was rejected",
        "Read the comment (`arcway fleet show NAME`). Send the request again when its cause is removed.",
    ),
    Code.FLEET_GIVEN_UP: ErrorKind(
        "The halted fleet was not resumed in time",
        "Read why it was halted, and send the request again.",
    ),
    Code.APPROVER_NOT_ANOTHER: ErrorKind(
        "Another person must approve the gate",
        "Ask another person who holds the role Arcway.Approve.",
    ),
    Code.GATE_CHECK_TOO_OLD: ErrorKind(
        "The gate's check is too old",
        "The members are checked again now. Read what the gate shows and approve it then.",
        True,
    ),
}
