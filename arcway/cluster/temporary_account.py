"""A ServiceAccount that lives for one run: made with the user's own credential, removed with its own.

It may do what the run needs and no more: a ClusterRole of its own says so. That role owns the binding and the
ServiceAccount. So whoever has only its token can remove all three with the one call that also ends the token's rights:
the garbage collector deletes what the role owned
(https://kubernetes.io/docs/concepts/architecture/garbage-collection/). An object with a namespace may have an owner
without one, never the other way round. Must not know where the token is kept.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arcway.cluster import permissions
from arcway.cluster.api import ClusterApi
from arcway.cluster.permissions import Permission
from arcway.cluster.refused_credential import seconds_left
from arcway.domain.errors import ArcError
from arcway.domain.secret_names import TEMPORARY
from arcway.domain.secrets_held import hold

NAMESPACE = "kube-system"
SHORTEST_SECONDS = 600
LABELS = {"app.kubernetes.io/managed-by": "arcway"}
_GROUP = "rbac.authorization.k8s.io"
_ROLES = f"/apis/{_GROUP}/v1/clusterroles"
_BINDINGS = f"/apis/{_GROUP}/v1/clusterrolebindings"
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A ServiceAccount's token and when the API server lets it end. Its text form shows no secret."""

    text: str = field(repr=False)
    expires: datetime


def make(api: ClusterApi, name: str, seconds: int, needed: Sequence[Permission], role: str | None = None) -> Token:
    """Make role, binding and ServiceAccount `name` and ask for a token of `seconds`; the API server may give a shorter
    one. With a `role` that ClusterRole is bound instead of one that grants what is `needed`.

    Raises `ArcError`: ARC-2008 when the caller may not, ARC-2014 when there is one of that name.
    """
    metadata: Json = {"name": name, "labels": LABELS}
    owners: list[Json] = []
    if role is None:
        granted = [*permissions.rules(needed), *_of_its_own(name)]
        owners = [_create(api, _ROLES, "ClusterRole", {"metadata": metadata, "rules": granted})]
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role or name}
    body = {"metadata": {**metadata, "ownerReferences": owners}, "roleRef": reference, "subjects": [subject]}
    binding = _create(api, _BINDINGS, "ClusterRoleBinding", body)
    account = {**metadata, "ownerReferences": owners or [binding]}
    if api.create(_ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}) is None:
        raise ArcError("ARC-2014", f"There is a ServiceAccount {NAMESPACE}/{name} already.")
    return renew(api, name, seconds)


def renew(api: ClusterApi, name: str, seconds: int) -> Token:
    """Another token of the ServiceAccount, for so many seconds. Raises `ArcError` ARC-2013 when there is none."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    answer = (api.create(f"{_ACCOUNTS}/{name}/token", asked) or {}).get("status") or {}
    try:
        hold(answer["token"])
        return Token(answer["token"], datetime.fromisoformat(answer["expirationTimestamp"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ArcError("ARC-2013", "The API server answered a TokenRequest without a token.") from error


def wait_until_bound(api: ClusterApi, needed: Sequence[Permission], seconds: float) -> None:
    """Until the token of `api` may do what is needed: the authorizer learns of a binding a moment after it is made.

    Raises `ArcError`: ARC-2006 when the token is refused, ARC-2008 after `seconds`.
    """
    deadline = time.monotonic() + seconds
    missing = permissions.missing(api, needed)
    while missing:
        if time.monotonic() > deadline:
            lacking = "; ".join(permissions.in_words(missing))
            raise ArcError("ARC-2008", f"The new ServiceAccount is bound to its role and still may not {lacking}.")
        time.sleep(0.05)
        missing = permissions.missing(api, missing)


def remove(api: ClusterApi, name: str) -> None:
    """Remove all with a credential that outlives them; harmless when they are not there or not Arcway's."""
    for path in (_ROLES, _BINDINGS, _ACCOUNTS):
        _remove(api, path, name)


def discard(api: ClusterApi, name: str, token: str | None) -> None:
    """Remove all with the ServiceAccount's own `token`; harmless when they are gone, rights and token with them.

    Raises `ArcError`: ARC-2006 when the token has expired, so that they are still there; ARC-2008 when it lacks the
    right.
    """
    if not name.startswith(TEMPORARY):
        return
    try:
        # What the first one that is there owned goes with it, and so do the rights to delete the next.
        for path in (_ROLES, _BINDINGS, _ACCOUNTS):
            if _remove(api, path, name):
                break
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
    return (seconds_left(token) or 0) > 0


def _create(api: ClusterApi, path: str, kind: str, body: Json) -> Json:
    """Create an object and return a reference to it as an owner. Raises `ArcError` ARC-2014."""
    version, name = f"{_GROUP}/v1", body["metadata"]["name"]
    made = api.create(path, {"apiVersion": version, "kind": kind, **body})
    if made is None:
        raise ArcError("ARC-2014", f"There is a {kind} {name} already.")
    return {"apiVersion": version, "kind": kind, "name": name, "uid": made["metadata"]["uid"]}


def _of_its_own(name: str) -> list[Json]:
    """What a ServiceAccount needs to remove itself and to have its token renewed."""

    def rule(group: str, resources: list[str], *verbs: str) -> Json:
        return {"apiGroups": [group], "resources": resources, "verbs": [*verbs], "resourceNames": [name]}

    return [
        rule(_GROUP, ["clusterroles", "clusterrolebindings"], "get", "delete"),
        rule("", ["serviceaccounts"], "get", "delete"),
        rule("", ["serviceaccounts/token"], "create"),
    ]


def _may_still_remove(api: ClusterApi, name: str, token: str | None) -> bool:
    try:
        return any(api.may("delete", kind, _GROUP, name=name) for kind in ("clusterroles", "clusterrolebindings"))
    except ArcError as error:
        if error.code == "ARC-2006" and _is_valid_still(token):
            return False
        raise
