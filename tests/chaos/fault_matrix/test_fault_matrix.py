"""Every step x every fault: the run ends in the right state, nothing is doubled, the status says what happened.

The matrix is made from the list of steps, so a new step cannot escape it. Its outcomes are kept in
docs/fault-matrix.md: a change of behaviour is a change of that page (ARCWAY_PUBLISH_MATRIX=1 writes it).
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.blueprint import STEPS
from arcway.domain.json_values import Json
from arcway.installation import Installation
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.changes import agents_before, break_new_agents, changing
from tests.chaos.fault_matrix.credentials import check_credential, temporary
from tests.chaos.fault_matrix.driver import Driver
from tests.chaos.fault_matrix.extensions import prepare
from tests.chaos.fault_matrix.faults import Hit
from tests.chaos.fault_matrix.inputs import offboarding, payload
from tests.chaos.fault_matrix.invariants import check_invariants
from tests.chaos.fault_matrix.operations import OPERATIONS
from tests.chaos.fault_matrix.page import describe, publish, published
from tests.chaos.fault_matrix.rows import BUS, FAULTS, RECORDS, ROWS, Row
from tests.chaos.fault_matrix.world import Case, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.ready(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(scope="module")
def kept(world: World) -> Iterator[dict[str, Case]]:
    """Connected clusters by the row that may use them again: connecting one takes longer than changing it."""
    cases: dict[str, Case] = {}
    yield cases
    for case in cases.values():
        case.close()


@pytest.fixture
def case(world: World, kept: dict[str, Case], row: Row) -> Iterator[Case]:
    own = kept.pop(row.name, None) or Case(world)
    yield own
    if own.connected:
        kept[row.name] = own
    else:
        own.close()


def test_no_step_escapes_the_matrix() -> None:
    assert {row.step for row in ROWS} == {step.__name__ for step in STEPS}


def _cases() -> Iterator[Any]:
    """The matrix. The default run has three faults of each row, in turn, so that each fault meets a third of the steps.

    A time-out takes as long as the caller waits, many times what another fault takes.
    """
    faults = [fault for fault in sorted(FAULTS) if fault != "time-out"]
    for number, row in enumerate(ROWS):
        default = {faults[(number + step) % len(faults)] for step in (0, 3, 6)}
        for fault in sorted(FAULTS):
            marks = [] if fault in default else [pytest.mark.slow]
            yield pytest.param(row, fault, marks=marks, id=f"{row.name}-{fault}")


@pytest.mark.parametrize(("row", "fault"), [*_cases()])
def test_a_fault_in_a_step(world: World, case: Case, row: Row, fault: str, tmp_path: Path) -> None:
    installation = world.installation if row.path == RECORDS else case.installation
    driver, status = disturbed(case, row, fault, tmp_path, installation)
    outcome = describe(status, undone=row.rollback, findings=row.network).replace(case.cluster, "NAME")
    check_invariants(case, row, fault, status, driver)
    expected = published()
    if os.environ.get("ARCWAY_PUBLISH_MATRIX"):
        publish(row.name, fault, outcome)
    else:
        assert expected[row.name, fault] == outcome


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_was_made_for_one_run_goes_last(world: World, tmp_path: Path, cancelled: bool) -> None:
    case, steps = Case(world), list[str]()

    def around(step: str, payload: Json, perform: Callable[[], Json]) -> Json:
        steps.append(step)
        if cancelled and step == "deploy_agents":
            driver.raise_event("cluster-x", "cancel")
        return perform()

    run_input = payload(case, "rollback")
    run_input["request"]["kubeconfig"] = temporary(case)
    driver = Driver(case.installation, tmp_path / "journal.db", around)
    state = driver.run("cluster-x", run_input)
    status: Json = json.loads(state.customStatus.value)
    assert (status["state"], status["leftovers"]) == ("Canceled" if cancelled else "Succeeded", []), status["error"]
    assert steps[-3:] == ["release_cluster", "discard_credential", "discard_secret"]
    assert ("uninstall_agents" in steps) == cancelled
    check_credential(case, "", "", status, harmless=True)
    assert not case.lease()
    case.close()


def _changing(case: Case, row: Row) -> Json:
    """What the run is given of the change; what it finds is prepared."""
    if operation := OPERATIONS.get(row.change):
        operation.prepare(case)
        return operation.input_of(case, row.change)
    return changing(case, row.change, features=row.features)


def disturbed(case: Case, row: Row, fault: str, folder: Path, installation: Installation) -> tuple[Driver, Json]:
    """A run in which `fault` hits the first attempt of the row's step."""
    if row.settings_differ:
        case.control_azure("settings", {"global.noProxy": "10.0.0.0/8"})
    if row.rollback:
        case.control_azure("provisioning-failures", {case.resource_id: {"code": "Broken", "message": "on purpose"}})
    if row.step == "poll_registration":
        case.control_azure("paces", {"registration": {"reads": 1}})
    if row.offboard or row.going:
        Driver(installation, folder / "before.db").run("cluster-x", payload(case, "keep"))
        assert case.resource()
    if row.step == "delete_extensions":
        prepare(case)
    if row.going:
        going = {"provisioningState": "Deleting", "gone": {"reads": 8, "seconds": 0}}
        case.control_azure("clusters", {case.resource_id: going})
    if row.change and not case.connected:
        input_before = payload(case, "keep", agents=agents_before(row.change))
        Driver(installation, folder / "before.db").run("cluster-x", input_before)
        assert case.resource()
    if row.broken:
        break_new_agents(case)
    case.connected = False
    hit = Hit(case, row, fault)
    driver = Driver(installation, folder / "journal.db", hit)
    source = "urn:arcway:matrix" if row.system == BUS else None
    step_input = payload(case, "rollback" if row.rollback else "keep", source)
    if row.network:
        step_input["request"] |= {"operation": "check", "checkNetwork": True}
    if row.temporary:
        # A check is the shortest run that there is.
        step_input["request"] |= {"operation": "check", "kubeconfig": temporary(case)}
    step_input |= offboarding(case) if row.offboard else _changing(case, row) if row.change else {}
    state = driver.run("cluster-x", step_input)
    assert hit.done, f"{row.step} never ran: {state.customStatus.value} {state.failureDetails}"
    status: Json = json.loads(state.customStatus.value)
    return driver, status
