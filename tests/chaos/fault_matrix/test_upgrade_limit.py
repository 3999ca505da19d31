"""New agents that do not become Ready within the time that the request gives them make room for the old ones."""

import importlib
import json
from pathlib import Path

import pytest

from arcway.domain.phases import Interval
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.changes import OLD, agents_before, changing, deployed_version
from tests.chaos.fault_matrix.driver import Driver
from tests.chaos.fault_matrix.inputs import payload
from tests.chaos.fault_matrix.world import Case


def test_the_time_limit_is_the_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The next look would be later than the 60 s that are given.
    phase = importlib.import_module("orchestrators.phases.upgrade_agents")
    monkeypatch.setattr(phase, "POLL_AGENTS", Interval(first=100, longest=100))
    (tmp_path / "world").mkdir()
    with worlds.ready(tmp_path / "world") as world:
        case = Case(world)
        before = payload(case, "keep", agents=agents_before("upgrade"))
        Driver(tmp_path / "before.db", lambda step, given, perform: perform()).run("cluster-x", before)
        case.control_cluster("PUT", "behaviour", {"readiness": {"mode": "seconds", "value": 3600}})
        given = {**payload(case, "keep"), **changing(case, "upgrade")}
        given["request"]["upgradeTimeout"] = 60
        state = Driver(tmp_path / "journal.db", lambda step, given, perform: perform()).run("cluster-x", given)
        status = json.loads(state.customStatus.value)
        assert (status["state"], status["error"]["code"]) == ("Failed", "ARC-5008")
        assert status["error"]["phase"] == "upgradeAgents"
        assert (status["left"], deployed_version(case)) == ([f"agents {OLD}, as before"], OLD)
