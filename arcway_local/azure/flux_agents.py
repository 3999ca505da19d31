"""fluxconfig-agent and Flux's controllers, simulated: they apply the Flux configurations that Azure has for a cluster.

They act only while config-agent is Ready and the extension microsoft.flux is Succeeded. Nothing is fetched: each
Kustomization applies one ConfigMap.
"""

import asyncio
import base64
import json
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from arcway_local.azure import flux_objects
from arcway_local.azure.agent_work import AgentWork
from arcway_local.azure.arc_client import ArcClient, NotYet
from arcway_local.azure.extension_release import FINALIZER
from arcway_local.azure.flux_objects import FLUX_CONFIGS, KUSTOMIZATIONS, SOURCE_OBJECTS, Api, collection_of
from arcway_local.azure.flux_rules import is_ssh
from arcway_local.azure.flux_shapes import SOURCES, hidden
from arcway_local.azure.flux_status import Condition, Outlook, condition_form, outlook, status_form
from arcway_local.azure.kube_client import KubeClient
from arcway_local.azure.subscriptions import now

_ALL_FLUX_CONFIGS = f"/apis/{FLUX_CONFIGS[0]}/{FLUX_CONFIGS[1]}"
_FAILED_CODE = "FluxConfigurationOperationFailed"
_KEY_SIZE = 2048


class FluxAgents:
    """The Flux configurations of one cluster. `caller` names the cluster and has its identity."""

    def __init__(self, cluster: KubeClient, service: ArcClient, caller: dict[str, str]) -> None:
        self._cluster = cluster
        self._service = service
        self._caller = caller
        self._work = AgentWork(cluster, ("config-agent",), "Flux configuration")

    async def follow(self, configurations: list[dict[str, Any]], *, is_supported: bool) -> None:
        """Start what is to be done for each configuration, and for each FluxConfig that Azure has none of."""
        if not is_supported:
            # The controllers that would act on them are not in the cluster.
            await self._work.stop()
            return
        names = set()
        for desired in configurations:
            name = f"{desired['properties']['namespace']}/{desired['name']}"
            names.add(name)
            if desired["state"] in ("Creating", "Updating", "Deleting", "Succeeded"):
                purpose = json.dumps([desired["operationId"], desired["order"]])
                await self._work.start(name, purpose, partial(self._act, desired))
        for item in await self._cluster.items(_ALL_FLUX_CONFIGS):
            namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
            if f"{namespace}/{name}" not in names:
                await self._work.start(f"{namespace}/{name}", "removed", partial(self._remove, namespace, name))

    async def stop(self) -> None:
        """Stop what is being done."""
        await self._work.stop()

    # --- one configuration --------------------------------------------------------------------------------------------

    async def _act(self, desired: dict[str, Any]) -> None:
        order = desired["order"]
        if order.get("hang"):
            return
        if desired["state"] == "Deleting":
            await self._remove(desired["properties"]["namespace"], desired["name"])
            await self._report(desired, {"status": "Succeeded"})
        elif order.get("message") and desired["state"] != "Succeeded":
            code = order.get("code", _FAILED_CODE)
            await self._report(desired, {"status": "Failed", "code": code, "message": order["message"]})
        else:
            await self._apply(desired)

    async def _report(self, desired: dict[str, Any], outcome: dict[str, Any]) -> None:
        report = {**outcome, "operationId": desired["operationId"]}
        await self._service.ask("flux-report", {**self._caller, "report": report})

    async def _apply(self, desired: dict[str, Any]) -> None:
        """Bring the objects into the cluster, reconcile them, and report. Raises `NotYet` to do it once more."""
        properties = desired["properties"]
        visible, secrets = hidden(properties)
        await self._prepare_namespace(properties["namespace"])
        secret, public_key = await self._provide_credentials(desired, secrets)
        await self._put(FLUX_CONFIGS, flux_objects.flux_config(desired, visible, secret))
        await self._put(SOURCE_OBJECTS[properties["sourceKind"]], flux_objects.source_object(desired, visible, secret))
        for kustomization in properties["kustomizations"].values():
            await self._put(KUSTOMIZATIONS, flux_objects.kustomization_object(desired, kustomization))
        await self._remove_stale(desired)
        outcome = {"status": "Succeeded", "publicKey": public_key}
        if properties["suspend"]:
            await self._report(desired, {**outcome, "compliance": {"complianceState": "Suspended"}})
            return
        missing = await self._missing_secret(properties)
        compliance = await self._reconcile(desired, outlook(desired, missing))
        await self._report(desired, {**outcome, "compliance": compliance})
        if missing:
            raise NotYet(f"Secret {missing}")

    async def _prepare_namespace(self, namespace: str) -> None:
        if await self._cluster.get(f"/api/v1/namespaces/{namespace}") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await self._cluster.apply("/api/v1/namespaces", body)
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        if await self._cluster.get(f"{accounts}/{flux_objects.APPLIER}") is None:
            metadata = {"name": flux_objects.APPLIER, "namespace": namespace}
            await self._cluster.apply(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    async def _provide_credentials(
        self, desired: dict[str, Any], secrets: dict[str, str]
    ) -> tuple[str | None, str | None]:
        """The name of the configuration's own Secret, and the public key that was made for the repository."""
        properties = desired["properties"]
        namespace, name = properties["namespace"], flux_objects.secret_name(desired["name"])
        if data := flux_objects.credentials(properties, secrets):
            await self._cluster.put_secret(namespace, name, data)
            return name, None
        source = properties[SOURCES[properties["sourceKind"]]]
        if source["localAuthRef"] or not is_ssh(source["url"]):
            await self._cluster.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}")
            return None, None
        stored = ((await self._cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")) or {}).get("data") or {}
        if "identity.pub" in stored:
            # The repository knows this key by now.
            return name, base64.b64decode(stored["identity.pub"]).decode()
        pair = await asyncio.to_thread(_new_pair)
        await self._cluster.put_secret(namespace, name, {**pair, **flux_objects.known_hosts(properties)})
        return name, pair["identity.pub"]

    async def _missing_secret(self, properties: dict[str, Any]) -> str | None:
        name: str | None = properties[SOURCES[properties["sourceKind"]]]["localAuthRef"]
        path = f"/api/v1/namespaces/{properties['namespace']}/secrets/{name}"
        return name if name and await self._cluster.get(path) is None else None

    async def _reconcile(self, desired: dict[str, Any], result: Outlook) -> dict[str, Any]:
        """Apply what is ready, in the order of dependsOn; returns what Azure is to show."""
        properties = desired["properties"]
        namespace = properties["namespace"]
        source = SOURCE_OBJECTS[properties["sourceKind"]]
        statuses = [status_form(result.source, desired, await self._set_ready(source, namespace, result.source))]
        for key, condition in result.kustomizations.items():
            if condition.status == "True":
                body = flux_objects.applied_object(desired, properties["kustomizations"][key])
                await self._cluster.apply(f"/api/v1/namespaces/{namespace}/configmaps", body)
            changed = await self._set_ready(KUSTOMIZATIONS, namespace, condition)
            statuses.append(status_form(condition, desired, changed))
        path = f"{collection_of(FLUX_CONFIGS, namespace)}/{desired['name']}"
        status = ((await self._cluster.get(path)) or {}).get("status") or {}
        current = {"complianceState": result.compliance, "observedOperationId": desired["operationId"]}
        changed = status["changed"] if status == {**current, "changed": status.get("changed")} else now()
        await self._cluster.put_status(path, {**current, "changed": changed})
        statuses += [status_form(condition, desired, changed) for condition in result.others]
        compliance: dict[str, Any] = {"complianceState": result.compliance, "statuses": statuses}
        if result.source.status == "True":
            compliance["sourceSyncedCommitId"] = flux_objects.revision_of(properties)
        return compliance

    async def _set_ready(self, api: Api, namespace: str, condition: Condition) -> str:
        """Write the condition of an object, unless it has it; returns since when."""
        path = f"{collection_of(api, namespace)}/{condition.name}"
        status = ((await self._cluster.get(path)) or {}).get("status") or {}
        form = condition_form(condition)
        for current in status.get("conditions") or []:
            if {name: current.get(name) for name in form} == form:
                return str(current["lastTransitionTime"])
        changed = now()
        await self._cluster.put_status(path, {"conditions": [{**form, "lastTransitionTime": changed}]})
        return changed

    # --- objects ------------------------------------------------------------------------------------------------------

    async def _put(self, api: Api, body: dict[str, Any]) -> None:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        collection = collection_of(api, namespace)
        existing = await self._cluster.get(f"{collection}/{name}")
        if existing and "deletionTimestamp" in existing["metadata"]:
            await self._delete(f"{collection}/{name}")
        await self._cluster.apply(collection, body)

    async def _remove_stale(self, desired: dict[str, Any]) -> None:
        """Remove what an earlier form of the configuration had: kustomizations, and sources of another kind."""
        properties, name = desired["properties"], desired["name"]
        namespace, query = properties["namespace"], flux_objects.of_configuration(properties["namespace"], name)
        wanted = {f"{name}-{key}" for key in properties["kustomizations"]}
        for item in await self._cluster.items(f"{collection_of(KUSTOMIZATIONS, namespace)}{query}"):
            if item["metadata"]["name"] not in wanted:
                await self._remove_kustomization(item)
        for api in set(SOURCE_OBJECTS.values()) - {SOURCE_OBJECTS[properties["sourceKind"]]}:
            for item in await self._cluster.items(f"{collection_of(api, namespace)}{query}"):
                await self._delete(f"{collection_of(api, namespace)}/{item['metadata']['name']}")

    async def _remove(self, namespace: str, name: str) -> None:
        """Remove everything of a configuration but its namespace. Raises `NotYet` while something is held."""
        query = flux_objects.of_configuration(namespace, name)
        for item in await self._cluster.items(f"{collection_of(KUSTOMIZATIONS, namespace)}{query}"):
            await self._remove_kustomization(item)
        for api in set(SOURCE_OBJECTS.values()):
            for item in await self._cluster.items(f"{collection_of(api, namespace)}{query}"):
                await self._delete(f"{collection_of(api, namespace)}/{item['metadata']['name']}")
        secrets = f"/api/v1/namespaces/{namespace}/secrets"
        await self._cluster.delete(f"{secrets}/{flux_objects.secret_name(name)}")
        await self._delete(f"{collection_of(FLUX_CONFIGS, namespace)}/{name}")
        if not await self._cluster.items(collection_of(FLUX_CONFIGS, namespace)):
            await self._cluster.delete(f"/api/v1/namespaces/{namespace}/serviceaccounts/{flux_objects.APPLIER}")

    async def _remove_kustomization(self, item: dict[str, Any]) -> None:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        if (item.get("spec") or {}).get("prune"):
            applied = f"/api/v1/namespaces/{namespace}/configmaps"
            for config_map in await self._cluster.items(f"{applied}{flux_objects.of_kustomization(namespace, name)}"):
                await self._cluster.delete(f"{applied}/{config_map['metadata']['name']}")
        await self._delete(f"{collection_of(KUSTOMIZATIONS, namespace)}/{name}")

    async def _delete(self, path: str) -> None:
        """Delete an object with the finalizer of Flux. Raises `NotYet` when a finalizer of another holds it."""
        await self._cluster.delete(path)
        await self._cluster.finalize(path, FINALIZER)
        if await self._cluster.get(path) is not None:
            raise NotYet(f"{path} to be gone")


def _new_pair() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_SIZE)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return {"identity": private, "identity.pub": public}
