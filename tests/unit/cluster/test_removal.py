"""A CRD whose deletion the API server abandoned is touched, so that it retries."""

from typing import Any
from unittest.mock import create_autospec

import pytest

from arcway.cluster.access import lease
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.agents import removal
from arcway.cluster.agents.release import Target
from arcway.cluster.constants import DEFINITIONS
from arcway.cluster.helm import Helm
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.leftovers import describe_all, leftover

NAME = "gitconfigs.clusterconfig.azure.com"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
OWNED = {"meta.helm.sh/release-name": "azure-arc", "meta.helm.sh/release-namespace": "azure-arc-release"}
VERSION = {"name": "v1", "served": True, "storage": True}
ACCESS = Access("https://x", "CA", token="token")


def cluster(reason: str | None, *, going: bool = True) -> Any:
    """A cluster in which nothing but one definition is left."""
    metadata = {"name": NAME, "resourceVersion": "7"} | ({"deletionTimestamp": "now"} if going else {})
    conditions = [{"type": "Terminating", "status": "True", "reason": reason}] if reason else []
    item = {"metadata": metadata, "status": {"conditions": conditions}}
    api = create_autospec(ClusterApi, instance=True)
    api.get.return_value = None
    api.items.side_effect = lambda path, **_: [item] if path == DEFINITIONS else []
    return api


def look(api: Any, *, during_connect: bool) -> None:
    helm = create_autospec(Helm, instance=True)
    if during_connect:
        assert (removal.finish(helm, api, ACCESS)[0] or "").startswith(f"CRD {NAME}")
    else:
        target = Target(helm, api, ACCESS, lease.AcquiredLease(frozenset()))
        remaining = removal.remove(target, ClusterId("s", "g", "n"), force=False)
        assert describe_all(remaining.leftovers) == [f"CRD {NAME}"]


@pytest.mark.parametrize("during_connect", [False, True])
def test_it_is_changed_so_that_the_server_looks_again(during_connect: bool) -> None:
    api = cluster("InstanceDeletionFailed")
    look(api, during_connect=during_connect)
    api.annotate.assert_called_once_with(f"{DEFINITIONS}/{NAME}", {"arcway.dev/asked-again": "7"})
    api.delete.assert_not_called()


@pytest.mark.parametrize("during_connect", [False, True])
@pytest.mark.parametrize("reason", [None, "InstanceDeletionInProgress"])
def test_one_that_the_server_works_on_is_left_alone(reason: str | None, during_connect: bool) -> None:
    api = cluster(reason)
    look(api, during_connect=during_connect)
    api.annotate.assert_not_called()


def test_one_that_is_not_going_is_deleted() -> None:
    api = cluster(None, going=False)
    look(api, during_connect=False)
    api.delete.assert_called_once_with(f"{DEFINITIONS}/{NAME}")


def test_one_part_that_cannot_be_changed_keeps_no_other_one() -> None:
    going = {"deletionTimestamp": "now", "resourceVersion": "7", "finalizers": ["example.com/never"]}
    role = {"metadata": {"name": "azure-arc-x", "annotations": OWNED, **going}}
    definition = {
        "metadata": {"name": NAME, **going},
        "spec": {"group": "clusterconfig.azure.com", "names": {"plural": "gitconfigs"}, "versions": [VERSION]},
    }
    api = create_autospec(ClusterApi, instance=True)
    api.get.side_effect = lambda path, **_: role if path == f"{ROLES}/azure-arc-x" else None

    def items(path: str, **_: Any) -> list[Any]:
        if path.endswith("/gitconfigs"):
            raise ArcError(Code.KUBERNETES_API_ERROR, "conversion webhook failed")
        return [definition] if path == DEFINITIONS else [role] if path == ROLES else []

    api.items.side_effect = items
    target = Target(create_autospec(Helm, instance=True), api, ACCESS, lease.AcquiredLease(frozenset()))
    remaining = removal.remove(target, ClusterId("s", "g", "n"), force=True)
    assert remaining.leftovers == [
        leftover("CustomResourceDefinition", NAME, reason="Terminating"),
        leftover("ClusterRole", "azure-arc-x", reason="Terminating"),
    ]
    path, body = api.replace.call_args.args
    assert (path, body["metadata"]["finalizers"]) == (f"{ROLES}/azure-arc-x", [])
