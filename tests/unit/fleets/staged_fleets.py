"""Fleets with stages for tests, driven by hand: what is started ends at once as a test says."""

from typing import Any

from arcway.domain.codes import Code
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.document import document_of, status_of
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.stage import Stage
from arcway.domain.fleets.state import FleetState
from arcway.domain.json_values import Json

OK = Report("Succeeded", changed=True)
BROKEN = Report("Failed", code=Code.HELM_FAILED, phase="deployAgents")
REFUSED = Report("Failed", code=Code.LOCATION_NOT_OFFERED, phase="checkCluster")
AWAY = Report("Failed", code=Code.API_SERVER_UNREACHABLE, phase="checkCluster")
BY: Json = {"by": {"name": "olga", "objectId": "1"}, "at": "2026-01-01T00:00:00.000Z"}
CHECK: Json = {"check": "fleet-1", "classes": {"create": 2}, "codes": {}, "digest": "d", "at": BY["at"]}


def fleet(size: int, *stages: Stage, slow: bool = False, counts_refused: bool = False) -> FleetState:
    own: Json = {"slow": slow, "park_for": 3600.0, "stages": stages, "counts_refused": counts_refused}
    state = FleetState.new(size, stages[0].window, **own)
    state.advance(0)
    return state


def canary_and_rest(**of_canary: Any) -> FleetState:
    return fleet(10, Stage("canary", 3, 2, 0, **of_canary), Stage("rest", 10, 4, 1))


def run_all(state: FleetState, now: float = 0, *, broken: tuple[int, ...] = (), report: Report = BROKEN) -> list[int]:
    """Start what may be started, and let it end, until nothing more can be started."""
    done: list[int] = []
    while batch := state.start(now):
        for index, attempt in batch:
            state.end(index, attempt, report if index in broken else OK, now)
            done.append(index)
        state.advance(now)
    return done


def halt_of(state: FleetState) -> str | None:
    return (state.rollout.halted or {}).get("code")


def command(state: FleetState, name: str, now: float = 0, **fields: Any) -> None:
    obey(state, {"id": f"{name}-{len(state.commands)}", "name": name, **BY, **fields}, now)
    state.advance(now)


def status(state: FleetState, now: float = 0) -> Json:
    payload = {
        "id": "fleet-0123456789abcdef0123456789.0123456789ab",
        "name": "shops",
        "operation": "onboard",
        "size": len(state.states),
        "window": 4,
        "stages": [stage.as_json() for stage in state.rollout.stages],
        "startedBy": {"name": "olga", "objectId": "1"},
        "createdAt": BY["at"],
        "correlationId": "c",
    }
    return document_of(payload, status_of(payload, state, now))
