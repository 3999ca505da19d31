"""Who removes a temporary ServiceAccount with its own token knows when it is gone and when it only cannot tell."""

import base64
import json
import time
from typing import cast

import pytest

from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.checks import permissions
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json

NAME = "arcway-tmp-shop-0123456789"


def jwt(seconds: float) -> str:
    body = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + seconds)}).encode()).decode().rstrip("=")
    return f"e30.{body}.x"


class Api:
    """An API server that answers every look alike, and keeps what was deleted."""

    def __init__(self, answer: Json | str | None, *, may: bool | str = False) -> None:
        self._answer = answer
        self._may = may
        self.deleted: list[str] = []

    def get(self, path: str) -> Json | None:
        if isinstance(self._answer, str):
            raise ArcError(self._answer)
        return self._answer

    def may(self, *_: str, **__: str) -> bool:
        if isinstance(self._may, str):
            raise ArcError(self._may)
        return self._may

    def delete(self, path: str, uid: str) -> None:
        assert uid == "u"
        self.deleted.append(path.rpartition("/v1/")[2])


def item(**labels: str) -> Json:
    return {"metadata": {"name": NAME, "uid": "u", "labels": labels}}


OURS = item(**{"app.kubernetes.io/managed-by": "arcway"})


@pytest.mark.parametrize(
    ("api", "token"),
    [
        pytest.param(Api(None), "t", id="both are gone, and the credential is another one"),
        pytest.param(Api(Code.CLUSTER_CREDENTIAL_REFUSED), jwt(1e6), id="the token ended before its time"),
        pytest.param(Api(Code.CLUSTER_PERMISSION_MISSING), "t", id="the rights ended"),
        pytest.param(
            Api(Code.CLUSTER_PERMISSION_MISSING, may=Code.CLUSTER_CREDENTIAL_REFUSED),
            jwt(1e6),
            id="the rights ended, then the token",
        ),
        pytest.param(Api(item()), "t", id="it is not Arcway's"),
        pytest.param(Api({"metadata": {"uid": "u"}}), "t", id="it has no labels"),
    ],
)
def test_what_is_gone_or_not_ours_is_left_alone(api: Api, token: str) -> None:
    temporary_account.delete_with_own_token(cast("ClusterApi", api), NAME, token)
    assert api.deleted == []


@pytest.mark.parametrize(
    ("api", "token", "code"),
    [
        pytest.param(
            Api(Code.CLUSTER_CREDENTIAL_REFUSED),
            jwt(-60),
            Code.CLUSTER_CREDENTIAL_REFUSED,
            id="the token expired, and both are there",
        ),
        pytest.param(
            Api(Code.CLUSTER_CREDENTIAL_REFUSED),
            "opaque",
            Code.CLUSTER_CREDENTIAL_REFUSED,
            id="nobody knows why the token is refused",
        ),
        pytest.param(
            Api(Code.CLUSTER_CREDENTIAL_REFUSED),
            None,
            Code.CLUSTER_CREDENTIAL_REFUSED,
            id="a client certificate is refused",
        ),
        pytest.param(
            Api(Code.CLUSTER_PERMISSION_MISSING, may=True),
            "t",
            Code.CLUSTER_PERMISSION_MISSING,
            id="something else refuses",
        ),
        pytest.param(
            Api(Code.CLUSTER_PERMISSION_MISSING, may=Code.API_SERVER_UNREACHABLE),
            "t",
            Code.API_SERVER_UNREACHABLE,
            id="the API server dies",
        ),
        pytest.param(Api(Code.API_SERVER_UNREACHABLE), "t", Code.API_SERVER_UNREACHABLE, id="the API server is dead"),
    ],
)
def test_what_may_be_there_is_an_error(api: Api, token: str | None, code: str) -> None:
    with pytest.raises(ArcError) as caught:
        temporary_account.delete_with_own_token(cast("ClusterApi", api), NAME, token)
    assert caught.value.code == code


def test_the_role_takes_the_rest_along() -> None:
    api = Api(OURS)
    temporary_account.delete_with_own_token(cast("ClusterApi", api), NAME, "t")
    assert api.deleted == [f"clusterroles/{NAME}"]


def test_another_name_is_never_read() -> None:
    temporary_account.delete_with_own_token(cast("ClusterApi", Api(Code.API_SERVER_UNREACHABLE)), "arcway-shop", "t")


def test_its_maker_removes_both() -> None:
    api = Api(OURS)
    temporary_account.delete(cast("ClusterApi", api), NAME)
    account = f"namespaces/kube-system/serviceaccounts/{NAME}"
    own = f"namespaces/{NAME}"
    assert api.deleted == [f"clusterroles/{NAME}", f"clusterrolebindings/{NAME}", account, own]


def test_a_token_that_never_gets_its_rights_is_an_error() -> None:
    with pytest.raises(ArcError, match=Code.CLUSTER_PERMISSION_MISSING):
        temporary_account.wait_until_bound(cast("ClusterApi", Api(None)), permissions.TO_LOOK, 0.01)


class Closed:
    """An API server whose kube-system is closed; keeps what is made."""

    def __init__(self) -> None:
        self.made: dict[str, Json] = {}

    def create(self, path: str, body: Json, *, dry_run: bool = False) -> Json:
        if path.startswith("/api/v1/namespaces/kube-system/"):
            raise ArcError(Code.ADMISSION_DENIED)
        assert not dry_run
        self.made[f"{path}/{body.get('metadata', {}).get('name', '')}"] = body
        status = {"token": "t", "expirationTimestamp": "2999-01-01T00:00:00Z"}
        return {"metadata": {"uid": "u"}, "status": status}


@pytest.mark.parametrize("readable", ["shop", "a-very-long-name-of-a-cluster0"])
def test_where_kube_system_is_closed_it_has_a_namespace_that_goes_with_its_role(readable: str) -> None:
    name, api = f"arcway-tmp-{readable}-{'0' * 32}", Closed()
    token = temporary_account.make(cast("ClusterApi", api), name, 600, permissions.TO_LOOK)
    namespace = api.made[f"/api/v1/namespaces/{token.namespace}"]["metadata"]
    assert len(token.namespace) <= 63
    assert namespace["ownerReferences"][0]["kind"] == "ClusterRole"
    assert f"/api/v1/namespaces/{token.namespace}/serviceaccounts/{name}" in api.made
    binding = api.made[f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}"]
    assert binding["subjects"][0]["namespace"] == token.namespace
