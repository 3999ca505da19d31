"""Many onboardings while processes of the stack are killed with `kill -9`: what was killed when, and what was lost.

`python -m tests.chaos.stack.storm --clusters 300 --kills 20 --seed N` runs it at length and prints a table.
"""

import argparse
import json
import os
import random
import signal
import ssl
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack

SECOND_WORKER = "second worker"
"""The process that does the steps; its host starts it again."""
VICTIMS = ("functions", "azure", "service_bus", SECOND_WORKER)
_START_SECONDS = 240
_LIMIT_SECONDS_PER_CLUSTER = 6
_PAUSE_SECONDS = (0.5, 3.0)


@dataclass
class Report:
    """What happened and what came of it."""

    clusters: int
    seed: int
    kills: list[tuple[float, str]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    revisions: Counter[int] = field(default_factory=Counter)
    other_keys: list[str] = field(default_factory=list)
    unconnected: list[str] = field(default_factory=list)
    leases: int = 0
    results: int = 0
    """Runs whose result was announced by exactly one event, repeats of the same bytes not counted."""
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """Clusters that did not end as they should."""
        undone = self.clusters - self.states["Succeeded"] + self.clusters - self.results
        return undone + len(self.other_keys) + len(self.unconnected)


def storm(state: Path, clusters: int, kills: int, seed: int) -> Report:
    """Start a stack, connect that many clusters, kill that often, check the world afterwards."""
    chance, report, began = random.Random(seed), Report(clusters, seed), time.monotonic()
    stack = embedded.start(state, Options(clusters=clusters, seconds=0.5))
    try:
        runs = {number: start(stack, number) for number in range(1, clusters + 1)}
        for _ in range(kills):
            time.sleep(chance.uniform(*_PAUSE_SECONDS))  # the moment of a kill is what is random here
            victim = chance.choice(VICTIMS)
            os.kill(second_worker(stack) if victim == SECOND_WORKER else stack.pids[victim], signal.SIGKILL)
            report.kills.append((round(time.monotonic() - began, 1), victim))
            if victim != SECOND_WORKER:
                stack = restarted(state)
        deadline = time.monotonic() + _LIMIT_SECONDS_PER_CLUSTER * clusters + 60
        for number, run_id in runs.items():
            run = finish(stack, run_id, deadline)
            report.states[run["state"]] += 1
            if run["error"]:
                report.errors.append(f"{number}: {run['error']['code']} {run['error']['message']}")
        look(stack, clusters, report)
        report.results = sum(count == 1 for count in result_events(stack).values())
    finally:
        embedded.stop(state)
    report.seconds = round(time.monotonic() - began, 1)
    return report


def restarted(state: Path) -> Stack:
    """The stack after what died was started again; a process takes a moment to be seen as dead."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        stack = embedded.running(state)
        if stack and stack.dead_parts():
            return embedded.start(state)
        time.sleep(0.02)
    raise AssertionError("nothing died")


def second_worker(stack: Stack) -> int:
    """The function app's second worker, once there is one: it may have just been killed."""
    host, deadline = stack.pids["functions"], time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):  # a thread or a child has just ended
            for children in Path(f"/proc/{host}/task").glob("*/children"):
                for child in map(int, children.read_text().split()):
                    if b"second_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return child
        time.sleep(0.02)
    raise AssertionError("the function app has no second worker")


def start(stack: Stack, number: int) -> str:
    """Start one run."""
    body = {
        "subscriptionId": stack.azure["subscriptionId"],
        "resourceGroup": "storm",
        "createResourceGroup": True,
        "name": f"storm-{number}",
        "location": "eastus",
        "kubeconfig": {"secret": f"arcway-cluster-{number:03}"},
    }
    run_id: str = httpx.post(f"{stack.url}/api/onboardings", json=body, timeout=240).raise_for_status().json()["id"]
    return run_id


def finish(stack: Stack, run_id: str, deadline: float) -> Json:
    """The run when it is over."""
    while True:
        run: Json = httpx.get(f"{stack.url}/api/runs/{run_id}", timeout=240).raise_for_status().json()
        if run["finishedAt"] or time.monotonic() > deadline:
            return run
        time.sleep(0.1)


def look(stack: Stack, clusters: int, report: Report) -> None:
    """Compare Azure and the clusters with what an undisturbed run leaves."""
    url, query = f"{stack.url}/api/connectedClusters", {"subscription": stack.azure["subscriptionId"]}
    body = httpx.get(url, params=query, timeout=240).raise_for_status().json()["value"]
    by_name = {item["name"]: item["properties"] for item in body}
    tls = ssl.create_default_context(cafile=stack.cluster["caFile"])
    with httpx.Client(verify=tls) as http:
        for number, kubeconfig in enumerate(stack.cluster["kubeconfigs"][:clusters], 1):
            name, inside = f"storm-{number}", Inside(http, Path(kubeconfig))
            report.revisions[inside.revisions()] += 1
            report.leases += inside.has_lease()
            properties = by_name.get(name, {})
            if properties.get("connectivityStatus") != "Connected":
                report.unconnected.append(name)
            elif properties["agentPublicKeyCertificate"] != inside.public_key():
                report.other_keys.append(name)


def result_events(stack: Stack) -> Counter[str]:
    """How many different result events each run has on the topic."""
    from azure.servicebus import ServiceBusClient

    bodies: set[bytes] = set()
    with (
        ServiceBusClient.from_connection_string(stack.service_bus["connectionString"]) as client,
        client.get_subscription_receiver("onboarding-events", "all") as receiver,
    ):
        while batch := receiver.receive_messages(500, max_wait_time=2):
            for message in batch:
                receiver.complete_message(message)
                bodies.add(b"".join(message.body))
    events = [json.loads(body) for body in bodies]
    return Counter(event["data"]["run"]["id"] for event in events if "/publishResult/" in event["id"])


class Inside:
    """A look into one cluster as its administrator."""

    def __init__(self, http: httpx.Client, kubeconfig: Path) -> None:
        import yaml

        document = yaml.safe_load(kubeconfig.read_text())
        self._server = document["clusters"][0]["cluster"]["server"]
        self._headers = {"Authorization": f"Bearer {document['users'][0]['user']['token']}"}
        self._http = http

    def _get(self, path: str) -> Json:
        body: Json = self._http.get(f"{self._server}{path}", headers=self._headers).json()
        return body

    def revisions(self) -> int:
        items = self._get("/api/v1/namespaces/azure-arc-release/secrets").get("items", [])
        return sum(item["type"] == "helm.sh/release.v1" for item in items)

    def has_lease(self) -> bool:
        return bool(self._get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway")["kind"] == "Lease")

    def public_key(self) -> str:
        import base64

        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        data = self._get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")["data"]
        key = load_pem_private_key(base64.b64decode(data["privateKey"]), None)
        assert isinstance(key, RSAPrivateKey)
        return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def main() -> int:
    """Run at length; exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--clusters", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = storm(Path(folder), chosen.clusters, chosen.kills, chosen.seed)
    if chosen.json:
        sys.stdout.write(json.dumps(report.__dict__) + "\n")
    else:
        lines = [f"seed {report.seed}: {report.clusters} clusters in {report.seconds} s"]
        lines += [f"{second:8.1f} s  killed {victim}" for second, victim in report.kills]
        lines += [f"runs: {dict(report.states)}", f"revisions per release: {dict(report.revisions)}"]
        lines += [f"leases left: {report.leases}", f"keys that differ: {report.other_keys or 'none'}"]
        lines += [f"result events: {report.results}"]
        lines += [f"not Connected: {report.unconnected or 'none'}", *report.errors, f"lost: {report.lost or 'nothing'}"]
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if report.lost else 0


if __name__ == "__main__":
    sys.exit(main())
