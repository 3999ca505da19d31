"""What kwok's stages cannot do: check that the Secrets and ConfigMaps of a pod exist.

If they do, the pod gets an annotation that the stage pod-ready waits for. If not, it stays Pending with the reason,
as under a kubelet.
"""

import asyncio
import logging
from collections.abc import Iterator

import aiohttp

from arcway_local.json_documents import Json

log = logging.getLogger(__name__)

SEEN = "arcway.local/seen"
_LOOK_SECONDS = 0.25
_MERGE = {"Content-Type": "application/strategic-merge-patch+json"}


class Kubelet:
    """Starts scheduled pods that are Pending, four times a second, until canceled."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Work until canceled; an API server that does not answer is asked again."""
        while True:
            try:
                await self._look()
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("listing pods: %s", type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        query = {"fieldSelector": "status.phase=Pending,spec.nodeName!=", "resourceVersion": "0"}
        async with self._client.get("/api/v1/pods", params=query) as response:
            pods: list[Json] = (await response.json()).get("items") or []
        self._told = {
            uid: reported for uid, reported in self._told.items() if uid in {pod["metadata"]["uid"] for pod in pods}
        }
        for pod in pods:
            if SEEN not in pod["metadata"].get("annotations", {}):
                await self._judge(pod)

    async def _judge(self, pod: Json) -> None:
        references = list(_references(pod["spec"]))
        for volume, plural, name in references:
            if not await self._is_there(pod, plural, name):
                await self._hold_back(pod, volume, plural.removesuffix("s"), name)
                return
        if references:
            await self._patch(pod, "", {"metadata": {"annotations": {SEEN: "present"}}})

    async def _is_there(self, pod: Json, plural: str, name: str) -> bool:
        async with self._client.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/{plural}/{name}") as response:
            return response.status == 200

    async def _hold_back(self, pod: Json, volume: str | None, kind: str, name: str) -> None:
        message = f'{kind} "{name}" not found'
        if self._told.get(pod["metadata"]["uid"]) == message:
            return
        waiting = {"reason": "ContainerCreating"} if volume else {"reason": "CreateContainerConfigError"}
        if not volume:
            waiting["message"] = message
        await self._patch(pod, "/status", {"status": _unready(pod, waiting)})
        condition = (
            ("FailedMount", f'MountVolume.SetUp failed for volume "{volume}" : {message}')
            if volume
            else ("Failed", f"Error: {message}")
        )
        await self._record(pod, *condition)
        self._told[pod["metadata"]["uid"]] = message

    async def _patch(self, pod: Json, subresource: str, body: Json) -> None:
        async with self._client.patch(_path(pod) + subresource, json=body, headers=_MERGE) as response:
            if response.status not in (200, 404, 409):
                log.warning("%s returned %s", _path(pod) + subresource, response.status)

    async def _record(self, pod: Json, reason: str, message: str) -> None:
        meta = pod["metadata"]
        event = {
            "metadata": {"generateName": f"{meta['name'][:200]}.", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
        }
        async with self._client.post(f"/api/v1/namespaces/{meta['namespace']}/events", json=event) as response:
            # A namespace that is being deleted takes no more events.
            if response.status not in (201, 403, 404):
                log.warning("an event returned %s", response.status)


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _unready(pod: Json, waiting: Json) -> Json:
    containers = pod["spec"]["containers"]
    names = " ".join(container["name"] for container in containers)
    why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}
    status: Json = {"image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    return {
        "conditions": [{"type": type_, "status": "False", **why} for type_ in ("Ready", "ContainersReady")],
        "containerStatuses": [
            {**status, "name": spec_of_container["name"], "image": spec_of_container["image"]}
            for spec_of_container in containers
        ],
    }


def _references(spec: Json) -> Iterator[tuple[str | None, str, str]]:
    """Volume (None for an environment variable), plural and name of everything that must be there."""
    for volume in spec.get("volumes", []):
        # Of a projected volume only the Secrets: each pod has one with the cluster's CA, which comes on its own.
        projected = [
            {"secret": one["secret"]} for one in volume.get("projected", {}).get("sources", []) if "secret" in one
        ]
        for source in (volume, *projected):
            for field, plural in (("secret", "secrets"), ("configMap", "configmaps")):
                reference = source.get(field)
                if reference is not None and not reference.get("optional"):
                    yield volume["name"], plural, reference.get("secretName") or reference["name"]
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        sources = [*container.get("envFrom", []), *(one.get("valueFrom", {}) for one in container.get("env", []))]
        for source in sources:
            for field, plural in (
                ("secretRef", "secrets"),
                ("secretKeyRef", "secrets"),
                ("configMapRef", "configmaps"),
                ("configMapKeyRef", "configmaps"),
            ):
                reference = source.get(field)
                if reference is not None and not reference.get("optional"):
                    yield None, plural, reference["name"]
