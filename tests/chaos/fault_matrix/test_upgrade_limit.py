"""New agents that do not become Ready within the time that the request gives them make room for the old ones."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import Interval
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.changes import OLD, agents_before, changing, deployed_version
from tests.chaos.fault_matrix.driver import Driver
from tests.chaos.fault_matrix.inputs import payload
from tests.chaos.fault_matrix.world import Case


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        ({"readiness": {"mode": "seconds", "value": 3600}}, Code.AGENTS_NOT_READY, "waiting for"),
        ({"pods": [{"outcome": "imagePull", "namePrefix": "metrics-agent"}]}, Code.IMAGE_PULL_FAILED, "cannot pull"),
    ],
    ids=["never ready", "no image"],
)
def test_the_time_limit_is_the_requests_and_what_was_waited_for_is_the_error(
    behaviour: dict[str, Any], code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The next look would be later than the 60 s that are given.
    phase = importlib.import_module("orchestrators.phases.upgrade_agents")
    monkeypatch.setattr(phase, "POLL_AGENTS", Interval(first=100, longest=100))
    (tmp_path / "world").mkdir()
    with worlds.ready(tmp_path / "world") as world:
        case = Case(world)
        input_before = payload(case, "keep", agents=agents_before("upgrade"))
        Driver(world.installation, tmp_path / "before.db").run("cluster-x", input_before)
        case.control_cluster("PUT", "behaviour", behaviour)
        step_input = {**payload(case, "keep"), **changing(case, "upgrade")}
        step_input["request"] |= {"upgradeTimeout": 60, "failFast": False}
        state = Driver(world.installation, tmp_path / "journal.db").run("cluster-x", step_input)
        status = json.loads(state.customStatus.value)
        assert (status["state"], status["error"]["code"], status["error"]["phase"]) == ("Failed", code, "upgradeAgents")
        assert words in status["error"]["message"]
        assert (describe_all(status["leftovers"]), deployed_version(case)) == ([f"agents {OLD}, as before"], OLD)
