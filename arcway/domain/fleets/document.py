"""The fleet: the public document about one fleet, made of its orchestration's input and custom status.

Durable's Azure Storage provider keeps at most 8,192 characters of a status, and 10,000 members take 5,000 for their
map: the status has only what nothing else tells.
"""

from typing import Literal

from pydantic import Field

from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import MemberState, decode, encode
from arcway.domain.fleets.stage import Stage
from arcway.domain.fleets.stage_document import (
    Decision,
    GateDocument,
    Halt,
    StageDocument,
    document_of_stages,
    moment,
    short,
    status_of_stages,
)
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json
from arcway.domain.model import Model
from arcway.domain.run import Identity

type FleetPhase = Literal[
    "Accepted",
    "Running",
    "Soaking",
    "WaitingForApproval",
    "Halted",
    "Paused",
    "Canceling",
    "Succeeded",
    "Incomplete",
    "Failed",
    "Canceled",
]

OVER = ("Succeeded", "Incomplete", "Failed", "Canceled")
GROUPS = 8
# Fewer ends say nothing of how fast a fleet is.
_ENDS_NEEDED = 5


class FailureGroup(Model):
    """The members whose last run failed, or could not be started, with one code."""

    code: str
    title: str
    remedy: str | None
    count: int
    example: int
    """The index of one of them."""


class Command(Model):
    """Who asked for something, and when."""

    by: Identity
    at: str


class FleetError(Model):
    """Why a fleet ended before its members."""

    code: str
    message: str


class FleetDocument(Model):
    """One operation on many clusters. Times are ISO 8601 in UTC."""

    id: str
    name: str
    operation: str
    checks: bool = False
    """Whether the members are only checked, for a plan; then the name is that of the fleet with `/check` behind it."""
    state: FleetPhase = "Accepted"
    """Incomplete: some members failed, are parked, skipped or canceled. Failed: no member succeeded."""
    size: int
    counts: dict[str, int]
    """Members by state: waiting, running, succeeded, unchanged, failed, canceled, parked, skipped."""
    window: int
    """The maximum number of members in progress at once."""
    window_now: int
    """How many may be in progress now, with a slow start."""
    failures: list[FailureGroup] = Field(default_factory=list)
    """The most frequent causes of failed and parked members."""
    next_try_at: str | None = None
    """When the next parked member is tried again."""
    per_hour: float | None = None
    """Members that end in an hour, by the last 20; null when too few have ended."""
    eta: str | None = None
    """When the last member is expected to end; null when it is not known."""
    stages: list[StageDocument] = Field(default_factory=list)
    halted: Halt | None = None
    """Why no member is started any more, and what to do."""
    soak_until: str | None = None
    """When the present stage's soak ends."""
    gate: GateDocument | None = None
    decision: Decision | None = None
    """The last decision about a gate."""
    paused: Command | None = None
    canceled: Command | None = None
    error: FleetError | None = None
    started_by: Identity
    created_at: str
    updated_at: str
    finished_at: str | None = None
    correlation_id: str
    map: str
    """The states of the members in order, two in each letter of the URL-safe base 64 alphabet, the first in its upper
    three bits: 0 waiting, 1 running, 2 succeeded, 3 unchanged, 4 failed, 5 canceled, 6 parked, 7 skipped."""


def status_of(payload: Json, state: FleetState, now: float, phase: str | None = None) -> Json:
    """The custom status; `payload` is the fleet's input, `phase` its state if its members do not decide that."""
    current = phase or _phase(state)
    over = current in OVER
    return {
        "id": payload["id"],
        "state": current,
        "window": state.window,
        "windowNow": min(state.window_now, state.window),
        "failures": _groups(state),
        "nextTryAt": moment(state.next_try()),
        "perHour": None if over else _per_hour(state),
        "eta": None if over else _eta(state, now),
        "paused": _command(state.paused),
        "canceled": _command(state.canceled),
        "error": state.given_up and {name: state.given_up[name] for name in ("code", "message")},
        "updatedAt": moment(now),
        "finishedAt": moment(now) if over else None,
        **status_of_stages(state.rollout, ended=over),
        "map": encode(bytes(state.states)),
    }


def document_of(payload: Json, status: Json) -> Json:
    """The fleet as readers get it."""
    states = decode(status["map"], payload["size"])
    failures = [
        {**group, "title": CATALOGUE[Code(group["code"])].title, "remedy": CATALOGUE[Code(group["code"])].remedy}
        for group in status["failures"]
    ]
    of_input = ("name", "operation", "size", "startedBy", "createdAt", "correlationId")
    counts = {member.label: states.count(member) for member in MemberState}
    stages = payload.get("stages") or [Stage("all", payload["size"], payload["window"]).as_json()]
    halted = status["halted"]
    remedy = CATALOGUE[Code(halted["code"])].remedy if halted else None
    own = {
        **{name: payload[name] for name in of_input},
        "checks": payload.get("checks", False),
        **status,
        **document_of_stages(stages, status, states, remedy),
        "failures": failures,
        "counts": counts,
    }
    return FleetDocument.model_validate(own).as_json()


def outcome(state: FleetState) -> str:
    """The state in which a fleet ends of which no member is in progress or waits."""
    if state.canceled:
        return "Canceled"
    if state.given_up:
        return str(state.given_up["outcome"])
    done = state.count(MemberState.SUCCEEDED) + state.count(MemberState.UNCHANGED)
    if done == len(state.states):
        return "Succeeded"
    return "Incomplete" if done else "Failed"


def _phase(state: FleetState) -> str:
    if state.is_ending:
        return "Canceling"
    if state.paused:
        return "Paused"
    rollout = state.rollout
    if rollout.halted:
        return "Halted"
    return "WaitingForApproval" if rollout.gate else "Soaking" if rollout.step in ("soak", "verify") else "Running"


def _groups(state: FleetState) -> list[Json]:
    by_size = sorted(state.failures.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"code": code, "count": len(members), "example": members[0]} for code, members in by_size[:GROUPS]]


def _per_hour(state: FleetState) -> float | None:
    if len(state.ends) < _ENDS_NEEDED or (seconds := state.ends[-1] - state.ends[0]) <= 0:
        return None
    return round((len(state.ends) - 1) / seconds * 3600, 1)


def _eta(state: FleetState, now: float) -> str | None:
    """When a parked member can be worked on, or a gate is approved, is not known."""
    rate, rollout = _per_hour(state), state.rollout
    remaining = state.count(MemberState.WAITING) + len(state.running)
    coming = rollout.stages[rollout.current :]
    passed = {(item["stage"], item["when"]) for item in rollout.approvals}
    gates = [stage for number, stage in enumerate(coming, rollout.current) if (number, stage.approve) not in passed]
    if state.paused or rollout.halted or any(stage.approve for stage in gates) or rate is None or not remaining:
        return None
    return moment(now + remaining / rate * 3600 + sum(stage.soak for stage in coming))


def _command(command: Json | None) -> Json | None:
    """Who it was and when."""
    if not command:
        return None
    by = command["by"]
    return {"by": {**by, "name": short(by["name"])}, "at": command["at"]}
