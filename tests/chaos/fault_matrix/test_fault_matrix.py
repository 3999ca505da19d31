"""Every step x every fault: the run ends in the right state, nothing is doubled, the status says what happened.

The matrix is made from the list of steps, so a new step cannot escape it. Its outcomes are kept in
docs/fault-matrix.md: a change of behaviour is a change of that page (ARCWAY_PUBLISH_MATRIX=1 writes it anew).
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from activities import targets
from activities.blueprint import STEPS
from arcway.domain.errors import CATALOGUE
from arcway.domain.phases import AGENTS_FIRST
from tests.chaos.fault_matrix import world as worlds
from tests.chaos.fault_matrix.changes import agents_before, break_new_agents, changing, check_change
from tests.chaos.fault_matrix.credentials import check_credential, temporary
from tests.chaos.fault_matrix.driver import Driver, Json, Killed
from tests.chaos.fault_matrix.world import Case, World

PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"
AZURE, CLUSTER, BUS = "azure", "cluster", "bus"
LEASE = r"/leases/arcway$"


@dataclass(frozen=True)
class Row:
    """One step: the request of its that goes wrong, and the kind of run that comes by."""

    step: str
    system: str
    method: str
    path: str
    rollback: bool = False
    settings_differ: bool = False
    offboard: bool = False
    change: str = ""
    broken: bool = False
    network: bool = False
    temporary: bool = False

    @property
    def name(self) -> str:
        return self.step + " (other settings)" * self.settings_differ + " (disconnecting)" * self.offboard


RECORDS = r"/azure-arc-release/secrets"
CONNECTED = r"/connectedClusters/[^/]+$"
ROWS = (
    Row("check_cluster", CLUSTER, "GET", LEASE),
    Row("check_azure", AZURE, "HEAD", r"/resourceGroups/[^/]+$"),
    Row("start_network_check", CLUSTER, "POST", r"/arcway-check/jobs$", network=True),
    Row("poll_network_check", CLUSTER, "GET", r"/arcway-check/pods$", network=True),
    Row("end_network_check", CLUSTER, "DELETE", r"/namespaces/arcway-check$", network=True),
    Row("register_providers", AZURE, "POST", r"/register$"),
    Row("poll_registration", AZURE, "GET", r"/providers/Microsoft\.Kubernetes$"),
    Row("ensure_resource_group", AZURE, "PUT", r"/resourceGroups/[^/]+$"),
    Row("await_removal", CLUSTER, "GET", LEASE),
    Row("ensure_key_pair", CLUSTER, "POST", r"/namespaces/azure-arc/secrets$"),
    Row("deploy_agents", CLUSTER, "POST", RECORDS),
    Row("deploy_agents", CLUSTER, "POST", RECORDS, settings_differ=True),
    Row("poll_agents", CLUSTER, "GET", r"/deployments$"),
    Row("create_resource", AZURE, "PUT", CONNECTED),
    Row("poll_resource", AZURE, "GET", r"/operationStatuses/"),
    Row("configure_agents", AZURE, "POST", r"/GetHelmSettings$"),
    Row("configure_agents", CLUSTER, "POST", RECORDS, settings_differ=True),
    Row("wait_for_metadata", AZURE, "GET", CONNECTED),
    Row("publish_events", BUS, "", ""),
    Row("release_cluster", CLUSTER, "DELETE", LEASE),
    Row("discard_credential", CLUSTER, "DELETE", r"/clusterrolebindings/arcway-tmp-", temporary=True),
    Row("discard_secret", AZURE, "DELETE", r"/secrets/arcway-tmp-", temporary=True),
    Row("delete_resource", AZURE, "DELETE", CONNECTED, rollback=True),
    Row("uninstall_agents", CLUSTER, "DELETE", RECORDS, rollback=True),
    Row("check_agents", CLUSTER, "GET", LEASE, offboard=True),
    Row("check_resource", AZURE, "GET", CONNECTED, offboard=True),
    Row("delete_resource", AZURE, "DELETE", CONNECTED, offboard=True),
    Row("uninstall_agents", CLUSTER, "DELETE", RECORDS, offboard=True),
    Row("check_connected_cluster", AZURE, "GET", CONNECTED, change="update"),
    Row("check_release", CLUSTER, "GET", LEASE, change="update"),
    Row("update_resource", AZURE, "PUT", CONNECTED, change="update"),
    Row("update_agents", CLUSTER, "POST", RECORDS, change="update"),
    Row("upgrade_agents", CLUSTER, "POST", RECORDS, change="upgrade"),
    Row("roll_back_agents", CLUSTER, "POST", RECORDS, change="upgrade", broken=True),
)

KILLS = ("killed before the effect", "killed after the effect")
EXISTS = "already done"
FAULTS: dict[str, Json | None] = {
    **dict.fromkeys((*KILLS, EXISTS)),
    "time-out": {"delay": 1.0},
    "connection refused": {"drop": True},
    "429 with Retry-After": {"status": 429, "retryAfter": 2},
    "500": {"status": 500},
    "503": {"status": 503},
    "malformed answer": {"status": 200, "text": "<html>not JSON"},
    "permission denied": {"status": 403},
    "vanished": {"status": 404},
}
HARMLESS = (*KILLS, EXISTS, "time-out", "connection refused", "429 with Retry-After", "500", "503", "malformed answer")


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


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_in_a_step(case: Case, row: Row, fault: str, tmp_path: Path) -> None:
    with nullcontext() if row.path == RECORDS else mock.patch.object(targets, "helm", case.helm.itself):
        driver, status = disturbed(case, row, fault, tmp_path)
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

    def around(step: str, given: Json, perform: Callable[[], Json]) -> Json:
        steps.append(step)
        if cancelled and step == "deploy_agents":
            driver.raise_event("cluster-x", "cancel")
        return perform()

    given = payload(case, "rollback")
    given["request"]["kubeconfig"] = temporary(case)
    driver = Driver(tmp_path / "journal.db", around)
    with mock.patch.object(targets, "helm", case.helm.itself):
        state = driver.run("cluster-x", given)
    import json

    status: Json = json.loads(state.customStatus.value)
    assert (status["state"], status["left"]) == ("Canceled" if cancelled else "Succeeded", []), status["error"]
    assert steps[-3:] == ["release_cluster", "discard_credential", "discard_secret"]
    assert ("uninstall_agents" in steps) == cancelled
    check_credential(case, "", "", status, harmless=True)
    assert not case.lease()
    case.close()


def disturbed(case: Case, row: Row, fault: str, folder: Path) -> tuple[Driver, Json]:
    """A run in which `fault` hits the first attempt of the row's step."""
    if row.settings_differ:
        case.control_azure("settings", {"global.noProxy": "10.0.0.0/8"})
    if row.rollback:
        case.control_azure("provisioning-failures", {case.resource_id: {"code": "Broken", "message": "on purpose"}})
    if row.step == "poll_registration":
        case.control_azure("paces", {"registration": {"reads": 1}})
    if row.offboard:
        Driver(folder / "before.db", lambda step, given, perform: perform()).run("cluster-x", payload(case, "keep"))
        assert case.resource()
    if row.change and not case.connected:
        before = payload(case, "keep", agents=agents_before(row.change))
        Driver(folder / "before.db", lambda step, given, perform: perform()).run("cluster-x", before)
        assert case.resource()
    if row.broken:
        break_new_agents(case)
    case.connected = False
    hit = Hit(case, row, fault)
    driver = Driver(folder / "journal.db", hit)
    source = "urn:arcway:matrix" if row.system == BUS else None
    given = payload(case, "rollback" if row.rollback else "keep", source)
    if row.network:
        given["request"] |= {"operation": "check", "checkNetwork": True}
    if row.temporary:
        # A check is the shortest run that there is.
        given["request"] |= {"operation": "check", "kubeconfig": temporary(case)}
    given |= offboarding(case) if row.offboard else changing(case, row.change) if row.change else {}
    state = driver.run("cluster-x", given)
    case.control_azure("paces", {"registration": {"reads": 0}})
    case.control_azure("faults", [])
    assert hit.done, f"{row.step} never ran: {state.customStatus.value} {state.failureDetails}"
    import json

    status: Json = json.loads(state.customStatus.value)
    return driver, status


class Hit:
    """Goes around every step and disturbs the first attempt of one."""

    def __init__(self, case: Case, row: Row, fault: str) -> None:
        self._case = case
        self._row = row
        self._fault = fault
        self.done = False

    def __call__(self, step: str, payload: Json, perform: Callable[[], Json]) -> Json:
        if step != self._row.step or self.done:
            return perform()
        self.done = True
        order = FAULTS[self._fault]
        if order is not None:
            return self._with_fault(order, perform)
        if self._fault == KILLS[0]:
            raise Killed
        outcome = perform()
        if self._fault == KILLS[1]:
            raise Killed
        assert self._fault == EXISTS
        assert "ok" in outcome
        return perform()

    def _with_fault(self, order: Json, perform: Callable[[], Json]) -> Json:
        row = self._row
        if row.system == AZURE:
            self._case.control_azure("faults", [azure_fault(row, order)])
        elif row.system == BUS:
            self._case.control_bus("POST", bus_fault(order))
        else:
            self._case.control_cluster("POST", "faults", cluster_fault(row, order))
        try:
            return perform()
        finally:
            self._case.control_azure("faults", [])
            self._case.control_cluster("DELETE", "faults")
            self._case.control_bus("DELETE")


def azure_fault(row: Row, order: Json) -> Json:
    """The order in the words of the simulated Azure; a time-out strikes after the effect, which is the nastier half."""
    fault: Json = {"path": row.path, "method": row.method}
    fault |= {name: order[name] for name in ("status", "delay", "drop", "text") if name in order}
    if "retryAfter" in order:
        fault["headers"] = {"Retry-After": str(order["retryAfter"])}
    return {**fault, "after": "delay" in order}


def bus_fault(order: Json) -> Json:
    """The order in the words of the Service Bus."""
    fault: Json = {"entity": "onboarding-events", "count": 1}
    if "delay" in order:
        return {**fault, "kind": "delaySend", "seconds": 1.0}
    if "drop" in order or "text" in order:
        return {**fault, "kind": "dropLink"}
    conditions = {403: "amqp:unauthorized-access", 404: "amqp:not-found", 500: "amqp:internal-error"}
    condition = conditions.get(order["status"], "com.microsoft:server-busy")
    return {**fault, "kind": "rejectSend", "condition": condition, "description": "on purpose"}


def cluster_fault(row: Row, order: Json) -> Json:
    """The order in the words of the simulated cluster."""
    fault: Json = {"method": row.method, "path": row.path, "count": 1}
    if "delay" in order:
        return {**fault, "kind": "silent"}
    if "drop" in order or "text" in order:
        # Helm and the client both take a broken answer for a broken connection.
        return {**fault, "kind": "disconnect"}
    fault |= {"kind": "status", "status": order["status"]}
    return {**fault, "retryAfterSeconds": order["retryAfter"]} if "retryAfter" in order else fault


def payload(case: Case, on_failure: str, source: str | None = None, agents: Json | None = None) -> Json:
    from datetime import UTC, datetime

    from arcway.domain.request import parse_request

    return {
        "runId": "0123456789ab",
        "operation": "onboard",
        "requestKey": "key",
        "keys": [],
        "request": parse_request({**case.request(on_failure), "agents": agents or {}}).as_json(),
        "createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "correlationId": "matrix",
        "source": source,
        "traceparent": None,
    }


def offboarding(case: Case) -> Json:
    """What a run that disconnects the case's cluster is given otherwise."""
    from arcway.domain.request import parse_request

    kept = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
    body = {key: value for key, value in case.request("keep").items() if key in kept}
    request = parse_request(body, "offboard").as_json()
    return {"runId": "ba9876543210", "operation": "offboard", "request": request}


def describe(status: Json, *, undone: bool, findings: bool) -> str:
    """The outcome in a few words: state, code and phase of the error, what was left; of a check what it found."""
    words = [status["state"]]
    if findings:
        words += [f"{finding['level']} {finding['code']}" for finding in status["findings"]]
    if status["error"]:
        words.append(f"{status['error']['code']} in {status['error']['phase']}")
    if status["left"] and (undone or status["state"] == "Succeeded"):
        words.append(f"left {', '.join(status['left'])}")
    return ", ".join(words)


def check_invariants(case: Case, row: Row, fault: str, status: Json, driver: Driver) -> None:
    """What holds whatever happened."""
    succeeded = status["state"] == "Succeeded"
    assert driver.kills == (1 if fault in KILLS else 0)
    assert case.puts() <= 1
    if row.temporary:
        check_credential(case, row.step, fault, status, harmless=fault in HARMLESS)
        return
    if row.network:
        check_network(case, row, fault, status)
        return
    if row.offboard:
        check_removal(case, fault, status)
        return
    if row.change:
        harmless = fault in HARMLESS
        check_change(case, driver.given, status, broken=row.broken, harmless=harmless, key=key_in_cluster(case))
        assert not case.lease()
        case.connected = (row.change == "update" and succeeded) or (row.broken and harmless)
        return
    assert case.revisions() <= (2 if row.settings_differ else 1)
    if not row.rollback and fault in HARMLESS:
        assert succeeded, status["error"]
    if succeeded:
        resource = case.resource()
        assert resource
        assert resource["properties"]["connectivityStatus"] == "Connected"
        assert resource["properties"]["agentPublicKeyCertificate"] == key_in_cluster(case)
        assert case.revisions() == (2 if row.settings_differ else 1)
    else:
        assert status["error"]["code"] in CATALOGUE
        assert status["error"]["message"]
        assert status["error"]["phase"]
    if row.rollback and fault in HARMLESS:
        assert (status["error"]["code"], status["left"]) == ("ARC-4010", [])
        assert case.resource() is None
        assert case.get("/api/v1/namespaces/azure-arc")["kind"] == "Status"
    if (row.step, fault) != ("release_cluster", "vanished"):  # there the API server says that the Lease is gone
        assert case.lease() == any(item.startswith("lease ") for item in status["left"])
    if row.system == BUS:
        check_events(case)
    if fault == "429 with Retry-After" and row.system != BUS and row.path != RECORDS:  # Helm waits by itself
        assert max(driver.waits) >= 2 - 0.5


def check_network(case: Case, row: Row, fault: str, status: Json) -> None:
    """A look at the network changes nothing, hides nothing and leaves nothing, or names what it leaves."""
    assert (status["state"], status["changed"]) == ("Succeeded", False)
    assert not status["findings"] or fault not in HARMLESS, status["findings"]
    namespace = case.get("/api/v1/namespaces/arcway-check")
    # Where the API server says that the namespace is gone, it is believed.
    lied_to = (row.step, fault) == ("end_network_check", "vanished")
    if not lied_to and not any(item.startswith("namespace arcway-check") for item in status["left"]):
        assert namespace["kind"] == "Status" or "deletionTimestamp" in namespace["metadata"]


def check_removal(case: Case, fault: str, status: Json) -> None:
    """A run that disconnects leaves nothing, or names what it leaves."""
    release = case.get("/api/v1/namespaces/azure-arc-release")["kind"] != "Status"
    assert status["state"] == "Succeeded" or fault not in HARMLESS, status["error"]
    if status["state"] == "Succeeded":
        assert (case.resource(), release, status["left"]) == (None, False, [])
    else:
        assert status["error"]["code"] in CATALOGUE
        if status["changed"]:
            assert ("release azure-arc" in status["left"]) == release
            assert any(item.startswith("connected cluster") for item in status["left"]) == (case.resource() is not None)
        else:
            assert case.resource()
            assert release
    assert not case.lease()


def check_events(case: Case) -> None:
    """Each event is there, and whatever is there twice is the same to the byte."""
    import json

    bodies = case.events()
    ids = [json.loads(body)["id"] for body in set(bodies)]
    assert len(ids) == len(set(ids))
    places = [event_id.split("/")[1] for event_id in ids]
    assert sorted(places) == sorted({"accepted", *AGENTS_FIRST})


def key_in_cluster(case: Case) -> str:
    import base64

    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from arcway.cluster.key_pair import public_key_of

    data: Any = case.get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")["data"]
    key: Any = load_pem_private_key(base64.b64decode(data["privateKey"]), None, unsafe_skip_rsa_key_validation=True)
    return public_key_of(key)


_LINE = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_HEAD = """# Fault matrix

What becomes of a run when a fault hits the first attempt of a step. Written by
`ARCWAY_PUBLISH_MATRIX=1 scripts/test tests/chaos/fault_matrix -n 0 -p no:randomly`, and held against every test run. In
every case: at most one connected cluster was created, the release has no more revisions than an undisturbed run gives
it, the key in the cluster is the resource's key, the cluster's Lease is given back or named in `left`, and the status
says what happened. "Other settings" means that the data plane wants a setting that the first installation lacks. A
change that succeeds leaves the resource's key and makes one revision; an upgrade that fails names what is left of it.

| step | fault | outcome |
|---|---|---|
"""


def published() -> dict[tuple[str, str], str]:
    """The outcomes that the page tells."""
    if not PAGE.exists():
        return {}
    return {(step, fault): outcome for step, fault, outcome in _LINE.findall(PAGE.read_text()) if step != "step"}


def publish(step: str, fault: str, outcome: str) -> None:
    """Put one outcome on the page."""
    rows = {**published(), (step, fault): outcome}
    order = [(row.name, name) for row in ROWS for name in FAULTS]
    lines = [f"| {step} | {name} | {rows[step, name]} |" for step, name in order if (step, name) in rows]
    PAGE.write_text(_HEAD + "\n".join(lines) + "\n")
