"""Boots one real control plane in a folder: certificates, free ports, processes in order, and their end.

Flags are those of Kubernetes' own reference pages; etcd runs without fsync, because nothing here outlives a test.
"""

import asyncio
import base64
import ctypes
import os
import signal
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from arcway.private_file import write_private
from arcway_local.certificates import CertificateAuthority

STAGES = Path(__file__).with_name("stages.yaml")
NAME = "control-plane"
_CRASHED = "".join(
    f"2026-01-01T00:00:0{number}.000000000Z stderr F {line}\n"
    for number, line in enumerate(("starting", "panic: cannot reach https://user:open-sesame@proxy.example:3128"))
)
"""What every crashed container wrote last, in the form of container runtimes."""
_READY_SECONDS = 45.0
_STOP_SECONDS = 8.0
_LOOK_SECONDS = 0.1
_ATTEMPTS = 3


class BootError(Exception):
    """The control plane cannot start; one sentence."""


class ControlPlane:
    """One control plane with `nodes` Linux nodes. `programs` is the folder of its binaries."""

    def __init__(self, folder: Path, programs: Path, nodes: int = 2) -> None:
        self._folder = folder
        self._programs = programs
        self._nodes = nodes
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self.endpoint = ""

    @property
    def kubeconfig_file(self) -> Path:
        """The administrator's kubeconfig, 0600, authority and client certificate embedded."""
        return self._folder / "cluster-001.yaml"

    @property
    def pids(self) -> dict[str, int]:
        """The running processes."""
        return {name: process.pid for name, process in self._processes.items()}

    def dead(self) -> str | None:
        """The name of a process that ended on its own."""
        return next((name for name, process in self._processes.items() if process.returncode is not None), None)

    async def start(self) -> None:
        """Return when the API server is ready and the nodes are. Raises `BootError`."""
        for name in ("logs", "pki"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        await asyncio.to_thread(self._write_keys)
        (self._folder / "logs" / "crashed-container.log").write_text(_CRASHED)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._boot(attempt)
            except BootError:
                # A port that was free when it was chosen may be taken when it is used.
                await self.stop()
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                await self.stop()
                raise
            else:
                return

    async def stop(self) -> None:
        """End all processes, the API server before etcd; the kubeconfig is removed."""
        for name, process in reversed(self._processes.items()):
            if process.returncode is None:
                # etcd's orderly end takes seconds, and its data are thrown away.
                process.send_signal(signal.SIGKILL if name == "etcd" else signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        self._processes.clear()
        self.kubeconfig_file.unlink(missing_ok=True)

    def client(self) -> aiohttp.ClientSession:
        """A client with the administrator's certificate; relative paths."""
        tls = ssl.create_default_context(cafile=str(self._pki("ca/ca.crt")))
        tls.load_cert_chain(self._pki("admin.crt"), self._pki("admin.key"))
        limit = aiohttp.ClientTimeout(total=10)
        return aiohttp.ClientSession(self.endpoint, connector=aiohttp.TCPConnector(ssl=tls), timeout=limit)

    async def _boot(self, attempt: int) -> None:
        store, peer, port, kubelet = _free_ports(4)
        self.endpoint = f"https://127.0.0.1:{port}"
        data = self._folder / f"etcd-{attempt}"
        await self._launch("etcd", *_etcd_flags(store, peer, data))
        await self._launch("kube-apiserver", *self._api_server_flags(store, port))
        write_private(self.kubeconfig_file, yaml.safe_dump(self._kubeconfig(), sort_keys=False).encode())
        async with self.client() as client:
            await self._until(lambda: _answers(client, "/readyz"), "the API server")
            config = f"--kubeconfig={self.kubeconfig_file}"
            await self._launch("kube-controller-manager", config, *self._controller_manager_flags())
            await self._launch(
                "kube-scheduler", config, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"
            )
            await self._launch("kwok", config, *_kwok_flags(kubelet))
            for number in range(1, self._nodes + 1):
                await _create_node(client, f"node-{number}")
            await self._until(lambda: _nodes_ready(client, self._nodes), "the nodes")
            await self._until(
                lambda: _answers(client, "/api/v1/namespaces/default/serviceaccounts/default"), "accounts"
            )

    async def _until(self, look: Any, description: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        while not await look():
            if name := self.dead():
                raise BootError(f"{name} ended while {description} were awaited: {self._last_line(name)}")
            if loop.time() > deadline:
                raise BootError(f"{description} did not become ready within {_READY_SECONDS:.0f} s.")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _launch(self, name: str, *flags: str) -> None:
        with (self._folder / "logs" / f"{name}.log").open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                str(self._programs / name),
                *flags,
                cwd=self._folder,
                env={"HOME": str(self._folder), "PATH": os.defpath},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _last_line(self, name: str) -> str:
        log = (self._folder / "logs" / f"{name}.log").read_text(errors="replace")
        return log.strip().rpartition("\n")[2][-300:]

    def _pki(self, name: str) -> Path:
        return self._folder / "pki" / name

    def _write_keys(self) -> None:
        authority = CertificateAuthority.open(self._pki("ca"))
        names = ("127.0.0.1", "localhost", "kubernetes.default.svc")
        for file, issued in (
            ("server", authority.issue_server(names)),
            ("admin", authority.issue_client("admin", ["system:masters"])),
        ):
            write_private(self._pki(f"{file}.crt"), issued.certificate)
            write_private(self._pki(f"{file}.key"), issued.private_key)
        accounts = ec.generate_private_key(ec.SECP256R1())
        # The API server finds the public half in this form, not in PKCS#8 (client-go, util/keyutil).
        private = accounts.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        write_private(self._pki("accounts.key"), private)

    def _api_server_flags(self, store: int, port: int) -> list[str]:
        accounts = self._pki("accounts.key")
        return [
            f"--etcd-servers=http://127.0.0.1:{store}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--client-ca-file={self._pki('ca/ca.crt')}",
            f"--tls-cert-file={self._pki('server.crt')}",
            f"--tls-private-key-file={self._pki('server.key')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts}",
            f"--service-account-signing-key-file={accounts}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
        ]

    def _controller_manager_flags(self) -> list[str]:
        return [
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            f"--root-ca-file={self._pki('ca/ca.crt')}",
            f"--service-account-private-key-file={self._pki('accounts.key')}",
            "--use-service-account-credentials=false",
        ]

    def _kubeconfig(self) -> dict[str, Any]:
        def embedded(name: str) -> str:
            return base64.b64encode(self._pki(name).read_bytes()).decode()

        cluster = {"server": self.endpoint, "certificate-authority-data": embedded("ca/ca.crt")}
        user = {"client-certificate-data": embedded("admin.crt"), "client-key-data": embedded("admin.key")}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": "admin"}}],
            "current-context": NAME,
        }


def _etcd_flags(store: int, peer: int, data: Path) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _kwok_flags(port: int) -> tuple[str, ...]:
    """`port` is where it answers as every node's kubelet, for logs."""
    return (
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        f"--config={STAGES}",
        "--node-ip=127.0.0.1",
        f"--node-port={port}",
        f"--server-address=127.0.0.1:{port}",
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for socket_ in sockets:
            socket_.bind(("127.0.0.1", 0))
        return [socket_.getsockname()[1] for socket_ in sockets]
    finally:
        for socket_ in sockets:
            socket_.close()


async def _answers(client: aiohttp.ClientSession, path: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with client.get(path) as response:
            return response.status == 200
    return False


async def _create_node(client: aiohttp.ClientSession, name: str) -> None:
    size = {"cpu": "4", "memory": "16Gi", "pods": "1000"}
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}
    body = {"metadata": {"name": name, "labels": labels}, "status": {"capacity": size, "allocatable": size}}
    async with client.post("/api/v1/nodes", json=body) as response:
        if response.status != 201:
            raise BootError(f"node {name} returned {response.status}.")


async def _nodes_ready(client: aiohttp.ClientSession, count: int) -> bool:
    async with client.get("/api/v1/nodes") as response:
        nodes = (await response.json())["items"]
    conditions = [condition for node in nodes for condition in node["status"].get("conditions", [])]
    ready = sum(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    # The lifecycle controller takes its own taints off a moment after a node is Ready.
    return ready == count and not any(node["spec"].get("taints") for node in nodes)


_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """PR_SET_PDEATHSIG: a runner that is killed hard leaves nothing behind."""
    _LIBC.prctl(1, signal.SIGKILL)
