"""What earlier agents left in a cluster, and whose objects outside the namespaces are the agents'.

Must not know how anything is removed.
"""

import re
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.cluster.key_pair import RELEASE, RELEASE_NAMESPACE
from arcway.cluster.release import records
from arcway.domain.findings import finding
from arcway.domain.text import listed

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
# What `az connectedk8s delete --force` sweeps; the suffix is the cloud's. Other definitions in these groups belong to
# extensions.
_KNOWN_DEFINITION = re.compile(
    r"(arccertificates|azureclusteridentityrequests|azureextensionidentities|customlocationsettings|extensionconfigs"
    r"|gitconfigs)\.clusterconfig\.azure\..+|connectedclusters\.arc\.azure\..+"
)
_WELL = ("deployed", "superseded")
_SHOWN = 3

type Json = dict[str, Any]


def is_of_the_release(item: Json, *, definition: bool) -> bool:
    """Whether the object is the agents': by Helm's annotations, a definition without them by its name."""
    annotations = item["metadata"].get("annotations") or {}
    release = annotations.get("meta.helm.sh/release-name")
    if release is None:
        return definition and bool(_KNOWN_DEFINITION.fullmatch(item["metadata"]["name"]))
    return bool(release == RELEASE and annotations.get("meta.helm.sh/release-namespace") == RELEASE_NAMESPACE)


def inspect(api: ClusterApi) -> list[Json]:
    """What the run will take over or repair by itself."""
    found = records(api)
    if found:
        status = found[-1]["metadata"]["labels"].get("status", "")
        if status in _WELL:
            return []
        return [finding("ARC-2020", f"Release {RELEASE} is {status}; it will be repaired.", "info")]
    names = [item["metadata"]["name"] for item in api.items(DEFINITIONS) if is_of_the_release(item, definition=True)]
    if not names:
        return []
    text = f"Definitions of earlier agents are there without a release: {listed(sorted(names), _SHOWN)}"
    return [finding("ARC-2020", f"{text}; they will be taken over.", "info")]
