"""The simulated agents: what the agents' pods would do, done from outside the cluster because no image can run.

They find clusters by watching a folder of kubeconfigs and act only on what is in a cluster: nothing happens before
the release's ConfigMap is there; which connected cluster it serves is read from it; the private key is read from the
Secret; the identity is asked for only while clusteridentityoperator is Ready, and metadata are reported only while
cluster-metadata-operator is. The code under test tells them nothing.
"""

import asyncio
import base64
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from arcway_local.azure.arc_client import ArcClient, NotYet
from arcway_local.azure.config_agent import ConfigAgent
from arcway_local.azure.kube_client import KubeClient, KubeError
from arcway_local.azure.transitions import Paces

log = logging.getLogger(__name__)

_NAMESPACE = "/api/v1/namespaces/azure-arc"
_CONFIG = "azure-clusterconfig"
_KUBECONFIGS = ("*.yaml", "arcway-kubeconfig-*")
_SCAN_SECONDS = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Agents:
    """Runs the agents of every cluster whose kubeconfig is in one of the folders.

    These are `*.yaml` and the kubeconfigs that the page stored.

    `endpoint` and `tls` are the Arc service's; of `paces` they use only the one of heartbeats.
    """

    def __init__(self, folders: Sequence[Path], endpoint: str, tls: Any, paces: Paces) -> None:
        self._folders = folders
        self._paces = paces
        self._endpoint = endpoint
        self._tls = tls
        self._running: dict[Path, asyncio.Task[None]] = {}
        self._servers: dict[Path, str] = {}

    async def run(self) -> None:
        """Watch the folder until canceled."""
        try:
            while True:
                kubeconfigs = {path for folder in self._folders for kind in _KUBECONFIGS for path in folder.glob(kind)}
                for path in self._running.keys() - kubeconfigs:
                    self._running.pop(path).cancel()
                for path in kubeconfigs - self._running.keys():
                    self._running[path] = asyncio.create_task(self._serve(path), name=f"agents of {path.stem}")
                await asyncio.sleep(_SCAN_SECONDS)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, kubeconfig: Path) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                cluster = KubeClient(kubeconfig)
                try:
                    if other_path := self._serves_another(kubeconfig, cluster.server):
                        raise KubeError(f"{other_path.stem} names the same cluster")
                    async with aiohttp.ClientSession() as session:
                        service = ArcClient(session, self._endpoint, self._tls)
                        await _ClusterAgents(cluster, service, self._paces).work()
                finally:
                    await cluster.close()
                pause = _FIRST_PAUSE
            except KubeError as error:
                log.info("agents of %s: %s", kubeconfig.stem, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _serves_another(self, kubeconfig: Path, server: str) -> Path | None:
        """The kubeconfig by which this cluster has its agents already: a cluster named twice has them once."""
        for path, server_known in self._servers.items():
            if server_known == server and path != kubeconfig and path in self._running:
                return path
        self._servers[kubeconfig] = server
        return None


class _Companion:
    """The task of config-agent, which ends with those that connect the cluster."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    def begin(self, agents: ConfigAgent) -> None:
        """Start them, unless some are at work."""
        if self._task is None:
            self._task = asyncio.create_task(agents.run(), name="simulated config-agent")

    async def end(self) -> None:
        """Stop them."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


class _ClusterAgents:
    def __init__(self, cluster: KubeClient, service: ArcClient, paces: Paces) -> None:
        self._cluster = cluster
        self._paces = paces
        self._service = service

    async def work(self) -> None:
        """From the release's appearance to a change of its ConfigMap or key."""
        await self._cluster.wait_for(f"{_NAMESPACE}/configmaps", _CONFIG)
        token, pause = None, _FIRST_PAUSE
        async with _Companion() as extensions:
            while config := await self._cluster.get(f"{_NAMESPACE}/configmaps/{_CONFIG}"):
                try:
                    token = token or await self._obtain_identity(config["data"])
                    await self._report(config["data"], token)
                except NotYet as reason:
                    log.debug("%s", reason)
                    if str(reason) == "identity":
                        token = None
                        await extensions.end()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                    continue
                pause = _FIRST_PAUSE
                resource = _resource_id(config["data"])
                extensions.begin(ConfigAgent(self._cluster, self._service, resource, token, self._paces))
                if await self._changed(config, within=self._paces.heartbeat.seconds):
                    return

    async def _changed(self, config: dict[str, Any], *, within: float) -> bool:
        """Whether ConfigMap or key became another one within so many seconds; real agents are restarted then."""
        secret = await self._cluster.get(f"{_NAMESPACE}/secrets/{config['data']['ONBOARDING_SECRET_NAME']}")
        if secret is None:
            return True
        waits = [
            asyncio.create_task(self._cluster.wait_for_change(f"{_NAMESPACE}/configmaps", config)),
            asyncio.create_task(self._cluster.wait_for_change(f"{_NAMESPACE}/secrets", secret)),
        ]
        try:
            finished, _ = await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return bool(finished)

    async def _obtain_identity(self, config: dict[str, str]) -> str:
        await self._need("clusteridentityoperator")
        resource = _resource_id(config)
        # Before the key is read: agents may wait for their resource for long, and a signature costs 3 ms.
        nonce = (await self._service.ask("challenge", {"resourceId": resource}))["nonce"]
        secret = await self._cluster.get(f"{_NAMESPACE}/secrets/{config['ONBOARDING_SECRET_NAME']}")
        try:
            key = load_pem_private_key(
                base64.b64decode((secret or {})["data"]["privateKey"]), None, unsafe_skip_rsa_key_validation=True
            )
        except (KeyError, ValueError, TypeError) as error:
            raise NotYet("a private key") from error
        if not isinstance(key, RSAPrivateKey):
            raise NotYet("an RSA key")
        signature = base64.b64encode(key.sign(nonce.encode(), PKCS1v15(), SHA256())).decode()
        issued = await self._service.ask("identity", {"resourceId": resource, "signature": signature})
        pair = {"tls.crt": issued["certificate"], "tls.key": issued["privateKey"]}
        for name in ("azure-identity-certificate", "kube-aad-proxy-certificate"):
            await self._cluster.put_secret("azure-arc", name, pair)
        token: str = issued["token"]
        return token

    async def _report(self, config: dict[str, str], token: str) -> None:
        await self._need("cluster-metadata-operator")
        version = await self._cluster.get("/version") or {}
        nodes = await self._cluster.items("/api/v1/nodes")
        metadata = {
            "kubernetesVersion": str(version.get("gitVersion", "")).removeprefix("v"),
            "totalNodeCount": len(nodes),
            "totalCoreCount": sum(int(node["status"]["capacity"]["cpu"]) for node in nodes),
            "agentVersion": config["AZURE_ARC_AGENT_VERSION"],
            "distribution": config["KUBERNETES_DISTRO"],
            "infrastructure": config["KUBERNETES_INFRA"],
            "offering": None,
        }
        body = {"resourceId": _resource_id(config), "token": token, "metadata": metadata}
        if not (await self._service.ask("heartbeat", body))["connected"]:
            raise NotYet("connection")

    async def _need(self, deployment: str) -> None:
        workload = await self._cluster.get(f"/apis/apps/v1/namespaces/azure-arc/deployments/{deployment}")
        if not workload or not (workload.get("status") or {}).get("readyReplicas"):
            raise NotYet(f"{deployment} to be Ready")


def _resource_id(config: dict[str, str]) -> str:
    return (
        f"/subscriptions/{config['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{config['AZURE_RESOURCE_GROUP']}"
        f"/providers/Microsoft.Kubernetes/connectedClusters/{config['AZURE_RESOURCE_NAME']}"
    )
