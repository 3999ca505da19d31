"""Histories of real runs as files: one JSON list of batches, each what the engine handed to one replay.

`python -m tests.replay.recorded` records them again from the product running in a simulated world.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf import json_format  # type: ignore[import-untyped]

from arcway.domain.json_values import Json
from arcway_local.functions.journal import Journal
from orchestrators.versions import NEWEST
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.changes import agents_before, break_new_agents, changing
from tests.chaos.fault_matrix.credentials import temporary
from tests.chaos.fault_matrix.driver import Driver
from tests.chaos.fault_matrix.inputs import payload
from tests.chaos.fault_matrix.world import Case, World

FOLDER = Path(__file__).parent / "histories"
INSTANCE = "cluster-x"


def read(name: str) -> list[list[pb.HistoryEvent]]:
    """The batches of one recorded history."""
    batches = json.loads((FOLDER / f"{name}.json").read_text())
    return [[json_format.ParseDict(event, pb.HistoryEvent()) for event in batch] for batch in batches]


def record(world: World, name: str) -> None:
    """Run one scenario and keep its history."""
    case = Case(world)
    scenario = SCENARIOS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        driver: Driver | None = None

        def around(step: str, payload: Json, perform: Callable[[], Json]) -> Json:
            if scenario.get("cancel") == step and driver:
                driver.raise_event(INSTANCE, "cancel")
            return perform()

        if "fault" in scenario:
            case.control_azure("faults", [scenario["fault"]])
        if "broken" in scenario:
            case.control_azure("provisioning-failures", {case.resource_id: {"code": "Broken", "message": "on purpose"}})
        if "paces" in scenario:
            case.control_azure("paces", scenario["paces"])
        run_input = payload(case, scenario.get("onFailure", "keep"), scenario.get("source"))
        if operation := scenario.get("operation"):
            input_before = payload(case, "keep", agents=agents_before(operation))
            Driver(world.installation, Path(folder) / "before.db").run(INSTANCE, input_before)
            run_input |= changing(case, operation)
        else:
            run_input["request"]["order"] = scenario.get("order", "agents-first")
        if scenario.get("temporary"):
            run_input["request"] |= {"operation": "check", "kubeconfig": temporary(case)}
        if scenario.get("newAgentsFail"):
            break_new_agents(case)
        version = scenario.get("version", str(NEWEST))
        driver = Driver(world.installation, path, around, versions=(version, version))
        driver.run(INSTANCE, run_input)
        case.control_azure("paces", {"connection": {"seconds": 0}})
        write(name, batches_of(path, INSTANCE))
    case.close()


def write(name: str, batches: Iterable[list[pb.HistoryEvent]]) -> None:
    """Keep a history."""
    events = [[_without_traces(json_format.MessageToDict(event)) for event in batch] for batch in batches]
    (FOLDER / f"{name}.json").write_text(json.dumps(events, indent=1, sort_keys=True) + "\n")


def _without_traces(value: Any) -> Any:
    """Stack traces name the folders of the machine that recorded them; replay does not read them."""
    if isinstance(value, dict):
        return {name: _without_traces(item) for name, item in value.items() if name != "stackTrace"}
    return [_without_traces(item) for item in value] if isinstance(value, list) else value


def batches_of(path: Path, instance: str) -> Iterator[list[pb.HistoryEvent]]:
    """What the journal has of the instance, replay by replay."""
    journal = Journal(path)
    rows = journal.read(f"SELECT events FROM history WHERE instance = '{instance}' ORDER BY position")
    journal.close()
    for (data,) in rows:
        chunk = pb.HistoryChunk()
        chunk.ParseFromString(data)
        yield list(chunk.events)


SCENARIOS: dict[str, dict[str, Any]] = {
    "success": {},
    "events": {"source": "urn:arcway:recorded"},
    # Of version 3, which published by activities of their own.
    "events-apart": {"source": "urn:arcway:recorded", "version": "3"},
    "resource-first": {"order": "resource-first"},
    "retry": {"fault": {"path": r"/connectedClusters/[^/]+$", "method": "PUT", "status": 503}},
    "failure": {"broken": True},
    "rollback": {"broken": True, "onFailure": "rollback"},
    # Recorded of version 1, in which throttling cost attempts without a Retry-After, and when something was undone.
    "throttled": {
        "version": "1",
        "onFailure": "rollback",
        "fault": {"path": r"/connectedClusters/[^/]+$", "method": "PUT", "status": 429, "times": 5},
    },
    "rollback-throttled": {
        "version": "1",
        "broken": True,
        "onFailure": "rollback",
        "fault": {
            "path": r"/connectedClusters/[^/]+$",
            "method": "DELETE",
            "status": 429,
            "headers": {"Retry-After": "1"},
            "times": 5,
        },
    },
    "update": {"operation": "update"},
    "upgrade": {"operation": "upgrade"},
    "upgrade-rolled-back": {"operation": "upgrade", "newAgentsFail": True},
    "temporary-credential": {"temporary": True},
    "cancel": {"cancel": "wait_for_metadata", "paces": {"connection": {"seconds": 60}}},
}


def main() -> None:
    """Record every scenario, or those that the command line names."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, worlds.ready(Path(folder)) as world:
        for name in sys.argv[1:] or SCENARIOS:
            record(world, name)
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
