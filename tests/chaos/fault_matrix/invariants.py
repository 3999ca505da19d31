"""What holds after a run whatever happened to it."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from arcway.cluster.agents.key_pair import public_key_of
from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE
from arcway.domain.json_values import Json
from arcway.domain.phases import AGENTS_FIRST
from tests.chaos.fault_matrix.changes import check_change
from tests.chaos.fault_matrix.credentials import check_credential
from tests.chaos.fault_matrix.driver import Driver
from tests.chaos.fault_matrix.operations import OPERATIONS
from tests.chaos.fault_matrix.rows import BUS, HARMLESS, KILLS, RECORDS, Row
from tests.chaos.fault_matrix.world import Case


def check_invariants(case: Case, row: Row, fault: str, status: Json, driver: Driver) -> None:
    """What holds whatever happened."""
    succeeded = status["state"] == "Succeeded"
    assert driver.kills == (1 if fault in KILLS else 0)
    # Where one that was there is being deleted, it was made before.
    assert case.puts() <= (2 if row.going else 1)
    if row.temporary:
        check_credential(case, row.step, fault, status, harmless=fault in HARMLESS)
        return
    if row.network:
        check_network(case, row, fault, status)
        return
    if row.offboard:
        check_removal(case, fault, status)
        return
    if row.change in OPERATIONS:
        OPERATIONS[row.change].check(case, driver.given, status, harmless=fault in HARMLESS)
        case.connected = fault in HARMLESS
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
        assert (status["error"]["code"], status["leftovers"]) == (Code.PROVISIONING_FAILED, [])
        assert case.resource() is None
        assert case.get("/api/v1/namespaces/azure-arc")["kind"] == "Status"
    if (row.step, fault) != ("release_cluster", "vanished"):  # there the API server says that the Lease is gone
        assert case.lease() == ("Lease" in kinds_left(status))
    if row.system == BUS:
        check_events(case)
    if fault == "429 with Retry-After" and row.system != BUS and row.path != RECORDS:  # Helm waits, too
        assert max(driver.waits) >= 2 - 0.5


def kinds_left(status: Json) -> set[str]:
    """The kinds of what a run left."""
    return {item["kind"] for item in status["leftovers"]}


def check_network(case: Case, row: Row, fault: str, status: Json) -> None:
    """A check of the network changes nothing, hides nothing and leaves nothing, or names what it leaves."""
    assert (status["state"], status["changed"]) == ("Succeeded", False)
    assert not status["findings"] or fault not in HARMLESS, status["findings"]
    namespace = case.get("/api/v1/namespaces/arcway-check")
    # Where the API server says that the namespace is gone, it is believed.
    lied_to = (row.step, fault) == ("end_network_check", "vanished")
    if not lied_to and "Namespace" not in kinds_left(status):
        assert namespace["kind"] == "Status" or "deletionTimestamp" in namespace["metadata"]


def check_removal(case: Case, fault: str, status: Json) -> None:
    """A run that disconnects leaves nothing, or names what it leaves."""
    release = case.get("/api/v1/namespaces/azure-arc-release")["kind"] != "Status"
    assert status["state"] == "Succeeded" or fault not in HARMLESS, status["error"]
    if status["state"] == "Succeeded":
        assert (case.resource(), release, status["leftovers"]) == (None, False, [])
    else:
        assert status["error"]["code"] in CATALOGUE
        if status["changed"]:
            assert ("HelmRelease" in kinds_left(status)) == release
            assert ("ConnectedCluster" in kinds_left(status)) == (case.resource() is not None)
        else:
            assert case.resource()
            assert release
    assert not case.lease()


def check_events(case: Case) -> None:
    """Each event is there, and whatever is there twice is the same to the byte."""
    bodies = case.events()
    ids = [json.loads(body)["id"] for body in set(bodies)]
    assert len(ids) == len(set(ids))
    places = [event_id.split("/")[1] for event_id in ids]
    assert sorted(places) == sorted({"accepted", *AGENTS_FIRST})


def key_in_cluster(case: Case) -> str:
    data: Any = case.get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")["data"]
    key: Any = load_pem_private_key(base64.b64decode(data["privateKey"]), None, unsafe_skip_rsa_key_validation=True)
    return public_key_of(key)
