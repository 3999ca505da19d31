"""What callers ask of a fleet: checked against its state and sent to its orchestration; an ended one starts again."""

from datetime import UTC, datetime

import azure.durable_functions as df
from durabletask.client import OrchestrationState

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import OVER
from arcway.domain.json_values import Json
from arcway.domain.timestamps import timestamp
from arcway.runs.fleets import fleet_document, fleet_state_of, restart_fleet, send_command

_POSSIBLE_IN = {
    "pause": ("Accepted", "Running", "Paused"),
    "resume": ("Accepted", "Running", "Paused"),
    "cancel": ("Accepted", "Running", "Paused", "Canceling"),
    "skip": ("Accepted", "Running", "Paused"),
    "set": ("Accepted", "Running", "Paused"),
    "retry": ("Accepted", "Running", "Paused", "Incomplete", "Failed", "Canceled"),
}


async def command_fleet(client: df.DurableFunctionsClient, state: OrchestrationState, command: Json) -> Json:
    """Give a fleet a command (`id`, `name`, `by` and what belongs to it); returns the document of the fleet.

    Raises `ArcError`: ARC-7004 its state does not allow the command, ARC-6007 the engine does not respond.
    """
    document = fleet_document(state)
    if document["state"] not in _POSSIBLE_IN[command["name"]]:
        message = f"Fleet {document['name']} is {document['state']}: {command['name']} is not possible."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
    if document["state"] in OVER and document["checks"]:
        message = f"Fleet {document['name']} has ended: a plan is made again by the request that it is for."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
    command = {**command, "at": timestamp(datetime.now(UTC))}
    if document["state"] in OVER:
        fleet = await restart_fleet(client, state, command)
        return fleet_document(await fleet_state_of(client, str(fleet)))
    await send_command(client, document, command)
    return document
