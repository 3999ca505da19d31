"""Runs that ended before the stack starts, written into the journal as the engine keeps them."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import durabletask.internal.orchestrator_service_pb2 as pb

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.request import parse_request, phases_of_request
from arcway.domain.run import new_run, truncate_for_status
from arcway_local.functions.journal import FILE_NAME, Journal, Statement

SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
_STATUSES = {"Failed": pb.ORCHESTRATION_STATUS_FAILED, "Running": pb.ORCHESTRATION_STATUS_RUNNING}
OUTCOMES = ("Succeeded",) * 8 + ("Failed", "Canceled")
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&amp;{{7*7}}"


def write_runs(folder: Path, count: int, in_progress: int = 0) -> str:
    """Write so many plain runs and, as the oldest, one full of hostile texts; returns the id of that one.

    The newest are `in_progress`: their orchestrations wait for an event that never comes.
    """
    now = datetime.now(UTC)
    journal = Journal(folder / FILE_NAME)
    try:
        statements: list[Statement] = []
        for number in range(count):
            created = now - timedelta(minutes=number + 1)
            outcome = "Running" if number < in_progress else OUTCOMES[number % len(OUTCOMES)]
            run, payload = _run(f"shop-{number:03}", f"group-{number % 7}", created, outcome)
            statements += _rows(run, payload, created)
        created = now - timedelta(days=2)
        run, payload = _run("hostile", "groupe.é", created, "Failed")
        statements += _rows(_poisoned(run), payload, created)
        journal.write(statements)
    finally:
        journal.close()
    return str(run["id"])


def _run(name: str, group: str, created: datetime, outcome: str) -> tuple[Json, Json]:
    body = {"subscriptionId": SUBSCRIPTION, "resourceGroup": group, "name": name, "location": "eastus"}
    request = parse_request({**body, "kubeconfig": {"secret": "arcway-nothing"}}, "onboard")
    payload: Json = {
        "runId": uuid.uuid4().hex[:12],
        "operation": "onboard",
        "requestKey": str(uuid.uuid4()),
        "keys": [],
        "request": request.as_json(),
        "createdAt": _text(created),
        "correlationId": str(uuid.uuid4()),
        "traceparent": None,
        "source": None,
        "startedBy": {"name": "Olga Onboarder", "objectId": None},
    }
    instance = ClusterId(SUBSCRIPTION, group, name).instance()
    phases = phases_of_request(request)
    run = new_run(f"{instance}.{payload['runId']}", request, phases, payload).as_json()
    ended = _text(created + timedelta(seconds=20))
    end = None if outcome == "Running" else ended
    run |= {"state": outcome, "phase": "checkCluster", "finishedAt": end, "updatedAt": ended}
    run["phases"][0] |= {"state": outcome, "attempts": 1, "startedAt": _text(created), "finishedAt": end}
    if outcome == "Failed":
        why = {
            "code": Code.API_SERVER_UNREACHABLE,
            "message": "The API server cannot be reached.",
            "phase": "checkCluster",
        }
        run["error"] = {**why, "retryable": True, "remedy": "Check that the address is reachable.", "details": []}
    return run, payload


def _poisoned(run: Json) -> Json:
    """The same run with hostile text wherever a cluster, Azure or a caller may say something."""
    run["phases"][0] |= {"detail": HOSTILE, "error": {"code": HOSTILE, "message": HOSTILE}}
    run["error"] |= {"message": HOSTILE, "remedy": HOSTILE, "details": [{HOSTILE: HOSTILE}]}
    run["findings"] = [
        {"code": Code.CLUSTER_PERMISSION_MISSING, "level": "error", "message": HOSTILE, "remedy": HOSTILE}
    ]
    run["findingsTotal"] = 1
    who = {"name": HOSTILE, "objectId": HOSTILE}
    return {
        **run,
        "leftovers": [leftover(HOSTILE, HOSTILE, namespace=HOSTILE)],
        "startedBy": who,
        "canceledBy": who,
        "correlationId": HOSTILE,
    }


def _rows(run: Json, payload: Json, created: datetime) -> list[Statement]:
    instance = str(run["id"]).partition(".")[0]
    status = _STATUSES.get(run["state"], pb.ORCHESTRATION_STATUS_COMPLETED)
    output = json.dumps(run) if status == pb.ORCHESTRATION_STATUS_COMPLETED else None
    identity = (instance, uuid.uuid4().hex, "operation", None, json.dumps(payload), "{}", None, None, None)
    return [
        ("INSERT INTO instances VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*identity, created.isoformat(), None)),
        (
            "INSERT INTO progress VALUES (?,?,?,?,?,?)",
            (instance, status, output, json.dumps(truncate_for_status(run)), None, run["finishedAt"]),
        ),
    ]


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
