"""A ServiceAccount that lives for one run: made with the user's own credential, removed with its own.

Its binding to `cluster-admin` owns it. So whoever has only its token can remove both with the one call that also ends
the token's rights: the garbage collector deletes what the binding owned
(https://kubernetes.io/docs/concepts/architecture/garbage-collection/). An object with a namespace may have an owner
without one, never the other way round. Must not know where the token is kept.
"""

import base64
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.domain.errors import ArcError
from arcway.domain.model import TEMPORARY
from arcway.domain.secrets_held import hold

NAMESPACE = "kube-system"
SHORTEST_SECONDS = 600
LABELS = {"app.kubernetes.io/managed-by": "arcway"}
_GROUP = "rbac.authorization.k8s.io"
_BINDINGS = f"/apis/{_GROUP}/v1/clusterrolebindings"
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A ServiceAccount's token and when the API server lets it end. Its text form shows no secret."""

    text: str = field(repr=False)
    expires: datetime


def make(api: ClusterApi, name: str, seconds: int) -> Token:
    """Make binding and ServiceAccount `name` and ask for a token of `seconds`; the API server may give a shorter one.

    Raises `ArcError`: ARC-2008 when the caller may not, ARC-2014 when there is one of that name.
    """
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    metadata = {"name": name, "labels": LABELS}
    kind = {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRoleBinding"}
    made = api.create(_BINDINGS, {**kind, "metadata": metadata, "roleRef": reference, "subjects": [subject]})
    if made is None:
        raise ArcError("ARC-2014", f"There is a ClusterRoleBinding {name} already.")
    owner = {**kind, "name": name, "uid": made["metadata"]["uid"]}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "ownerReferences": [owner]}}
    if api.create(_ACCOUNTS, account) is None:
        raise ArcError("ARC-2014", f"There is a ServiceAccount {NAMESPACE}/{name} already.")
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    answer = (api.create(f"{_ACCOUNTS}/{name}/token", asked) or {}).get("status") or {}
    try:
        hold(answer["token"])
        return Token(answer["token"], datetime.fromisoformat(answer["expirationTimestamp"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ArcError("ARC-2013", "The API server answered a TokenRequest without a token.") from error


def wait_until_bound(api: ClusterApi, seconds: float) -> None:
    """Until the token of `api` may do everything: the authorizer learns of a binding a moment after it is made.

    Raises `ArcError`: ARC-2006 when the token is refused, ARC-2008 after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not api.may("*", "*", "*"):
        if time.monotonic() > deadline:
            raise ArcError("ARC-2008", "The new ServiceAccount is bound to cluster-admin but may not do everything.")
        time.sleep(0.05)


def remove(api: ClusterApi, name: str) -> None:
    """Remove both with a credential that outlives them; harmless when they are not there or not Arcway's."""
    for path in (_BINDINGS, _ACCOUNTS):
        _remove(api, path, name)


def discard(api: ClusterApi, name: str, token: str | None) -> None:
    """Remove both with the ServiceAccount's own `token`; harmless when they are gone, rights and token with them.

    Raises `ArcError`: ARC-2006 when the token has expired, so that they are still there; ARC-2008 when it lacks the
    right.
    """
    if not name.startswith(TEMPORARY):
        return
    try:
        if not _remove(api, _BINDINGS, name):
            _remove(api, _ACCOUNTS, name)
    except ArcError as error:
        if error.code == "ARC-2006" and _is_valid_still(token):
            return  # the token ended before its time, with its ServiceAccount
        if error.code == "ARC-2008" and not _may_still_remove(api, name, token):
            return  # the rights ended with their binding
        raise


def _remove(api: ClusterApi, path: str, name: str) -> bool:
    """Whether there was one, and it was Arcway's."""
    found = api.get(f"{path}/{name}")
    if found is None or not _is_ours(found):
        return False
    api.delete(f"{path}/{name}", uid=found["metadata"]["uid"])
    return True


def _is_ours(item: Json) -> bool:
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in LABELS.items())


def _is_valid_still(token: str | None) -> bool:
    """Whether a JWT says that its time is not over; false for what is none."""
    try:
        body = (token or "").split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"]
        return datetime.fromtimestamp(expires, UTC) > datetime.now(UTC)
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return False


def _may_still_remove(api: ClusterApi, name: str, token: str | None) -> bool:
    try:
        return api.may("delete", "clusterrolebindings", _GROUP, name=name)
    except ArcError as error:
        if error.code == "ARC-2006" and _is_valid_still(token):
            return False
        raise
