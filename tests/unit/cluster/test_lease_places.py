"""The Lease lives where one may write, and is found wherever another installation could write its own."""

from typing import Any, cast

import pytest

from arcway.cluster.access import lease
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.checks import permissions
from arcway.cluster.checks.permissions import Permission
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json


class Api:
    """An API server with Leases by path, some of whose namespaces are closed."""

    def __init__(self, *closed: str, code: str = Code.ADMISSION_DENIED) -> None:
        self.found: dict[str, Json] = {}
        self._closed, self._code = closed, code

    def get(self, path: str) -> Json | None:
        return self.found.get(path)

    def create(self, path: str, body: Json) -> Json | None:
        if any(f"/namespaces/{name}/" in path for name in self._closed):
            raise ArcError(self._code)
        self.found[f"{path}/arcway"] = {**body, "metadata": {**body["metadata"], "uid": "u"}}
        return self.found[f"{path}/arcway"]

    def delete(self, path: str, uid: str | None = None) -> None:
        self.found.pop(path, None)


def hold(api: Api, installation: str = "one") -> None:
    lease.acquire(cast("ClusterApi", api), installation, "run", lambda _: [])


@pytest.mark.parametrize("code", [Code.CLUSTER_PERMISSION_MISSING, Code.ADMISSION_DENIED])
def test_it_is_in_default_where_kube_system_is_closed(code: str) -> None:
    api = Api("kube-system", code=code)
    hold(api)
    hold(api)
    assert list(api.found) == ["/apis/coordination.k8s.io/v1/namespaces/default/leases/arcway"]
    with pytest.raises(ArcError, match=Code.CLUSTER_LEASE_HELD):
        hold(api, "two")
    lease.release(cast("ClusterApi", api), "one", "run")
    assert api.found == {}


def test_one_that_may_write_in_kube_system_sees_one_that_may_not() -> None:
    closed, free = Api("kube-system"), Api()
    hold(closed)
    free.found = closed.found
    with pytest.raises(ArcError, match=Code.CLUSTER_LEASE_HELD):
        hold(free, "two")


def test_where_no_place_is_writable_the_error_is_that_of_kube_system() -> None:
    with pytest.raises(ArcError, match=Code.CLUSTER_PERMISSION_MISSING):
        hold(Api("kube-system", "default", code=Code.CLUSTER_PERMISSION_MISSING))


class Reviews:
    """Allows what is asked for, but nothing about Leases in these namespaces."""

    def __init__(self, *closed: str) -> None:
        self._closed = closed

    def may(self, *attributes: str) -> bool:
        item = Permission(*attributes)
        return item.verb != "*" and not (item.resource == "leases" and item.namespace in self._closed)


def test_a_lease_that_is_possible_elsewhere_lacks_nothing() -> None:
    reviews: Any = Reviews("kube-system")
    assert permissions.missing(reviews, permissions.TO_CHANGE) == []
    nowhere: Any = Reviews("kube-system", "default")
    assert {item.resource for item in permissions.missing(nowhere, permissions.TO_CHANGE)} == {"leases"}
