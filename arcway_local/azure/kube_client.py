"""The few Kubernetes calls that simulated agents make, on plain HTTP.

A client of its own, so that the simulation does not share a mistake with the client under test.
"""

import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from arcway.private_file import private_file

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_WATCH_SECONDS = 300


class KubeError(Exception):
    """The API server returned an error or did not respond; the agents try again."""


class KubeClient:
    """The API of the cluster that a kubeconfig's current context names."""

    def __init__(self, kubeconfig: Path) -> None:
        try:
            cluster, user = _read(kubeconfig)
            self.server = str(cluster["server"]).rstrip("/")
            self._tls = _tls(cluster, user)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, yaml.YAMLError) as error:
            raise KubeError(f"{kubeconfig.name} is not a usable kubeconfig: {type(error).__name__}") from error
        headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
        self._session = aiohttp.ClientSession(headers={**headers, "User-Agent": "simulated-agents"})

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def get(self, path: str) -> dict[str, Any] | None:
        """The object at `path`; None when there is none."""
        status, body = await self._send("GET", path)
        return None if status == 404 else body

    async def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a short list."""
        return ((await self.get(path)) or {}).get("items") or []

    async def put_secret(self, namespace: str, name: str, data: dict[str, str]) -> None:
        """Create or replace a Secret."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": data,
        }
        status, _ = await self._send("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
        if status == 409:
            await self._send("PUT", f"/api/v1/namespaces/{namespace}/secrets/{name}", body)

    async def apply(self, collection: str, body: dict[str, Any]) -> None:
        """Create an object in a collection, or replace the one of its name. Raises `KubeError`."""
        status, _ = await self._send("POST", collection, body)
        path = f"{collection}/{body['metadata']['name']}"
        if status == 409 and (existing := await self.get(path)):
            version = {"resourceVersion": existing["metadata"]["resourceVersion"]}
            status, _ = await self._send("PUT", path, {**body, "metadata": {**body["metadata"], **version}})
        if status >= 400:
            raise KubeError(f"writing {path} returned {status}")

    async def put_status(self, path: str, status: dict[str, Any]) -> None:
        """Replace the status of the object at `path`; harmless when there is none."""
        if existing := await self.get(path):
            await self._send("PUT", f"{path}/status", {**existing, "status": status})

    async def delete(self, path: str) -> None:
        """Delete the object at `path`; harmless when there is none."""
        await self._send("DELETE", path)

    async def finalize(self, path: str, finalizer: str) -> None:
        """Take a finalizer off the object at `path`; harmless when there is none."""
        existing = await self.get(path)
        finalizers = ((existing or {}).get("metadata") or {}).get("finalizers") or []
        if existing and finalizer in finalizers:
            remaining = [name for name in finalizers if name != finalizer]
            await self._send("PUT", path, {**existing, "metadata": {**existing["metadata"], "finalizers": remaining}})

    async def wait_for(self, path: str, name: str) -> None:
        """Return once the collection at `path` has an object of this name."""
        async for event in self._watch(path, name):
            if event.get("type") in ("ADDED", "MODIFIED"):
                return

    async def wait_for_change(self, path: str, current: dict[str, Any]) -> None:
        """Return once the object `current` in the collection at `path` is another, is changed, or is gone."""
        version = current["metadata"]["resourceVersion"]
        async for event in self._watch(path, current["metadata"]["name"]):
            if event.get("type") == "DELETED":
                return
            if event.get("type") in ("ADDED", "MODIFIED") and event["object"]["metadata"]["resourceVersion"] != version:
                return

    async def _watch(self, path: str, name: str) -> AsyncIterator[dict[str, Any]]:
        query = f"?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds={_WATCH_SECONDS}"
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_WATCH_SECONDS + 30)
        while True:
            try:
                async with self._session.get(self.server + path + query, ssl=self._tls, timeout=limit) as response:
                    if response.status != 200:
                        raise KubeError(f"watching {path} returned {response.status}")
                    async for line in response.content:
                        yield json.loads(line)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                raise KubeError(f"watching {path} failed: {type(error).__name__}") from error

    async def _send(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        try:
            async with self._session.request(
                method, self.server + path, json=body, ssl=self._tls, timeout=_TIMEOUT
            ) as response:
                if response.status >= 400 and response.status not in (404, 409):
                    raise KubeError(f"{method} {path} returned {response.status}")
                return response.status, await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise KubeError(f"{method} {path} failed: {type(error).__name__}") from error


def _read(kubeconfig: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    document = yaml.load(kubeconfig.read_text(), yaml.CSafeLoader)

    def named(kind: str, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = next(item[kind] for item in document[f"{kind}s"] if item["name"] == name)
        return entry

    context = named("context", document["current-context"])
    return named("cluster", context["cluster"]), named("user", context["user"])


def _tls(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    # Not the default one, which turns away the authorities of many real clusters.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if user.get("client-certificate-data"):
        with ExitStack() as stack:
            certificate = stack.enter_context(private_file(base64.b64decode(user["client-certificate-data"]).decode()))
            key = stack.enter_context(private_file(base64.b64decode(user["client-key-data"]).decode()))
            context.load_cert_chain(certificate, key)
    return context
