"""A Gatekeeper in the cluster that does not belong to the extension of Azure Policy.

Azure Policy brings a Gatekeeper of its own and does not work beside another
(https://learn.microsoft.com/azure/governance/policy/concepts/policy-for-kubernetes). Helm marks what a release owns.
"""

from arcway.cluster.access.api import ClusterApi, at
from arcway.domain.json_values import Json

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_TEMPLATES = "constrainttemplates.templates.gatekeeper.sh"
_DEPLOYMENTS = "/apis/apps/v1/deployments"
_MOST_DEPLOYMENTS = 5000
# Label and names of Gatekeeper's own chart and manifests (https://open-policy-agent.github.io/gatekeeper).
_LABEL = "gatekeeper.sh/system"
_NAMES = frozenset({"gatekeeper-audit", "gatekeeper-controller", "gatekeeper-controller-manager"})


def of_others(api: ClusterApi, release: str) -> list[str]:
    """The objects of a Gatekeeper that the Helm release of the extension does not own, in words, sorted.

    Raises `ArcError`, ARC-2008 when the credential may not read them.
    """
    deployments = [item for item in api.items(_DEPLOYMENTS, most=_MOST_DEPLOYMENTS) if _is_gatekeeper(item)]
    others = [item for item in deployments if _owner(item) != release]
    objects = [
        f"Deployment {item['metadata'].get('namespace')}/{item['metadata']['name']}{_of_release(item)}"
        for item in others
    ]
    definition = api.get(at(_CRDS, _TEMPLATES))
    # Helm does not mark definitions of a chart's folder `crds`: beside the extension's own Gatekeeper they are its own.
    own = (release, None) if len(others) < len(deployments) else (release,)
    if definition is not None and _owner(definition) not in own:
        objects.append(f"CRD {_TEMPLATES}{_of_release(definition)}")
    return sorted(objects)


def _is_gatekeeper(deployment: Json) -> bool:
    labels = deployment["metadata"].get("labels") or {}
    return deployment["metadata"]["name"] in _NAMES or labels.get(_LABEL) == "yes"


def _owner(item: Json) -> str | None:
    return _annotation(item, "release-name")


def _of_release(item: Json) -> str:
    name, namespace = _annotation(item, "release-name"), _annotation(item, "release-namespace")
    return f" of Helm release {name} in namespace {namespace}" if name else ""


def _annotation(item: Json, name: str) -> str | None:
    value = (item["metadata"].get("annotations") or {}).get(f"meta.helm.sh/{name}")
    return str(value) if value is not None else None
