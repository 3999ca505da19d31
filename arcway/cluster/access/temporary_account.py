"""A ServiceAccount for one run: created with the user's credential, deleted with its own.

It may do what the run needs and no more: a ClusterRole of its own. That role owns the binding and the ServiceAccount.
So a holder of only its token can remove all three with the one call that also ends the token's rights: the garbage
collector deletes what the role owned (https://kubernetes.io/docs/concepts/architecture/garbage-collection/). An object
with a namespace may have an owner without one, never the other way round. Where kube-system is not writable, the
ServiceAccount has a namespace of its own, which the same role owns.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.access.refused_credential import claims, seconds_left
from arcway.cluster.checks import permissions
from arcway.cluster.checks.permissions import Permission
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secret_names import TEMPORARY
from arcway.domain.secrets_held import hold

NAMESPACE = "kube-system"
SHORTEST_SECONDS = 600
_NAMESPACE_LENGTH = 63
LABELS = {"app.kubernetes.io/managed-by": "arcway"}
_GROUP = "rbac.authorization.k8s.io"
_ROLES = f"/apis/{_GROUP}/v1/clusterroles"
_BINDINGS = f"/apis/{_GROUP}/v1/clusterrolebindings"
_NAMESPACES = "/api/v1/namespaces"
_SUBJECT = "system:serviceaccount:"
# A permission that is missing, or an admission that refuses.
_CLOSED = (Code.CLUSTER_PERMISSION_MISSING, Code.ADMISSION_DENIED)

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A ServiceAccount's token and when the API server lets it end. Its text form shows no secret."""

    value: str = field(repr=False)
    expires: datetime
    namespace: str


def make(api: ClusterApi, name: str, seconds: int, needed: Sequence[Permission], role: str | None = None) -> Token:
    """Make role, binding and ServiceAccount `name` and ask for a token of `seconds`; the API server may give a shorter
    one. With a `role` that ClusterRole is bound instead of one that grants what is `needed`.

    Raises `ArcError`: ARC-2008 when the caller may not, ARC-2014 when there is one of that name.
    """
    metadata: Json = {"name": name, "labels": LABELS}
    namespace = _namespace_for(api, name, metadata)
    owners: list[Json] = []
    if role is None:
        granted = [*permissions.rules(needed), *_of_its_own(name)]
        owners = [_create(api, _ROLES, "ClusterRole", {"metadata": metadata, "rules": granted})]
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role or name}
    body = {"metadata": {**metadata, "ownerReferences": owners}, "roleRef": reference, "subjects": [subject]}
    binding = _create(api, _BINDINGS, "ClusterRoleBinding", body)
    owned = {**metadata, "ownerReferences": owners or [binding]}
    if namespace != NAMESPACE:
        api.create(_NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {**owned, "name": namespace}})
    if api.create(_accounts(namespace), {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": owned}) is None:
        raise ArcError(Code.KUBERNETES_CHANGE_REFUSED, f"ServiceAccount {namespace}/{name} already exists.")
    return renew(api, name, seconds, namespace)


def namespace_of(token: str | None) -> str:
    """The namespace of the ServiceAccount that a token says it is of."""
    subject = claims(token).get("sub")
    if not isinstance(subject, str) or not subject.startswith(_SUBJECT):
        return NAMESPACE
    return subject.removeprefix(_SUBJECT).partition(":")[0] or NAMESPACE


def renew(api: ClusterApi, name: str, seconds: int, namespace: str) -> Token:
    """Another token of the ServiceAccount, for so many seconds. Raises `ArcError` ARC-2013 when there is none."""
    token_request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    answer = (api.create(f"{_accounts(namespace)}/{name}/token", token_request) or {}).get("status") or {}
    try:
        hold(answer["token"])
        return Token(answer["token"], datetime.fromisoformat(answer["expirationTimestamp"]), namespace)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ArcError(Code.KUBERNETES_API_ERROR, "The API server returned no token for a TokenRequest.") from error


def wait_until_bound(api: ClusterApi, needed: Sequence[Permission], seconds: float) -> None:
    """Until the token of `api` may do what is needed: the authorizer learns of a binding a moment after it is made.

    Raises `ArcError`: ARC-2006 when the token is refused, ARC-2008 after `seconds`.
    """
    deadline = time.monotonic() + seconds
    missing = permissions.missing(api, needed)
    while missing:
        if time.monotonic() > deadline:
            lacking = "; ".join(permissions.in_words(missing))
            raise ArcError(
                Code.CLUSTER_PERMISSION_MISSING,
                f"The new ServiceAccount is bound to its role but still lacks the permission to {lacking}.",
            )
        time.sleep(0.05)
        missing = permissions.missing(api, missing)


def delete(api: ClusterApi, name: str) -> None:
    """Remove all with a credential that outlives them; harmless when they are not there or not Arcway's."""
    for path in (_ROLES, _BINDINGS, _accounts(NAMESPACE)):
        _remove(api, path, name)
    try:
        _remove(api, _NAMESPACES, _own_namespace(name))
    except ArcError as error:
        if error.code != Code.CLUSTER_PERMISSION_MISSING:
            raise  # without access to namespaces, none was made


def delete_with_own_token(api: ClusterApi, name: str, token: str | None) -> None:
    """Remove all with the ServiceAccount's own `token`; harmless when they are gone, rights and token with them.

    Raises `ArcError`: ARC-2006 when the token has expired, so that they are still there; ARC-2008 when it lacks the
    right.
    """
    if not name.startswith(TEMPORARY):
        return
    try:
        # What the first one that is there owned goes with it, and so do the rights to delete the next.
        for path in (_ROLES, _BINDINGS, _accounts(namespace_of(token))):
            if _remove(api, path, name):
                break
    except ArcError as error:
        if error.code == Code.CLUSTER_CREDENTIAL_REFUSED and _is_valid_still(token):
            return  # the token ended before its time, with its ServiceAccount
        if error.code == Code.CLUSTER_PERMISSION_MISSING and not _may_still_remove(api, name, token):
            return  # the rights ended with their binding
        raise


def _accounts(namespace: str) -> str:
    return at(_NAMESPACES, namespace, "serviceaccounts")


def _own_namespace(name: str) -> str:
    """Its own name, without the part that only makes it readable when that is too long for a namespace."""
    return name if len(name) <= _NAMESPACE_LENGTH else f"{TEMPORARY}{name.rpartition('-')[2]}"


def _namespace_for(api: ClusterApi, name: str, metadata: Json) -> str:
    """kube-system, or the ServiceAccount's own name where that is closed."""
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    try:
        api.create(_accounts(NAMESPACE), body, dry_run=True)
    except ArcError as error:
        if error.code in _CLOSED:
            return _own_namespace(name)
        if error.code != Code.KUBERNETES_CHANGE_REFUSED:
            raise  # an admission that cannot be tried without effect decides when it is done
    return NAMESPACE


def _remove(api: ClusterApi, path: str, name: str) -> bool:
    """Whether there was one, and it was Arcway's."""
    account = api.get(f"{path}/{name}")
    if account is None or not _is_ours(account):
        return False
    api.delete(f"{path}/{name}", uid=account["metadata"]["uid"])
    return True


def _is_ours(item: Json) -> bool:
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in LABELS.items())


def _is_valid_still(token: str | None) -> bool:
    return (seconds_left(token) or 0) > 0


def _create(api: ClusterApi, path: str, kind: str, body: Json) -> Json:
    """Create an object and return a reference to it as an owner. Raises `ArcError` ARC-2014."""
    version, name = f"{_GROUP}/v1", body["metadata"]["name"]
    created = api.create(path, {"apiVersion": version, "kind": kind, **body})
    if created is None:
        raise ArcError(Code.KUBERNETES_CHANGE_REFUSED, f"{kind} {name} already exists.")
    return {"apiVersion": version, "kind": kind, "name": name, "uid": created["metadata"]["uid"]}


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
        if error.code == Code.CLUSTER_CREDENTIAL_REFUSED and _is_valid_still(token):
            return False
        raise
