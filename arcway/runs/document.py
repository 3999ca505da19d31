"""A run as its instance's state tells it: the public document, and what a list has to know of it.

The one place that knows how a run and an orchestration instance relate.
"""

import re
from datetime import datetime
from typing import get_args

from durabletask.client import OrchestrationState, OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import RunId
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover, read_leftovers
from arcway.domain.operations import Operation
from arcway.domain.request import phases_of_request, read_request
from arcway.domain.run import Cluster, Run, RunError, RunState, new_run, read_run
from arcway.domain.text import presentable
from arcway.domain.timestamps import timestamp
from arcway.telemetry import log

OVER = (OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED)
# Any escape of JSON but that of the mark of a text that was cut.
_ESCAPED = re.compile(r"\\(?!u2026|[\"\\])")
_CHANGES_NOTHING = ("checkCluster", "pollRegistration", "waitForMetadata", "publishResult")
_STATE_AT_END = {OrchestrationStatus.TERMINATED: "Canceled", OrchestrationStatus.FAILED: "Failed"}
_STATES, _OPERATIONS = frozenset(get_args(RunState.__value__)), frozenset(get_args(Operation.__value__))


def to_document(state: OrchestrationState, *, with_result: bool) -> Json:
    """The run's document; for an unreadable state a placeholder, so that it hides no other run."""
    try:
        run: Json = _view(state, with_result=with_result)
        has_result = with_result and state.runtime_status == OrchestrationStatus.COMPLETED
        if has_result or not _is_plain(state.serialized_custom_status):
            run = presentable(run)
        Run.model_validate({**run, "result": None})
        datetime.fromisoformat(run["createdAt"])
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        log.warning("run of instance %s cannot be shown: %s", state.instance_id, type(error).__name__)
        return _not_to_be_shown(state)
    return run


def _is_plain(status: str | None) -> bool:
    """Whether a status has plain letters only, so that it need not be gone through; a list has many."""
    return status is not None and status.isascii() and status.isprintable() and not _ESCAPED.search(status)


def _view(state: OrchestrationState, *, with_result: bool) -> Json:
    payload = state.get_input()
    document = state.get_custom_status()
    if not isinstance(document, dict):
        document = _accepted(state, payload)
    document = read_run(document)
    created = read_leftovers(document.pop("made", []))
    if state.runtime_status == OrchestrationStatus.COMPLETED and with_result:
        document = read_run(state.get_output())
    elif state.runtime_status == OrchestrationStatus.TERMINATED:
        document = _ended(document, state, created, "Canceled", ArcError(Code.RUN_TERMINATED))
    elif state.runtime_status == OrchestrationStatus.FAILED and document["state"] != "Failed":
        document = _ended(document, state, created, "Failed", ArcError(Code.INTERNAL_ERROR))
    elif state.runtime_status == OrchestrationStatus.SUSPENDED:
        document = {**document, "phases": [_suspended(phase) for phase in document["phases"]]}
    run: Json = document
    return run


def summary_of(document: Json) -> Json:
    """What a list of runs filters, counts and sorts by."""
    names, cluster = ("id", "operation", "state", "createdAt"), document["cluster"]
    of_cluster = {name: cluster[name] for name in ("subscriptionId", "resourceGroup", "name")}
    return {**{name: document[name] for name in names}, "cluster": of_cluster}


def summary_by_status(state: OrchestrationState) -> Json | None:
    """The summary of the run's document, by its custom status alone; None if that does not tell."""
    try:
        summary = summary_of(state.get_custom_status())
        if not _is_plain(state.serialized_custom_status):
            summary = presentable(summary)
        datetime.fromisoformat(summary["createdAt"])
        run = RunId.parse(summary["id"])
        is_known = summary["operation"] in _OPERATIONS and summary["state"] in _STATES
        is_text = all(isinstance(name, str) for name in summary["cluster"].values())
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError):
        return None
    if run is None or run.instance != state.instance_id or not is_known or not is_text:
        return None
    if state.runtime_status in _STATE_AT_END:
        summary["state"] = _STATE_AT_END[state.runtime_status]
    return summary


def _not_to_be_shown(state: OrchestrationState) -> Json:
    """What the engine alone knows of a run."""
    created, updated = timestamp(state.created_at), timestamp(state.last_updated_at)
    error = ArcError(Code.INTERNAL_ERROR, "The state of this run cannot be read.")
    over = state.runtime_status in OVER
    run = Run(
        id=f"{state.instance_id}.{_run_of(state)}",
        operation="onboard",
        state="Failed" if over else "Running",
        cluster=Cluster(subscription_id="", resource_group="", name="(unknown)", location=None, resource_id=""),
        phases=[],
        error=RunError(code=error.code, message=error.message, remedy=error.remedy),
        created_at=created,
        updated_at=updated,
        finished_at=updated if over else None,
        correlation_id="",
    )
    return run.as_json()


def _run_of(state: OrchestrationState) -> str:
    """What follows the instance in the run's id, by the input, or in a list by the status."""
    for read in (lambda: f"{state.instance_id}.{state.get_input()['runId']}", lambda: state.get_custom_status()["id"]):
        try:
            run_id = RunId.parse(read())
        except (LookupError, TypeError, ValueError):
            continue
        if run_id is not None and run_id.instance == state.instance_id:
            return run_id.run
    return "0" * 12


def _accepted(state: OrchestrationState, payload: Json) -> Json:
    run_id = f"{state.instance_id}.{payload['runId']}"
    request = read_request(payload["request"])
    return new_run(run_id, request, phases_of_request(request), payload).as_json()


def _ended(run: Json, state: OrchestrationState, created: list[Json], outcome: str, error: ArcError) -> Json:
    """A run that could not end itself: what it had made stays, and so may what its phase had begun."""
    begun = [
        leftover("Phase", phase["name"], reason="MayExist")
        for phase in run["phases"]
        if phase["startedAt"] and not phase["finishedAt"] and phase["name"] not in _CHANGES_NOTHING
    ]
    ended = timestamp(state.last_updated_at)
    phases = [
        phase if phase["finishedAt"] or not phase["startedAt"] else {**phase, "state": outcome, "finishedAt": ended}
        for phase in run["phases"]
    ]
    why = {"code": error.code, "message": error.message, "phase": run["phase"], "retryable": error.retryable}
    failure = {**why, "remedy": error.remedy, "details": []}
    over = {"state": outcome, "phases": phases, "error": failure, "finishedAt": ended, "updatedAt": ended}
    added = [item for item in (*created, *begun) if item not in run["leftovers"]]
    return {**run, **over, "leftovers": [*run["leftovers"], *added]}


def _suspended(phase: Json) -> Json:
    if phase["finishedAt"] or not phase["startedAt"]:
        return phase
    return {**phase, "state": "Waiting", "detail": "suspended by an operator"}
