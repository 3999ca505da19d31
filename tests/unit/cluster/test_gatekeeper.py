"""A Gatekeeper that does not belong to the extension of Azure Policy is found, and the extension's own is not."""

from typing import Any
from unittest.mock import create_autospec

import pytest

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.checks import gatekeeper
from arcway.domain.json_values import Json

TEMPLATES = "constrainttemplates.templates.gatekeeper.sh"


def owned(release: str | None) -> Json:
    marks = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "ns"}
    return {"annotations": marks} if release else {}


def deployment(name: str, release: str | None = None, namespace: str = "gatekeeper-system", **labels: str) -> Json:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels, **owned(release)}}


def cluster(*deployments: Json, crd: str | None = "absent") -> Any:
    """A cluster with these Deployments, and the CRD of a release (None: of no release) unless it is absent."""
    api = create_autospec(ClusterApi, instance=True)
    api.items.return_value = [*deployments]
    definition = {"metadata": {"name": TEMPLATES, **owned(crd)}}
    api.get.side_effect = lambda path: None if crd == "absent" or not path.endswith(TEMPLATES) else definition
    return api


@pytest.mark.parametrize(
    "api",
    [
        cluster(),
        cluster(deployment("web"), deployment("gatekeeper-proxy")),
        cluster(deployment("gatekeeper-audit", "azurepolicy"), crd="azurepolicy"),
        cluster(deployment("gatekeeper-audit", "azurepolicy"), crd=None),
        cluster(crd="azurepolicy"),
    ],
    ids=["empty", "others", "own", "own without marks on the CRD", "own CRD alone"],
)
def test_cluster_without_another_gatekeeper_has_no_objects(api: Any) -> None:
    assert gatekeeper.of_others(api, "azurepolicy") == []


@pytest.mark.parametrize(
    ("api", "objects"),
    [
        (cluster(crd=None), [f"CRD {TEMPLATES}"]),
        (cluster(crd="mine"), [f"CRD {TEMPLATES} of Helm release mine in namespace ns"]),
        (
            cluster(deployment("gatekeeper-audit", "azurepolicy"), crd="mine"),
            [f"CRD {TEMPLATES} of Helm release mine in namespace ns"],
        ),
        (cluster(deployment("gatekeeper-audit", namespace="ops")), ["Deployment ops/gatekeeper-audit"]),
        (
            cluster(deployment("guard", "mine", **{"gatekeeper.sh/system": "yes"})),
            ["Deployment gatekeeper-system/guard of Helm release mine in namespace ns"],
        ),
        (
            cluster(deployment("gatekeeper-controller-manager", "azurepolicy"), deployment("gatekeeper-audit", None)),
            ["Deployment gatekeeper-system/gatekeeper-audit"],
        ),
    ],
)
def test_gatekeeper_of_others_is_named_with_its_place(api: Any, objects: list[str]) -> None:
    assert gatekeeper.of_others(api, "azurepolicy") == objects
