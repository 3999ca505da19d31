"""The world of the fault matrix: a simulated Azure, simulated clusters, the product's settings pointing there."""

import copy
import gc
import os
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from unittest import mock

import httpx
from azure.servicebus import ServiceBusClient, ServiceBusReceiver
from cryptography.hazmat.primitives.asymmetric import rsa

import arcway.azure.pipeline as pipeline
import arcway.cluster.access.api as cluster_api
import arcway.cluster.agents.key_pair as key_pair
import arcway.cluster.helm.pool as helm_pool
from activities import absence
from arcway.azure.budget import Budget
from arcway.azure.pipeline import Pipeline
from arcway.azure.providers import Providers
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain import phases
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.installation import Installation
from arcway.private_file import write_private
from arcway.settings import read_settings
from arcway_local import processes
from arcway_local.stack import APP_DIR, ENTITIES
from tests.chaos.fault_matrix.memory_helm import MemoryHelm

_KEYS = 4
_FASTER = 1000
# An interval has grown to 30 s by the time that a phase gives up, so that leaves it 6 s of real time.
_LIMIT_SECONDS = 36
_ANSWER_SECONDS = 3.0
_HELM_SECONDS = 10.0
_UNDISTURBED: Json = {"settings": {}, "provisioning-failures": {}, "paces": {"registration": {"reads": 0}}}


class World:
    """Both simulations and a client for each one's controls."""

    def __init__(self, folder: Path) -> None:
        for name in ("clusters", "secrets", "azure"):
            (folder / name).mkdir()
        self.folder = folder
        clusters = str(folder / "clusters")
        where = ["--dir", clusters, "--count", "0"]
        self.cluster, cluster_pid = processes.launch("cluster", where, APP_DIR, folder / "cluster.log", {})
        where = ["--dir", str(folder / "azure"), "--clusters", clusters]
        self.azure, azure_pid = processes.launch("azure", where, APP_DIR, folder / "azure.log", {})
        where = ["--config", str(ENTITIES), "--port", "0"]
        self.bus, bus_pid = processes.launch("service_bus", where, APP_DIR, folder / "bus.log", {})
        self._pids = [azure_pid, cluster_pid, bus_pid]
        self._stack = ExitStack()
        self.bus_http = self._stack.enter_context(httpx.Client(base_url=self.bus["control"]))
        self.azure_http = _client(self.azure)
        self.cluster_http = _client(self.cluster)
        self.created: Counter[str] = Counter()

    @cached_property
    def receiver(self) -> ServiceBusReceiver:
        """Of all events; one for all cases, because opening and closing one takes seconds."""
        client = self._stack.enter_context(ServiceBusClient.from_connection_string(self.bus["connectionString"]))
        return self._stack.enter_context(client.get_subscription_receiver("onboarding-events", "all"))

    @cached_property
    def token(self) -> str:
        """For Resource Manager."""
        header, query = {"X-IDENTITY-HEADER": self.azure["identityHeader"]}, {"resource": self.azure["endpoint"]}
        token: str = self.azure_http.get("/msi/token", params=query, headers=header).json()["access_token"]
        return token

    def open_installation(self) -> None:
        """The installation that works in this world."""
        settings = read_settings(self.settings())
        self.installation = Installation(settings)
        # Timers of the driver fire after milliseconds; a Retry-After passes as fast.
        budget = Budget(clock=lambda: time.monotonic() * _FASTER, sleep=lambda seconds: time.sleep(seconds / _FASTER))
        self.installation.azure.pipeline = Pipeline(settings.identity, settings.ca_file, budget)
        self.installation.azure.providers = Providers(self.installation.azure.resources, look_seconds=0.01)
        self._stack.callback(self.installation.connections.close)
        self._stack.callback(self.installation.events.close)
        self._stack.callback(cast("WorkerPool", self.installation.helm).close)

    def stop(self) -> None:
        self._stack.close()
        self.azure_http.close()
        self.cluster_http.close()
        processes.stop(self._pids)

    def count_created(self) -> None:
        """Take note of what the simulated Azure was asked to create, and have it forget: the list is long."""
        for request in self.azure_http.get("/control/requests").json():
            if request["method"] == "PUT" and request["status"] == 201:
                self.created[request["path"].lower()] += 1
        self.azure_http.delete("/control/requests").raise_for_status()

    def settings(self) -> dict[str, str]:
        return {
            "ARCWAY_LOCAL": "1",
            "WEBSITE_HOSTNAME": "127.0.0.1",
            "ARCWAY_ARM_ENDPOINT": self.azure["endpoint"],
            "ARCWAY_CA_FILE": self.azure["caFile"],
            "ARCWAY_REGISTRIES": self.azure["registry"],
            "ARCWAY_SECRETS_DIR": str(self.folder / "secrets"),
            "ARCWAY_VAULTS": self.azure["endpoint"],
            "ARCWAY_WORK_DIR": str(self.folder / "work"),
            "ARCWAY_HELM_WORKERS": "1",
            "ServiceBusConnection": self.bus["connectionString"],
            "IDENTITY_ENDPOINT": self.azure["identityEndpoint"],
            "IDENTITY_HEADER": self.azure["identityHeader"],
        }


class Case:
    """A subscription and a cluster of one case's own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.subscription = str(uuid.uuid4())
        self.installation = copy.copy(world.installation)
        """With Helm in memory."""
        self.installation.helm = MemoryHelm()
        # Whether the cluster is connected and as a change wants to find it.
        self.connected = False
        self._changed: set[str] = set()
        world.azure_http.put(f"/control/subscriptions/{self.subscription}", json={}).raise_for_status()
        response = world.cluster_http.post("/control/clusters", json={}).raise_for_status().json()
        self.cluster = response["name"]
        content = Path(response["kubeconfig"]).read_text()
        write_private(world.folder / "secrets" / f"arcway-{self.cluster}", content.encode())
        import yaml

        document = yaml.safe_load(content)
        self._server = document["clusters"][0]["cluster"]["server"]
        self._token = document["users"][0]["user"]["token"]

    def close(self) -> None:
        self._world.cluster_http.delete(f"/control/clusters/{self.cluster}").raise_for_status()
        for path in sorted(self._changed):
            self._world.azure_http.put(f"/control/{path}", json=_UNDISTURBED[path]).raise_for_status()

    def request(self, on_failure: str) -> Json:
        return {
            "subscriptionId": self.subscription,
            "resourceGroup": "group",
            "createResourceGroup": True,
            "name": self.cluster,
            "location": "eastus",
            "kubeconfig": {"secret": f"arcway-{self.cluster}"},
            "onFailure": on_failure,
        }

    @property
    def resource_id(self) -> str:
        return ClusterId(self.subscription, "group", self.cluster).resource_id

    def control_azure(self, path: str, body: Any) -> None:
        if path in _UNDISTURBED:
            self._changed.add(path)
        self._world.azure_http.put(f"/control/{path}", json=body).raise_for_status()

    def control_bus(self, method: str, body: Any = None) -> None:
        self._world.bus_http.request(method, "/faults", json=body).raise_for_status()

    def events(self) -> list[bytes]:
        """The events that the topic has, each as it was sent."""
        collected: list[bytes] = []
        receiver = self._world.receiver
        while batch := receiver.receive_messages(100, max_wait_time=0.3):
            for message in batch:
                receiver.complete_message(message)
                collected.append(b"".join(message.body))
        return collected

    def control_cluster(self, method: str, path: str, body: Any = None) -> None:
        url = f"/control/clusters/{self.cluster}/{path}"
        self._world.cluster_http.request(method, url, json=body).raise_for_status()

    def get(self, path: str) -> Json:
        headers = {"Authorization": f"Bearer {self._token}"}
        body: Json = self._world.cluster_http.get(f"{self._server}{path}", headers=headers).json()
        return body

    def revisions(self) -> int:
        items = self.get("/api/v1/namespaces/azure-arc-release/secrets")["items"]
        return sum(item["type"] == "helm.sh/release.v1" for item in items)

    def lease(self) -> bool:
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway"
        return bool(self.get(path)["kind"] == "Lease")

    def resource(self) -> Json | None:
        return self._arm(self.resource_id, "2026-05-01")

    def gateway(self) -> str | None:
        """The gateway that the connected cluster is linked to."""
        path = f"{self.resource_id}/providers/Microsoft.HybridCompute/settings/default"
        setting = self._arm(path, "2025-02-19-preview") or {"properties": {"gatewayProperties": {}}}
        gateway: str | None = setting["properties"]["gatewayProperties"].get("gatewayResourceId")
        return gateway

    def _arm(self, path: str, version: str) -> Json | None:
        headers, query = {"Authorization": f"Bearer {self._world.token}"}, {"api-version": version}
        answer = self._world.azure_http.get(path, params=query, headers=headers)
        return answer.json() if answer.status_code == 200 else None

    def arm(
        self, method: str, resource_id: str, body: Json | None = None, version: str = "2025-03-01"
    ) -> httpx.Response:
        """Ask Resource Manager about an extension, or with another version about something else."""
        headers, query = {"Authorization": f"Bearer {self._world.token}"}, {"api-version": version}
        return self._world.azure_http.request(method, resource_id, params=query, headers=headers, json=body)

    def vault(self, method: str, name: str, value: str = "") -> httpx.Response:
        """Do something with a secret in the vault."""
        header = {"X-IDENTITY-HEADER": self._world.azure["identityHeader"]}
        http, query = self._world.azure_http, {"resource": "https://vault.azure.net"}
        token = http.get("/msi/token", params=query, headers=header).json()["access_token"]
        authorization = {"Authorization": f"Bearer {token}"}
        body = {"value": value} if value else None
        if value:
            # An earlier case's secret of that name may be kept, deleted but recoverable.
            http.delete(f"/deletedsecrets/{name}", headers=authorization)
        return http.request(method, f"/secrets/{name}", headers=authorization, json=body)

    def access(self) -> Access:
        """The administrator's access."""
        document = (self._world.folder / "secrets" / f"arcway-{self.cluster}").read_text()
        return read_kubeconfig(document, None, allow_loopback=True)

    def puts(self) -> int:
        """How many connected clusters were ever created for this case: a 201 for each."""
        self._world.count_created()
        return self._world.created[self.resource_id.lower()]


@contextmanager
def ready(folder: Path) -> Iterator[World]:
    """A running world, the product's settings pointing to it, ready-made keys, short time limits."""
    world = World(folder)
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(_KEYS)]
    fake = mock.Mock(wraps=rsa)
    fake.generate_private_key = mock.Mock(side_effect=lambda **_: keys[fake.generate_private_key.call_count % _KEYS])
    fake.RSAPrivateKey = rsa.RSAPrivateKey
    limits = dict.fromkeys(phases.TIME_LIMITS, _LIMIT_SECONDS)
    try:
        with (
            mock.patch.dict(os.environ, world.settings()),
            mock.patch.object(key_pair, "rsa", fake),
            mock.patch.object(pipeline, "READ_SECONDS", _ANSWER_SECONDS),
            mock.patch.object(cluster_api, "READ_SECONDS", _ANSWER_SECONDS),
            mock.patch.object(helm_pool, "CALL_SECONDS", _HELM_SECONDS),
            # The clock of runs goes faster than that of steps.
            mock.patch.object(absence, "REPLICATION_SECONDS", 0.0),
            mock.patch.object(absence, "READ_AGAIN_SECONDS", 0.0),
            mock.patch.dict(phases.TIME_LIMITS, limits),
        ):
            world.open_installation()
            # What is loaded by now stays; the collector need not visit it again and again.
            gc.collect()
            gc.freeze()
            yield world
    finally:
        gc.unfreeze()
        world.stop()


def _client(ready_line: Json) -> httpx.Client:
    tls = ssl.create_default_context(cafile=ready_line["caFile"])
    return httpx.Client(base_url=ready_line["endpoint"], verify=tls, timeout=240)
