"""The release of an extension in a cluster: whether its Deployments are Ready, and why they are not.

Helm marks what it installs with a label and the name and namespace of the release
(https://helm.sh/docs/howto/charts_tips_and_tricks/), so the extension's own objects are recognised wherever they are.
"""

from datetime import UTC, datetime

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.agents import health
from arcway.cluster.agents.health import Verdict, Workloads
from arcway.cluster.agents.pod_failures import Hindrance, Item
from arcway.cluster.constants import NAMESPACE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.text import counted, listed

_CUSTOM_RESOURCES = f"/apis/clusterconfig.azure.com/v1beta1/namespaces/{NAMESPACE}/extensionconfigs"
_BY_HELM = "app.kubernetes.io/managed-by=Helm"
_MOST_DEPLOYMENTS, _MOST_PODS, _MOST_EVENTS = 5000, 5000, 5000
_NAMED = 20


def check(api: ClusterApi, name: str, namespace: str | None) -> Verdict:
    """Read the Deployments of the extension's release once; `namespace` is that of the release, None if not known.

    Raises `ArcError` for what waiting will never fix.
    """
    deployments = _deployments(api, name, namespace)
    waiting = [item for item in deployments if not health.is_ready(item)]
    ready = len(deployments) - len(waiting)
    summary = f"{ready} of {counted(len(deployments), 'Deployment')} ready" if deployments else "no Deployments"
    if not waiting:
        return Verdict(True, summary)
    hindrances = _hindrances(api, waiting)
    names = listed(sorted(f"{_place(item)}/{item['metadata']['name']}" for item in waiting), _NAMED)
    detail = f"{summary}; waiting for {names}"
    if not hindrances:
        return Verdict(False, detail)
    hindrance = min(hindrances, key=lambda item: (not item.final, not item.settled))
    if hindrance.final:
        raise hindrance.error
    return Verdict(False, f"{detail}. {hindrance.error.message}", hindrance)


def remaining(api: ClusterApi, name: str) -> list[Item]:
    """What of the extension is still in the cluster: its Deployments and the agents' custom resource."""
    items = _deployments(api, name, None)
    own = api.get(at(_CUSTOM_RESOURCES, name))
    return [*items, *([own] if own else [])]


def _deployments(api: ClusterApi, name: str, namespace: str | None) -> list[Item]:
    items = api.items("/apis/apps/v1/deployments", most=_MOST_DEPLOYMENTS, labelSelector=_BY_HELM)
    return [item for item in items if _is_of(item, name, namespace)]


def _is_of(item: Item, name: str, namespace: str | None) -> bool:
    annotations = item["metadata"].get("annotations") or {}
    of_namespace = annotations.get("meta.helm.sh/release-namespace")
    return annotations.get("meta.helm.sh/release-name") == name and namespace in (None, of_namespace)


def _hindrances(api: ClusterApi, deployments: list[Item]) -> list[Hindrance]:
    """Why they are not Ready, as far as the credential may read it."""
    now, hindrances = datetime.now(UTC), list[Hindrance]()
    for namespace in sorted({_place(item) for item in deployments}):
        own = [item for item in deployments if _place(item) == namespace]
        base = f"/api/v1/namespaces/{namespace}"
        try:
            pods = [*api.items(f"{base}/pods", most=_MOST_PODS)]
            events = [*api.items(f"{base}/events", most=_MOST_EVENTS, fieldSelector="type=Warning")]
        except ArcError as error:
            if error.code not in (Code.CLUSTER_PERMISSION_MISSING, Code.KUBERNETES_RESPONSE_INVALID):
                raise
            continue
        world = Workloads(own, pods, events)
        hindrances += [hindrance for item in own for hindrance in health.hindrances_of(item, world, now)]
    return hindrances


def _place(item: Item) -> str:
    return str(item["metadata"].get("namespace"))
