"""config-agent and extension-manager, simulated: they make releases of the extensions that Azure has for a cluster.

They act only while their Deployments are Ready, as real ones do; the chart has no extension-manager, so
controller-manager stands for it. An install is atomic, as with Helm: what does not become Ready is removed again.
"""

import asyncio
import time
from functools import partial
from typing import Any

from arcway_local.azure.agent_work import FIRST_PAUSE, LONGEST_PAUSE, AgentWork
from arcway_local.azure.arc_client import ArcClient, NotYet
from arcway_local.azure.extension_release import (
    CUSTOM_RESOURCES,
    FINALIZER,
    conflict,
    custom_resource,
    definition,
    deployment,
    namespace_of,
    release_record,
    release_record_name,
    workloads_of,
)
from arcway_local.azure.kube_client import KubeClient
from arcway_local.azure.transitions import Paces

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NEEDED = ("config-agent", "controller-manager")
_FAILED_CODE = "InstallationFailed"


class _Failed(Exception):
    """The release does not come about; the text is Helm's."""


class ExtensionAgents:
    """The extensions of one cluster. `caller` names the cluster and has its identity."""

    def __init__(self, cluster: KubeClient, service: ArcClient, caller: dict[str, str], paces: Paces) -> None:
        self._cluster = cluster
        self._service = service
        self._caller = caller
        self._paces = paces
        self._work = AgentWork(cluster, _NEEDED, "extension")

    async def follow(self, extensions: list[dict[str, Any]]) -> None:
        """Start what is to be done for each extension, and for each custom resource that Azure has no extension of."""
        for desired in extensions:
            if desired["state"] in ("Creating", "Updating", "Deleting"):
                await self._work.start(desired["name"], desired["operationId"], partial(self._act, desired))
        names = {desired["name"] for desired in extensions}
        for item in await self._cluster.items(CUSTOM_RESOURCES):
            name = item["metadata"]["name"]
            if name not in names:
                await self._work.start(name, "removed", partial(self._uninstall, name))

    async def stop(self) -> None:
        """Stop what is being done."""
        await self._work.stop()

    async def _act(self, desired: dict[str, Any]) -> None:
        if not desired["order"].get("hang"):
            await self._report(desired, await self._outcome(desired))

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
        await self._refuse_others(desired, workloads)
        for namespace in sorted({namespace_of(desired), *(namespace for namespace, _ in workloads)}):
            if await self._cluster.get(f"/api/v1/namespaces/{namespace}") is None:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
                await self._cluster.apply("/api/v1/namespaces", body)
        await self._define(desired)
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

    async def _define(self, desired: dict[str, Any]) -> None:
        """Create the CRDs of the release. Raises `NotYet` while one of an earlier release is being deleted."""
        for item in desired["definitions"]:
            existing = await self._cluster.get(f"{_DEFINITIONS}/{item[0]}")
            if existing is None:
                await self._cluster.apply(_DEFINITIONS, definition(desired, *item))
            elif "deletionTimestamp" in existing["metadata"]:
                # Objects of an earlier release were left with finalizers; its controllers are back for them.
                await self._finalize_objects(existing)
                raise NotYet(f"{item[0]} to be gone")

    async def _finalize_objects(self, existing: dict[str, Any]) -> None:
        spec = existing["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}"
        for item in await self._cluster.items(f"{path}/{spec['names']['plural']}"):
            namespace = item["metadata"].get("namespace")
            parent = f"{path}/namespaces/{namespace}" if namespace else path
            await self._cluster.finalize(f"{parent}/{spec['names']['plural']}/{item['metadata']['name']}", FINALIZER)

    async def _refuse_others(self, desired: dict[str, Any], workloads: list[tuple[str, str]]) -> None:
        """Raises `_Failed` with Helm's text when an object of the release is there and belongs to another."""
        paths = [f"{_DEFINITIONS}/{item[0]}" for item in desired["definitions"]]
        paths += [f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}" for namespace, name in workloads]
        for path in paths:
            existing = await self._cluster.get(path)
            if existing and (message := conflict(desired, existing)):
                raise _Failed(message)

    async def _wait_for_pods(
        self, desired: dict[str, Any], workloads: list[tuple[str, str]], *, is_first: bool
    ) -> None:
        deadline, pause = time.monotonic() + self._paces.release.seconds, FIRST_PAUSE
        while unready := await self._unready(workloads):
            if time.monotonic() >= deadline:
                name, text = desired["name"], f"Deployment is not ready: {unready}. 0 out of 1 expected pods are ready"
                if is_first:
                    await self._remove(name, with_custom_resource=False)
                    text = f"release {name} failed, and has been uninstalled due to atomic being set: {text}"
                raise _Failed(f"Helm installation failed: {text}: timed out waiting for the condition")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

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
        for item in await self._cluster.items(_DEFINITIONS):
            metadata = item["metadata"]
            if (metadata.get("annotations") or {}).get("meta.helm.sh/release-name") == name:
                await self._cluster.delete(f"{_DEFINITIONS}/{metadata['name']}")
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
