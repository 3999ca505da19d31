"""Authentication and authorization of requests: tokens, client certificates, RBAC rules.

Rules come from the control API's users and from the Role and ClusterRole bindings in the store.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arcway_local.cluster.errors import ApiError, forbidden, unauthorized
from arcway_local.cluster.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, RBAC, ROLE, ROLE_BINDING, Kind
from arcway_local.cluster.store import Store
from arcway_local.json_documents import Json

_MASTERS = "system:masters"
_PUBLIC_PATHS = ("/version", "/version/", "/healthz", "/readyz", "/livez")
_DISCOVERY_PATHS = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC_PATHS)
_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated caller; `rules` are PolicyRules, each optionally limited by a list `namespaces`."""

    name: str
    groups: tuple[str, ...] = ()
    rules: tuple[Json, ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Attempt:
    """The action that a request asks for: a verb on a resource, or on a non-resource path."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access:
    """Authentication and authorization of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._users: dict[str, User] = {}

    def add(self, user: User, token: str = "") -> str:
        """Add a user; returns the bearer token: `token`, or a new one."""
        token = token or secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def authenticate(self, authorization: str, certificate: Mapping[str, Any] | None) -> User:
        """The caller by Authorization header or TLS client certificate. Raises ApiError 401 for an unknown token."""
        if authorization:
            scheme, _, token = authorization.partition(" ")
            user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
            if user is None:
                raise unauthorized()
            return user
        if certificate:
            subject = [pair for relative in certificate["subject"] for pair in relative]
            name = next((value for key, value in subject if key == "commonName"), "")
            groups = tuple(value for key, value in subject if key == "organizationName")
            return User(name, (*groups, "system:authenticated"))
        return ANONYMOUS

    def require(self, user: User, attempt: Attempt) -> None:
        """Raise ApiError 403 unless the user may do it."""
        if not self.allows(user, attempt):
            raise _refusal(user, attempt)

    def allows(self, user: User, attempt: Attempt) -> bool:
        """Whether the user may do it."""
        return any(_permits(rule, attempt) for rule in self.rules(user, attempt.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Json]:
        """The rules that hold for the user in a namespace (empty: cluster-wide)."""
        if _MASTERS in user.groups:
            yield {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            yield {"verbs": ["*"], "nonResourceURLs": ["*"]}
            return
        yield {"verbs": ["get"], "nonResourceURLs": list(_PUBLIC_PATHS if user is ANONYMOUS else _DISCOVERY_PATHS)}
        if user is not ANONYMOUS:
            yield {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": list(_REVIEWS)}
        for rule in user.rules:
            if "namespaces" not in rule or namespace in rule["namespaces"]:
                yield rule
        for binding in self._store.objects(CLUSTER_ROLE_BINDING.key):
            yield from self._bound(binding, user, "")
        if namespace:
            for binding in self._store.objects(ROLE_BINDING.key, namespace):
                yield from self._bound(binding, user, namespace)

    def require_granting(self, user: User, kind: Kind, namespace: str, body: Json) -> None:
        """Raise ApiError 403 for a role, or a binding to one, that grants what the user may not do.

        Allowed with the verb `escalate` (roles) or `bind` (bindings); RBAC's own rule against escalation.
        """
        reference = body.get("roleRef")
        verb, plural = ("bind", f"{reference.get('kind', '')}s".lower()) if reference else ("escalate", kind.plural)
        named = (reference or body["metadata"]).get("name", "")
        if self.allows(user, Attempt(verb, RBAC, plural, namespace=namespace, name=named)):
            return
        granted = self._referenced(reference, namespace) if reference else body.get("rules") or []
        missing = [
            rule for rule in granted if not all(self.allows(user, attempt) for attempt in _covered(rule, namespace))
        ]
        if missing:
            groups = json.dumps(list(user.groups))
            why = f'user "{user.name}" (groups={groups}) is attempting to grant RBAC permissions not currently held:\n'
            name = body["metadata"].get("name", "")
            raise forbidden(RBAC, kind.plural, name, why + "\n".join(map(json.dumps, missing)))

    def _referenced(self, reference: Json, namespace: str) -> list[Json]:
        kind, place = (ROLE, namespace) if reference["kind"] == "Role" else (CLUSTER_ROLE, "")
        role = self._store.get(kind.key, place, reference["name"]) or {}
        rules: list[Json] = role.get("rules") or []
        return rules

    def _bound(self, binding: Json, user: User, namespace: str) -> Iterator[Json]:
        if not any(_is_subject(subject, user) for subject in binding.get("subjects", [])):
            return
        yield from self._referenced(binding["roleRef"], namespace)


def _is_subject(subject: Json, user: User) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user.name)
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    return user.name == f"system:serviceaccount:{subject.get('namespace')}:{subject['name']}"


def _covered(rule: Json, namespace: str) -> Iterator[Attempt]:
    """Everything a rule allows, one by one."""
    for verb in rule.get("verbs", []):
        for path in rule.get("nonResourceURLs", []):
            yield Attempt(verb, path=path)
        for group in rule.get("apiGroups", []):
            for whole in rule.get("resources", []):
                resource, _, subresource = whole.partition("/")
                for name in rule.get("resourceNames") or [""]:
                    yield Attempt(verb, group, resource, subresource, namespace, name)


def _permits(rule: Json, attempt: Attempt) -> bool:
    if not {"*", attempt.verb}.intersection(rule.get("verbs", [])):
        return False
    if attempt.path:
        patterns = rule.get("nonResourceURLs", [])
        return any(
            pattern == attempt.path or (pattern.endswith("*") and attempt.path.startswith(pattern[:-1]))
            for pattern in patterns
        )
    resource = f"{attempt.resource}/{attempt.subresource}" if attempt.subresource else attempt.resource
    resources = {"*", resource} | ({f"*/{attempt.subresource}"} if attempt.subresource else set())
    return bool(
        {"*", attempt.group}.intersection(rule.get("apiGroups", []))
        and resources.intersection(rule.get("resources", []))
        and (not rule.get("resourceNames") or attempt.name in rule["resourceNames"])
    )


def _refusal(user: User, attempt: Attempt) -> ApiError:
    if attempt.path:
        return ApiError(403, "Forbidden", f'forbidden: User "{user.name}" cannot {attempt.verb} path "{attempt.path}"')
    scope = f'in the namespace "{attempt.namespace}"' if attempt.namespace else "at the cluster scope"
    resource = f"{attempt.resource}/{attempt.subresource}" if attempt.subresource else attempt.resource
    why = f'User "{user.name}" cannot {attempt.verb} resource "{resource}" in API group "{attempt.group}" {scope}'
    return forbidden(attempt.group, attempt.resource, attempt.name, why)
