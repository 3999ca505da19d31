"""config-agent and extension-manager, simulated: they make releases of the extensions that Azure has for a cluster.

They act only while their Deployments are Ready, as real ones do; the chart has no extension-manager, so
controller-manager stands for it. An install is atomic, as with Helm: what does not become Ready is removed again.
"""

import asyncio
import logging
import time
from typing import Any

from arcway_local.azure.arc_client import ArcClient, NotYet
from arcway_local.azure.extension_release import (
    CUSTOM_RESOURCES,
    custom_resource,
    deployment,
    namespace_of,
    release_record,
    release_record_name,
    workloads_of,
)
from arcway_local.azure.kube_client import KubeClient, KubeError
from arcway_local.azure.transitions import Paces

log = logging.getLogger(__name__)

_AGENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"
_NEEDED = ("config-agent", "controller-manager")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_FAILED_CODE = "InstallationFailed"


class _Failed(Exception):
    """The release does not come about; the text is Helm's."""


class ExtensionAgents:
    """The extensions of one cluster. `token` is the cluster's identity."""

    def __init__(self, cluster: KubeClient, service: ArcClient, resource_id: str, token: str, paces: Paces) -> None:
        self._cluster = cluster
        self._service = service
        self._caller = {"resourceId": resource_id, "token": token}
        self._paces = paces
        self._work: dict[str, tuple[str, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Follow what Azure wants until canceled."""
        known, pause = 0, _FIRST_PAUSE
        try:
            while True:
                try:
                    await self._need_agents()
                    answer = await self._service.ask("extensions", {**self._caller, "known": known})
                    await self._follow(answer["extensions"])
                    known, pause = answer["revision"], _FIRST_PAUSE
                except (NotYet, KubeError) as reason:
                    log.debug("extensions: %s", reason)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            tasks = [task for _, task in self._work.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _need_agents(self) -> None:
        for name in _NEEDED:
            workload = await self._cluster.get(f"{_AGENTS}/{name}")
            if not workload or not (workload.get("status") or {}).get("readyReplicas"):
                raise NotYet(f"{name} to be Ready")

    async def _follow(self, extensions: list[dict[str, Any]]) -> None:
        """Start what is to be done for each extension, and for each custom resource that Azure has no extension of."""
        for desired in extensions:
            if desired["state"] in ("Creating", "Updating", "Deleting"):
                await self._start(desired["name"], desired["operationId"], desired)
        names = {desired["name"] for desired in extensions}
        for item in await self._cluster.items(CUSTOM_RESOURCES):
            if item["metadata"]["name"] not in names:
                await self._start(item["metadata"]["name"], "removed", None)

    async def _start(self, name: str, operation_id: str, desired: dict[str, Any] | None) -> None:
        previous_operation, previous = self._work.get(name, ("", None))
        if previous_operation == operation_id:
            return
        if previous:
            previous.cancel()
            await asyncio.gather(previous, return_exceptions=True)
        task = asyncio.create_task(self._repeat(name, desired), name=f"extension {name}")
        self._work[name] = (operation_id, task)

    async def _repeat(self, name: str, desired: dict[str, Any] | None) -> None:
        """Work at one extension until it is done and reported."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._need_agents()
                if desired is None:
                    await self._uninstall(name)
                elif not desired["order"].get("hang"):
                    await self._report(desired, await self._outcome(desired))
                return
            except (NotYet, KubeError) as reason:
                log.debug("extension %s: %s", name, reason)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _outcome(self, desired: dict[str, Any]) -> dict[str, Any]:
        if desired["state"] == "Deleting":
            await self._uninstall(desired["name"])
            return {"status": "Succeeded"}
        try:
            await self._install(desired)
        except _Failed as failure:
            code = desired["order"].get("code", _FAILED_CODE)
            return {"status": "Failed", "code": code, "message": str(failure)}
        return {"status": "Succeeded", "version": desired["version"]}

    async def _report(self, desired: dict[str, Any], outcome: dict[str, Any]) -> None:
        if desired["state"] != "Deleting":
            status = {"status": outcome["status"], "message": outcome.get("message", "")}
            synced = {"isSyncedWithAzure": True}
            status |= {"observedOperationId": desired["operationId"], "syncStatus": synced}
            await self._cluster.put_status(f"{CUSTOM_RESOURCES}/{desired['name']}", status)
        report = {**outcome, "operationId": desired["operationId"]}
        await self._service.ask("extension-report", {**self._caller, "report": report})

    async def _install(self, desired: dict[str, Any]) -> None:
        """Install or upgrade the release. Raises `_Failed` with Helm's text."""
        name, protected = desired["name"], None
        if desired["protected"]:
            protected = _protected_name(name)
            await self._cluster.put_secret("azure-arc", protected, desired["protected"])
        await self._cluster.apply(CUSTOM_RESOURCES, custom_resource(desired, protected))
        if message := desired["order"].get("message"):
            raise _Failed(message)
        workloads = workloads_of(desired)
        for namespace in sorted({namespace_of(desired), *(namespace for namespace, _ in workloads)}):
            if await self._cluster.get(f"/api/v1/namespaces/{namespace}") is None:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
                await self._cluster.apply("/api/v1/namespaces", body)
        await self._refuse_others(desired, workloads)
        revisions = await self._revisions(name)
        revision = max(revisions.values(), default=0) + 1
        for namespace, workload in workloads:
            body = deployment(desired, namespace, workload)
            await self._cluster.apply(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
        await self._wait_for_pods(desired, workloads, is_first=not revisions)
        for path in revisions:
            await self._cluster.delete(path)
        secrets = f"/api/v1/namespaces/{namespace_of(desired)}/secrets"
        await self._cluster.apply(secrets, release_record(desired, revision, "deployed"))

    async def _refuse_others(self, desired: dict[str, Any], workloads: list[tuple[str, str]]) -> None:
        for namespace, workload in workloads:
            existing = await self._cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{workload}")
            annotations = ((existing or {}).get("metadata") or {}).get("annotations") or {}
            if existing and annotations.get("meta.helm.sh/release-name") != desired["name"]:
                raise _Failed(
                    f'Unable to continue with install: Deployment "{workload}" in namespace "{namespace}" exists and '
                    "cannot be imported into the current release: invalid ownership metadata"
                )

    async def _wait_for_pods(
        self, desired: dict[str, Any], workloads: list[tuple[str, str]], *, is_first: bool
    ) -> None:
        deadline, pause = time.monotonic() + self._paces.release.seconds, _FIRST_PAUSE
        while unready := await self._unready(workloads):
            if time.monotonic() >= deadline:
                name, text = desired["name"], f"Deployment is not ready: {unready}. 0 out of 1 expected pods are ready"
                if is_first:
                    await self._remove(name, with_custom_resource=False)
                    text = f"release {name} failed, and has been uninstalled due to atomic being set: {text}"
                raise _Failed(f"Helm installation failed: {text}: timed out waiting for the condition")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _unready(self, workloads: list[tuple[str, str]]) -> str | None:
        for namespace, workload in workloads:
            item = await self._cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{workload}") or {}
            status = item.get("status") or {}
            generation = (item.get("metadata") or {}).get("generation")
            if not status.get("readyReplicas") or status.get("observedGeneration", generation) != generation:
                return f"{namespace}/{workload}"
        return None

    async def _uninstall(self, name: str) -> None:
        await self._remove(name, with_custom_resource=True)

    async def _remove(self, name: str, *, with_custom_resource: bool) -> None:
        for item in await self._cluster.items("/apis/apps/v1/deployments"):
            metadata = item["metadata"]
            if (metadata.get("annotations") or {}).get("meta.helm.sh/release-name") == name:
                path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}"
                await self._cluster.delete(path)
        for path in await self._revisions(name):
            await self._cluster.delete(path)
        if with_custom_resource:
            await self._cluster.delete(f"/api/v1/namespaces/azure-arc/secrets/{_protected_name(name)}")
            await self._cluster.delete(f"{CUSTOM_RESOURCES}/{name}")

    async def _revisions(self, name: str) -> dict[str, int]:
        """The paths of the Secrets of the release, and their revisions."""
        query = f"?labelSelector=owner%3Dhelm%2Cname%3D{name}"
        items = await self._cluster.items(f"/api/v1/secrets{query}")
        return {_path_of(item): int(item["metadata"]["labels"]["version"]) for item in items}


def _path_of(secret: dict[str, Any]) -> str:
    metadata = secret["metadata"]
    name = release_record_name(metadata["labels"]["name"], int(metadata["labels"]["version"]))
    return f"/api/v1/namespaces/{metadata['namespace']}/secrets/{name}"


def _protected_name(name: str) -> str:
    return f"{name}-protected-parameters"
