"""What a Flux configuration in Azure says of itself: whether it complies, and which of its objects is the cause if not.

Flux names the reason of each object (https://fluxcd.io/flux/components/kustomize/kustomizations/#ready-kustomization);
those of one and the same cause are often many, because others wait for the object that fails.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.managed_states import ended_badly
from arcway.domain.redaction import redact
from arcway.domain.text import excerpt

COMPLIANT, SUSPENDED = "compliant", "suspended"
_LONGEST_MESSAGE = 600
_MOST_STATUSES = 50
_SOURCES = ("GitRepository", "Bucket", "OCIRepository", "HelmRepository", "HelmChart", "ExternalArtifact")
_WAITING = ("DependencyNotReady", "ArtifactFailed")
_DEPENDENCY = re.compile(r"dependency '(?:[^/']*/)?([^']+)' is not ready")
# What Azure never returns; another server might.
_HIDDEN = {
    "azureBlob": ("accountKey", "sasToken", "servicePrincipal"),
    "ociRepository": ("tlsConfig",),
}

_BY_REASON = {
    "AuthenticationFailed": Code.GITOPS_AUTHENTICATION_FAILED,
    "BuildFailed": Code.GITOPS_BUILD_FAILED,
    "HealthCheckFailed": Code.GITOPS_HEALTH_CHECK_FAILED,
    "DependencyNotReady": Code.GITOPS_DEPENDENCY_NOT_READY,
    "ReconciliationFailed": Code.GITOPS_RECONCILIATION_FAILED,
    "PruneFailed": Code.GITOPS_RECONCILIATION_FAILED,
    "ArtifactFailed": Code.GITOPS_ARTIFACT_FAILED,
}
# Texts of git and HTTP clients, in lower case; the specific ones first.
_BY_TEXT = (
    (
        Code.GITOPS_AUTHENTICATION_FAILED,
        (
            "authentication required",
            "authentication failed",
            "authorization failed",
            "unable to authenticate",
            "permission denied (publickey",
            "handshake failed: ssh",
            "invalid credentials",
            "access denied",
            "status code: 401",
            "status code: 403",
            "unauthorized",
            "failed to get secret",
            "knownhosts",
            "host key",
        ),
    ),
    (
        Code.GITOPS_SOURCE_NOT_FOUND,
        (
            "repository not found",
            "couldn't find remote ref",
            "reference not found",
            "reference 'refs",
            "object not found",
            "not our ref",
            "bucket not found",
            "does not exist",
            "no match found for semver",
            "status code: 404",
            "manifest unknown",
        ),
    ),
    (
        Code.GITOPS_SOURCE_UNREACHABLE,
        (
            "no such host",
            "dial tcp",
            "i/o timeout",
            "context deadline exceeded",
            "connection refused",
            "connection reset",
            "tls:",
            "x509:",
            "proxyconnect",
            ": eof",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """The object that is the cause, what its condition says, and the code of that."""

    code: Code
    text: str


def state_of_compliance(resource: Json) -> str:
    """The compliance in lower case: compliant, non-compliant, pending, suspended, unknown; empty if not known."""
    return str(resource["properties"].get("complianceState") or "").lower()


def cause_of(resource: Json) -> Cause | None:
    """Why the configuration does not comply: one object, and not those that wait for it. None while nothing failed."""
    failing = [item for item in _objects(resource) if item.is_failing]
    if not failing:
        return None
    by_name = {item.name: item for item in _objects(resource)}
    chosen = _followed(min(failing, key=lambda item: item.rank), by_name)
    return Cause(chosen.code, str(chosen))


def with_failures(resource: Json, most: int | None = None) -> Json:
    """The configuration as it is shown: `failures` has a finding for each reason that it failed or does not comply.

    Of protected settings only the names stay, and no URL keeps a password, whatever Azure returns. With `most` only so
    many statuses stay, those that do not comply first.
    """
    properties = dict(resource.get("properties") or {})
    protected = properties.get("configurationProtectedSettings")
    properties["configurationProtectedSettings"] = dict.fromkeys(protected if isinstance(protected, dict) else {})
    for field in ("gitRepository", "bucket", "azureBlob", "ociRepository"):
        if isinstance(source := properties.get(field), dict):
            properties[field] = _shown_source(field, source)
    statuses = properties.get("statuses")
    if isinstance(statuses, list):
        properties["statuses"] = _shown_statuses(statuses, most)
    return {**resource, "properties": properties, "failures": failures(resource)}


def in_result(resource: Json) -> Json:
    """The configuration as a run has it in its result, which has a limited size."""
    return with_failures(resource, _MOST_STATUSES)


def failures(resource: Json) -> list[Json]:
    """A finding for the failed provisioning, or for the cause that the configuration does not comply; else none."""
    if ended_badly(resource):
        return [finding(Code.GITOPS_FAILED, failure_text(resource))]
    if state_of_compliance(resource) != "non-compliant":
        return []
    name = resource.get("name")
    if (cause := cause_of(resource)) is None:
        message = f"Flux configuration {name} is Non-Compliant; Azure gives no reason."
        return [finding(Code.GITOPS_NOT_COMPLIANT, message)]
    return [finding(cause.code, f"Flux configuration {name} is Non-Compliant: {cause.text}")]


def failure_text(resource: Json, reason: str = "") -> str:
    """What Azure says of a configuration whose provisioning failed; `reason` is that of the operation."""
    properties = resource["properties"]
    text = redact(str(properties.get("errorMessage") or reason), _LONGEST_MESSAGE)
    return f"Flux configuration {resource.get('name')} is {properties.get('provisioningState')}: {text or 'no reason'}."


def deploy_key(resource: Json) -> str | None:
    """The public key that Flux has made for the repository; None if it has made none."""
    key = resource["properties"].get("repositoryPublicKey")
    return excerpt(key.strip(), 2000) if isinstance(key, str) and key.strip() else None


# --- objects -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of a configuration with its condition Ready, or the one that failed."""

    kind: str
    namespace: str
    name: str
    state: str
    reason: str
    message: str
    helm: str

    @property
    def is_failing(self) -> bool:
        """Whether it does not comply, rather than that it is still at work."""
        return self.state == "non-compliant"

    @property
    def rank(self) -> tuple[int, str]:
        """The cause comes first: what is fetched, then what is applied, then what applies it, then what waits."""
        if self.reason in _WAITING:
            return 4 if self.reason == "DependencyNotReady" else 3, self.name
        if self.kind in _SOURCES:
            return 0, self.name
        return (2 if self.kind == "Kustomization" else 1), self.name

    @property
    def code(self) -> Code:
        """By the kind and reason of the object, and by the text where the reason is a general one."""
        text = self.message.lower()
        if self.kind in _SOURCES:
            if self.reason == "AuthenticationFailed":
                return Code.GITOPS_AUTHENTICATION_FAILED
            by_text = (code for code, signs in _BY_TEXT if any(sign in text for sign in signs))
            return next(by_text, Code.GITOPS_NOT_COMPLIANT)
        if self.kind == "HelmRelease":
            return Code.GITOPS_HELM_RELEASE_FAILED
        return _BY_REASON.get(self.reason, Code.GITOPS_NOT_COMPLIANT)

    def __str__(self) -> str:
        """The object, the reason and the message of its condition."""
        place = f"{self.kind} {self.namespace}/{self.name}"
        return f"{place} is not ready: {self.reason or 'no reason'}: {self.message or 'no message'}{self.helm}"


def _objects(resource: Json) -> list[_Object]:
    statuses = resource["properties"].get("statuses")
    items = statuses if isinstance(statuses, list) else []
    return [_object(item) for item in items if isinstance(item, dict)]


def _object(item: Json) -> _Object:
    conditions = item.get("statusConditions")
    condition = _condition(
        [each for each in (conditions if isinstance(conditions, list) else []) if isinstance(each, dict)]
    )
    return _Object(
        kind=excerpt(item.get("kind")),
        namespace=excerpt(item.get("namespace")),
        name=excerpt(item.get("name")),
        state=str(item.get("complianceState") or "").lower(),
        reason=excerpt(condition.get("reason")),
        message=redact(str(condition.get("message") or ""), _LONGEST_MESSAGE),
        helm=_helm(item.get("helmReleaseProperties")),
    )


def _condition(conditions: list[Json]) -> Json:
    """The condition that says why: Ready if it is False, another that is, or whatever there is of Ready."""
    ready = [item for item in conditions if item.get("type") == "Ready"]
    negative = [item for item in [*ready, *conditions] if str(item.get("status")).lower() == "false"]
    return next(iter([*negative, *ready, *conditions]), {})


def _helm(properties: object) -> str:
    if not isinstance(properties, dict):
        return ""
    names = {"installFailureCount": "installing", "upgradeFailureCount": "upgrading"}
    counts = [f"{word} failed {properties[key]} times" for key, word in names.items() if _is_count(properties.get(key))]
    return f" ({', '.join(counts)})" if counts else ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _followed(item: _Object, by_name: dict[str, _Object]) -> _Object:
    """The object that an object waits for, as far as that can be followed."""
    passed = {item.name}
    while item.reason == "DependencyNotReady" and (match := _DEPENDENCY.search(item.message)):
        dependency = by_name.get(match[1])
        if dependency is None or dependency.name in passed or dependency.state == COMPLIANT:
            break
        passed.add(dependency.name)
        if not dependency.is_failing:
            # It is still at work, so the one that waits has no other cause.
            break
        item = dependency
    return item


def _shown_source(field: str, source: Json) -> Json:
    shown = {**source, **dict.fromkeys(name for name in _HIDDEN.get(field, ()) if name in source)}
    if isinstance(url := source.get("url"), str):
        shown["url"] = redact(url, 2000)
    return shown


def _shown_statuses(statuses: Iterable[object], most: int | None) -> list[Json]:
    items = [_shown_status(item) for item in statuses if isinstance(item, dict)]
    if most is None or len(items) <= most:
        return items
    return sorted(items, key=lambda item: str(item.get("complianceState")).lower() == COMPLIANT)[:most]


def _shown_status(item: Json) -> Json:
    conditions = item.get("statusConditions")
    if not isinstance(conditions, list):
        return item
    shown = [
        {**each, "message": redact(str(each["message"]), _LONGEST_MESSAGE)} if each.get("message") else each
        for each in conditions
        if isinstance(each, dict)
    ]
    return {**item, "statusConditions": shown}
