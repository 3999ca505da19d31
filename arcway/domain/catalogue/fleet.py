"""Errors of fleets."""

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
        "Make a new plan and apply it, or do it all the same: `arcway fleet retry NAME --code ARC-7006`.",
    ),
}
