"""Helm without Helm, for the rows whose fault does not hit it: the same port, the records' labels, some Deployments.

Values are kept in memory; what other parts read (records, the cluster's identity, the agents) is in the cluster.
"""

from arcway.cluster.access.api import ClusterApi, open_cluster
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.helm import Release
from arcway.domain.json_values import Json

_DEPLOYMENTS = "/apis/apps/v1/namespaces/azure-arc/deployments"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_EXTENSIONS: Json = {
    "metadata": {"name": "extensionconfigs.clusterconfig.azure.com"},
    "spec": {
        "group": "clusterconfig.azure.com",
        "scope": "Namespaced",
        "names": {"plural": "extensionconfigs", "kind": "ExtensionConfig"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}
_CONFIG = "/api/v1/namespaces/azure-arc/configmaps"
_NAMES = ("clusteridentityoperator", "cluster-metadata-operator", "config-agent", "controller-manager")


class MemoryHelm:
    """See `arcway.cluster.helm.interface.Helm`."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int], Json] = {}

    def check(self) -> None:
        """See `Helm.check`."""

    def digest_of(self, reference: str) -> str:
        return f"sha256:{reference}"

    def pull(self, reference: str, digest: str) -> bytes:
        return reference.rpartition(":")[2].encode()

    def release(self, access: Access, name: str, namespace: str, revision: int | None = None) -> Release | None:
        with open_cluster(access) as api:
            records = _records(api, name, namespace)
        if revision is not None:
            records = [record for record in records if _revision(record) == revision]
        if not records:
            return None
        labels = records[-1]["metadata"]["labels"]
        number = int(labels["version"])
        return Release(labels["status"], number, labels["chart"], self._values[access.server, number])

    def install(self, access: Access, name: str, namespace: str, chart: bytes, values: Json) -> None:
        self._deploy(access, name, namespace, chart, values)

    def upgrade(self, access: Access, name: str, namespace: str, chart: bytes, values: Json) -> None:
        self._deploy(access, name, namespace, chart, values)

    def roll_back(self, access: Access, name: str, namespace: str, revision: int) -> None:
        release = self.release(access, name, namespace, revision)
        assert release, revision
        self._deploy(access, name, namespace, release.chart_version.encode(), release.values)

    def uninstall(self, access: Access, name: str, namespace: str) -> None:
        with open_cluster(access) as api:
            for record in _records(api, name, namespace):
                api.delete(f"/api/v1/namespaces/{namespace}/secrets/{record['metadata']['name']}")
            api.delete(f"{_DEFINITIONS}/{_EXTENSIONS['metadata']['name']}")
            api.delete("/api/v1/namespaces/azure-arc")

    def _deploy(self, access: Access, name: str, namespace: str, chart: bytes, values: Json) -> None:
        version = chart.decode()
        with open_cluster(access) as api:
            for needed in (namespace, "azure-arc"):
                api.create("/api/v1/namespaces", {"metadata": {"name": needed}})
            earlier = _records(api, name, namespace)
            number = _revision(earlier[-1]) + 1 if earlier else 1
            api.create(_DEFINITIONS, _EXTENSIONS)
            _put(api, _CONFIG, "azure-clusterconfig", {"data": _identity(version, values)})
            for agent in _NAMES:
                _put(api, _DEPLOYMENTS, agent, {"spec": _deployment(agent)})
            for record in earlier:
                record["metadata"]["labels"]["status"] = "superseded"
                api.replace(f"/api/v1/namespaces/{namespace}/secrets/{record['metadata']['name']}", record)
            labels = {"owner": "helm", "name": name, "status": "deployed", "version": str(number), "chart": version}
            metadata = {"name": f"sh.helm.release.v1.{name}.v{number}", "labels": labels}
            body = {"type": "helm.sh/release.v1", "metadata": metadata}
            assert api.create(f"/api/v1/namespaces/{namespace}/secrets", body)
        self._values[access.server, number] = values


def _records(api: ClusterApi, name: str, namespace: str) -> list[Json]:
    records = api.items(f"/api/v1/namespaces/{namespace}/secrets", labelSelector=f"owner=helm,name={name}")
    return sorted(records, key=_revision)


def _revision(record: Json) -> int:
    return int(record["metadata"]["labels"]["version"])


def _put(api: ClusterApi, path: str, name: str, body: Json) -> None:
    body = {"metadata": {"name": name}, **body}
    if api.create(path, body) is None:
        existing = api.get(f"{path}/{name}")
        assert existing
        api.replace(f"{path}/{name}", {**existing, **body, "metadata": existing["metadata"]})


def _identity(version: str, values: Json) -> dict[str, str]:
    global_values = values["global"]
    return {
        "AZURE_SUBSCRIPTION_ID": global_values["subscriptionId"],
        "AZURE_RESOURCE_GROUP": global_values["resourceGroupName"],
        "AZURE_RESOURCE_NAME": global_values["resourceName"],
        "AZURE_REGION": global_values["location"],
        "AZURE_TENANT_ID": global_values["tenantId"],
        "AZURE_ARC_AGENT_VERSION": version,
        "AZURE_ARC_AUTOUPDATE": str(values["systemDefaultValues"]["azureArcAgents"]["autoUpdate"]).lower(),
        "ARC_AGENT_RELEASE_TRAIN": values["systemDefaultValues"]["azureArcAgents"]["releaseTrain"],
        "KUBERNETES_DISTRO": global_values["kubernetesDistro"],
        "KUBERNETES_INFRA": global_values["kubernetesInfra"],
        "ONBOARDING_SECRET_NAME": "azure-arc-connect-privatekey",
    }


def _deployment(name: str) -> Json:
    labels = {"app": name}
    container = {"name": name, "image": "registry.test/agent:1"}
    return {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
