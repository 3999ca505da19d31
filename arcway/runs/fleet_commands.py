"""What callers ask of a fleet: checked against its state and sent to its orchestration; an ended one starts again."""

from datetime import UTC, datetime

import azure.durable_functions as df
from durabletask.client import OrchestrationState

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import GROUPS, OVER
from arcway.domain.json_values import Json
from arcway.domain.timestamps import timestamp
from arcway.runs.fleets import fleet_document, fleet_state_of, restart_fleet, send_command

_IN_PROGRESS = ("Accepted", "Running", "Soaking", "WaitingForApproval", "Halted", "Paused")
_POSSIBLE_IN = {
    "cancel": (*_IN_PROGRESS, "Canceling"),
    "retry": (*_IN_PROGRESS, "Incomplete", "Failed", "Canceled"),
}


async def command_fleet(client: df.DurableFunctionsClient, state: OrchestrationState, command: Json) -> Json:
    """Give a fleet a command (`id`, `name`, `by` and what belongs to it); returns the document of the fleet.

    Raises `ArcError`: ARC-7004 its state does not allow the command, ARC-7017 another person must approve, ARC-7018
    what is to be approved is checked again first, ARC-1001 it has no such stage, ARC-6007 the engine does not respond.
    """
    document, name = fleet_document(state), command["name"]
    if document["state"] not in _POSSIBLE_IN.get(name, _IN_PROGRESS):
        raise _not_possible(document, f"it is {document['state']}", name)
    if document["state"] in OVER and document["checks"]:
        message = f"Fleet {document['name']} has ended. Send its request again with dryRun=true to make a new plan."
        raise ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
    command = {**command, "at": timestamp(datetime.now(UTC))}
    if document["state"] in OVER:
        fleet = await restart_fleet(client, state, command)
        return fleet_document(await fleet_state_of(client, str(fleet)))
    if name == "skip":
        _check_skip(document, command)
    if name == "retry":
        _check_retry(document, command)
    if name in ("approve", "reject"):
        command = _decision(document, command)
    await send_command(client, document, command)
    if name == "approve" and document["gate"]["checkedUntil"] and document["gate"]["checkedUntil"] <= command["at"]:
        message = f"The check of gate {command['gate']} is more than a day old; the members are checked again."
        raise ArcError(Code.GATE_CHECK_TOO_OLD, message)
    return document


def _check_retry(document: Json, command: Json) -> None:
    """A retry of nothing would be taken for one that was done, as far as the document tells."""
    if command["members"] is not None or len(document["failures"]) >= GROUPS:
        return
    codes = {group["code"] for group in document["failures"]}
    if not codes & set(command["codes"] or codes):
        raise _not_possible(document, "it has no such failed or parked members", "retry")


def _check_skip(document: Json, command: Json) -> None:
    stages = [stage["name"] for stage in document["stages"]]
    if command.get("stage") is not None and command["stage"] not in stages:
        details = [{"field": "stage", "message": f"is none of the fleet's stages: {', '.join(stages)}"}]
        raise ArcError(Code.INVALID_FIELDS, "The request names a stage that the fleet does not have.", details=details)
    if command.get("soak") and document["soakUntil"] is None:
        raise _not_possible(document, "no soak is in progress", "skip")


def _decision(document: Json, command: Json) -> Json:
    """The command with the gate that is open. Raises `ArcError` when there is none that the caller may decide about."""
    gate, name = document["gate"], command["name"]
    if gate is None:
        raise _not_possible(document, "no gate waits for an approval", name)
    if command["gate"] not in (None, gate["name"]):
        raise _not_possible(document, f"gate {gate['name']} is the one that waits", name)
    if name == "approve":
        if gate["state"] == "checking":
            raise _not_possible(document, f"what gate {gate['name']} lets through is being checked", name)
        if command["digest"] and command["digest"] != (gate["check"] or {}).get("digest"):
            raise _not_possible(document, f"gate {gate['name']} has been checked again, with another digest", name)
        (stage,) = (stage for stage in document["stages"] if stage["name"] == gate["name"].partition("/")[0])
        if stage["approver"] == "another" and _is_same(command["by"], document["startedBy"]):
            message = f"{command['by']['name']} started the fleet; another person must approve gate {gate['name']}."
            raise ArcError(Code.APPROVER_NOT_ANOTHER, message)
    return {**command, "gate": gate["name"]}


def _is_same(one: Json, other: Json) -> bool:
    """Names are not unique, but all that is known where there is no authority to ask."""
    if one["objectId"] is None or other["objectId"] is None:
        return bool(one["name"] == other["name"])
    return bool(one["objectId"] == other["objectId"])


def _not_possible(document: Json, why: str, command: str) -> ArcError:
    message = f"Fleet {document['name']}: {command} is not possible, because {why}."
    return ArcError(Code.FLEET_COMMAND_NOT_POSSIBLE, message)
