"""The stages of a fleet and the gate between them, as the fleet's document shows them.

The custom status has what changes, and little of it: with the map of 10,000 members there is hardly room for more.
"""

import json
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from arcway.domain.fleets.member_map import MemberState
from arcway.domain.fleets.rollout import CHECK_SECONDS, GATE_SECONDS, HALT_SECONDS, Rollout
from arcway.domain.json_values import Json
from arcway.domain.model import Model
from arcway.domain.run import Identity
from arcway.domain.timestamps import timestamp

type StageState = Literal[
    "Waiting", "WaitingForApproval", "Running", "Halted", "Soaking", "Verifying", "Completed", "Skipped", "Canceled"
]

COMMENT_LENGTH = 256
_TEXT_LENGTH = 120
_CODES = 5
_STEPS: dict[str, StageState] = {"members": "Running", "soak": "Soaking", "verify": "Verifying"}


class StageDocument(Model):
    """One stage of a fleet."""

    name: str
    state: StageState
    size: int
    counts: dict[str, int]
    """Members by state."""
    failed: int
    """How many members have failed and count."""
    max_failures: int | None
    """How many members may fail before the fleet halts."""
    strict: bool
    window: int
    soak: int
    """Seconds."""
    approve: Literal["before", "after"] | None
    approver: Literal["anyone", "another"]
    started_at: str | None


class Halt(Model):
    """Why no member is started any more."""

    code: str
    message: str
    remedy: str | None
    at: str
    until: str
    """When the fleet is given up without a resume, a retry or a cancel."""


class GateCheck(Model):
    """What the members behind a gate were when they were checked."""

    fleet: str
    """The id of the fleet of checks."""
    classes: dict[str, int]
    """Members by what would be done with them."""
    codes: dict[str, int] = Field(default_factory=dict)
    """The most frequent errors of those that would be refused."""
    digest: str | None
    """Of the lines of the plan; null when a member could not be checked."""
    at: str


class Decision(Model):
    """What a user decided about a gate."""

    gate: str
    approved: bool
    by: Identity
    at: str
    comment: str | None


class GateDocument(Model):
    """A gate that waits for an approval."""

    name: str
    """What an approval names: the stage, and before or after."""
    state: Literal["checking", "waiting"]
    asked_at: str
    until: str
    """When the fleet is given up without an approval."""
    checked_until: str | None
    """Until when what the check has shown may be approved."""
    check: GateCheck | None


def status_of_stages(rollout: Rollout, *, ended: bool) -> Json:
    """The part of the custom status that is about the stages; `ended` of a fleet that does nothing any more."""
    halted, gate = (None, None) if ended else (rollout.halted, rollout.gate)
    last = rollout.approvals[-1] if rollout.approvals else None
    return {
        "stages": [_status_of(rollout, number, ended=ended) for number in range(len(rollout.stages))],
        "halted": halted and {**halted, "message": short(halted["message"])},
        "soakUntil": rollout.soak_until if rollout.step == "soak" else None,
        "gate": gate
        and {
            "name": rollout.gate_name,
            "asked": gate.asked,
            "checked": gate.checked,
            "check": gate.check and _short_check(gate.check),
            "wanted": rollout.checked_range() is not None,
        },
        "decision": last
        and {
            "gate": f"{rollout.stages[last['stage']].name}/{last['when']}",
            "approved": last["approved"],
            "by": {**last["by"], "name": short(last["by"]["name"])},
            "at": last["at"],
            "comment": last["comment"] and short(last["comment"]),
        },
    }


def document_of_stages(stages: list[Json], status: Json, states: bytes, remedy: str | None) -> Json:
    """The stages, the halt and the gate as readers get them; `stages` is of the fleet's input."""
    begin, documents = 0, list[Json]()
    for stage, current in zip(stages, status["stages"], strict=True):
        members = states[begin : stage["end"]]
        counts = {member.label: members.count(member) for member in MemberState}
        fixed = {name: stage[name] for name in ("name", "strict", "approve")}
        others = {"size": len(members), "counts": counts, "approver": "another" if stage["another"] else "anyone"}
        started = {"startedAt": moment(current["started"]), "soak": int(stage["soak"])}
        changing = {name: current[name] for name in ("state", "failed", "maxFailures", "window")}
        documents.append({**fixed, **others, **started, **changing})
        begin = stage["end"]
    halted, gate = status["halted"], status["gate"]
    return {
        "stages": documents,
        "halted": halted
        and {**halted, "remedy": remedy, "at": moment(halted["at"]), "until": moment(halted["at"] + HALT_SECONDS)},
        "soakUntil": moment(status["soakUntil"]),
        "gate": gate
        and {
            "name": gate["name"],
            "state": "checking" if gate["wanted"] else "waiting",
            "askedAt": moment(gate["asked"]),
            "checkedUntil": moment(gate["checked"] and gate["checked"] + CHECK_SECONDS),
            "until": moment(gate["asked"] + GATE_SECONDS),
            "check": gate["check"],
        },
        "decision": status["decision"],
    }


def moment(time: float | None) -> str | None:
    """The time in seconds since the epoch as documents have it."""
    return None if time is None else timestamp(datetime.fromtimestamp(time, UTC))


def short(text: str) -> str:
    """The text, cut to what a status has room for: a character may take up to twelve in it."""
    while len(json.dumps(text)) - 2 > _TEXT_LENGTH:
        text = text[: len(text) * 9 // 10]
    return text


def _status_of(rollout: Rollout, number: int, *, ended: bool) -> Json:
    stage = rollout.stages[number]
    return {
        "state": _state_of(rollout, number, ended=ended),
        "failed": stage.failed,
        "maxFailures": stage.max_failures,
        "window": stage.window,
        "started": stage.started and int(stage.started),
    }


def _state_of(rollout: Rollout, number: int, *, ended: bool) -> StageState:
    stage = rollout.stages[number]
    if stage.completed is not None:
        return "Skipped" if stage.started is None else "Completed"
    if ended:
        return "Canceled"
    if number != rollout.current:
        return "Waiting"
    if rollout.halted:
        return "Halted"
    return "WaitingForApproval" if rollout.gate else _STEPS.get(rollout.step, "Waiting")


def _short_check(check: Json) -> Json:
    codes = sorted(check["codes"].items(), key=lambda item: (-item[1], item[0]))[:_CODES]
    own = {name: check[name] for name in ("classes", "digest", "at")}
    return {"fleet": check["check"], **own, "codes": dict(codes)}
