"""Kills of the function host while a fleet is in progress: no member is lost, none is done twice."""

import base64
import os
import random
import signal
import ssl
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack
from tests.chaos.stack.storm import restarted

MEMBERS = int(os.environ.get("ARCWAY_FLEET_MEMBERS", "60"))
KILLS = int(os.environ.get("ARCWAY_FLEET_KILLS", "3"))
_VERSION = "2026-05-01"


def _client(stack: Stack) -> httpx.Client:
    """A client of Resource Manager, with a token."""
    tls = ssl.create_default_context(cafile=stack.azure["caFile"])
    http = httpx.Client(base_url=stack.azure["endpoint"], verify=tls, timeout=240)
    header, query = {"X-IDENTITY-HEADER": stack.azure["identityHeader"]}, {"resource": stack.azure["endpoint"]}
    token = http.get("/msi/token", params=query, headers=header).raise_for_status().json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def _connected_clusters(http: httpx.Client, subscription: str) -> None:
    """Clusters that an update finds: a run of it is short."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    certificate = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
    properties = {"agentPublicKeyCertificate": certificate, "distribution": "k3s", "infrastructure": "generic"}
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "tags": {}, "properties": properties}
    for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
        http.put(f"/control/providers/{subscription}/{namespace}", json={"state": "Registered"}).raise_for_status()
    group = f"/subscriptions/{subscription}/resourceGroups/fleet"
    http.put(group, params={"api-version": "2022-09-01"}, json={"location": "eastus"}).raise_for_status()
    for number in range(MEMBERS):
        url = f"{group}/providers/Microsoft.Kubernetes/connectedClusters/m{number}"
        http.put(url, params={"api-version": _VERSION}, json=body).raise_for_status()


def _fleet(url: str, name: str) -> Json | None:
    """The fleet, None while the host is starting again."""
    try:
        answer = httpx.get(f"{url}/api/fleets/{name}", timeout=240)
    except httpx.TransportError:
        return None
    fleet: Json | None = answer.json() if answer.status_code == 200 else None
    return fleet


@pytest.mark.timeout(420 + 4 * MEMBERS)
def test_a_fleet_outlives_kills_of_its_host(tmp_path: Path) -> None:
    chance = random.Random(seed := random.SystemRandom().randrange(10**6))
    stack = embedded.start(tmp_path, Options(clusters=0, seconds=0.5))
    with ExitStack() as ends:
        ends.callback(embedded.stop, tmp_path)
        http, subscription = ends.enter_context(closing(_client(stack))), stack.azure["subscriptionId"]
        _connected_clusters(http, subscription)
        http.delete("/control/requests")
        body = {
            "fleet": "kills",
            "operation": "update",
            "defaults": {"subscriptionId": subscription, "resourceGroup": "fleet", "tags": {"seed": str(seed)}},
            "members": [{"name": f"m{number}"} for number in range(MEMBERS)],
            "window": 8,
        }
        httpx.post(f"{stack.url}/api/fleets", json=body, timeout=240).raise_for_status()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 2.0))  # the moment of a kill is what is random here
            os.kill(stack.pids["functions"], signal.SIGKILL)
            stack = restarted(tmp_path)
        deadline = time.monotonic() + 240 + 3 * MEMBERS
        while (fleet := _fleet(stack.url, "kills")) is None or not fleet["finishedAt"]:
            assert time.monotonic() < deadline, (seed, fleet)
            time.sleep(0.3)
        assert (fleet["state"], fleet["counts"]["succeeded"] + fleet["counts"]["unchanged"]) == ("Succeeded", MEMBERS)
        members = httpx.get(f"{stack.url}/api/fleets/kills/members", params={"top": 500}, timeout=240).json()["value"]
        assert len({member["run"] for member in members} - {None}) == MEMBERS
        # A write that was cut off is found to be done; none is made twice with success.
        written = Counter(
            item["path"].lower()
            for item in http.get("/control/requests").json()
            if item["method"] == "PATCH" and item["status"] < 300
        )
        assert len(written) == MEMBERS
        assert set(written.values()) == {1}
