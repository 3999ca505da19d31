"""What the service refuses in a Flux configuration: sources, references, credentials, kustomizations.

Which rules there are follows the API and the checks of Azure's own command line; the texts are our own.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

from arcway_local.azure.flux_shapes import SOURCES
from arcway_local.azure.refusals import Refusal

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_NAMES = 62
_WEB = re.compile(r"https?://[^/\s]+.*")
_OCI = re.compile(r"oci://[^/\s]+/.+")
_SSH = re.compile(r"ssh://[^/\s]+/.+|[^@/\s]+@[^:/\s]+:[^/].*")
_PROTECTED = {"sshPrivateKey", "httpsKey", "bucketSecretKey"}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SECONDS_PER_UNIT = (86_400, 3_600, 60, 1)
_DEFAULT_WAIT_SECONDS = 1_800.0


def is_ssh(url: str) -> bool:
    """Whether a repository is reached by SSH."""
    return _SSH.fullmatch(url) is not None


def wait_seconds(properties: dict[str, Any]) -> float:
    """How long a PUT waits for the reconciliation (`reconciliationWaitDuration`, ISO 8601). Raises `Refusal` 400."""
    duration = properties["reconciliationWaitDuration"]
    if duration is None:
        return _DEFAULT_WAIT_SECONDS
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        raise _invalid(f"The duration '{duration}' is invalid.")
    return float(sum(int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS_PER_UNIT, strict=True)))


def check(name: str, properties: dict[str, Any]) -> None:
    """Check completed properties of the configuration `name`. Raises `Refusal` 400 for the first violation."""
    if not _LABEL.fullmatch(name):
        raise _invalid(f"The configuration name '{name[:80]}' is invalid.", "InvalidResourceName")
    if properties["scope"] not in ("cluster", "namespace"):
        raise _invalid("The scope must be either cluster or namespace.")
    if not _LABEL.fullmatch(properties["namespace"]):
        raise _invalid(f"The namespace '{properties['namespace'][:80]}' is invalid.")
    wait_seconds(properties)
    kind = properties["sourceKind"]
    if kind not in SOURCES:
        raise _invalid(f"The sourceKind must be one of {', '.join(SOURCES)}.")
    if [other for other in SOURCES.values() if properties[other] is not None] != [SOURCES[kind]]:
        raise _invalid(f"The sourceKind '{kind}' needs the property '{SOURCES[kind]}', and no other source.")
    source = properties[SOURCES[kind]]
    protected = _protected(properties["configurationProtectedSettings"] or {})
    if source["localAuthRef"] and protected:
        raise _invalid("The property 'localAuthRef' excludes configurationProtectedSettings.")
    _CHECKS[kind](source, protected)
    _check_kustomizations(name, properties["kustomizations"])


def _protected(settings: dict[str, Any]) -> set[str]:
    for name, value in settings.items():
        if name not in _PROTECTED:
            raise _invalid(f"The protected setting '{name[:80]}' is not supported.")
        _check_base64(value, f"configurationProtectedSettings.{name}")
    return set(settings)


def _check_git(source: dict[str, Any], protected: set[str]) -> None:
    url = source["url"] or ""
    over_ssh = is_ssh(url)
    if not over_ssh and not _WEB.fullmatch(url):
        raise _invalid("The repository URL must be http, https or ssh, or user@host:path.")
    references = {name for name, value in (source["repositoryRef"] or {}).items() if value}
    if len(references) != 1 and references != {"branch", "commit"}:
        raise _invalid("The repositoryRef must have one of branch, tag, semver and commit.")
    if source["provider"] not in ("Generic", "Azure", "GitHub"):
        raise _invalid("The provider must be one of Generic, Azure and GitHub.")
    if over_ssh and (source["httpsUser"] or source["httpsCACert"] or "httpsKey" in protected):
        raise _invalid("A repository over SSH has no httpsUser, httpsKey and httpsCACert.")
    if not over_ssh and (source["sshKnownHosts"] or "sshPrivateKey" in protected):
        raise _invalid("A repository over HTTP has no sshPrivateKey and sshKnownHosts.")
    if bool(source["httpsUser"]) != ("httpsKey" in protected):
        raise _invalid("The properties 'httpsUser' and 'httpsKey' must be given together.")
    if source["localAuthRef"] and source["httpsUser"]:
        raise _invalid("The property 'localAuthRef' excludes 'httpsUser'.")
    _only(protected, {"sshPrivateKey", "httpsKey"}, "GitRepository")
    for name in ("sshKnownHosts", "httpsCACert"):
        if source[name]:
            _check_base64(source[name], name)


def _check_bucket(source: dict[str, Any], protected: set[str]) -> None:
    _check_store(source, "bucketName")
    if bool(source["accessKey"]) != ("bucketSecretKey" in protected):
        raise _invalid("The properties 'accessKey' and 'bucketSecretKey' must be given together.")
    _only(protected, {"bucketSecretKey"}, "Bucket")


def _check_blob(source: dict[str, Any], protected: set[str]) -> None:
    _check_store(source, "containerName")
    ways = ("servicePrincipal", "accountKey", "sasToken", "managedIdentity", "localAuthRef")
    if sum(source[name] is not None for name in ways) > 1:
        raise _invalid(f"An AzureBlob has at most one of {', '.join(ways)}.")
    _only(protected, set(), "AzureBlob")


def _check_store(source: dict[str, Any], container: str) -> None:
    if not _WEB.fullmatch(source["url"] or ""):
        raise _invalid("The URL must be http or https.")
    if not source[container]:
        raise _invalid(f"The property '{container}' is required.")


def _check_oci(source: dict[str, Any], protected: set[str]) -> None:
    if not _OCI.fullmatch(source["url"] or ""):
        raise _invalid("The URL of an OCIRepository must begin with oci://.")
    if sum(value is not None for value in (source["repositoryRef"] or {}).values()) > 1:
        raise _invalid("The repositoryRef must have one of tag, semver and digest.")
    _only(protected, set(), "OCIRepository")


def _only(protected: set[str], allowed: set[str], kind: str) -> None:
    if excess := sorted(protected - allowed):
        raise _invalid(f"The protected setting '{excess[0]}' does not belong to the sourceKind '{kind}'.")


def _check_kustomizations(name: str, kustomizations: dict[str, dict[str, Any]]) -> None:
    for key, kustomization in kustomizations.items():
        if not _LABEL.fullmatch(key) or len(name) + len(key) > _LONGEST_NAMES:
            raise _invalid(f"The kustomization name '{key[:80]}' is invalid or, with the configuration's, too long.")
        for dependency in kustomization["dependsOn"] or []:
            if dependency == key or dependency not in kustomizations:
                raise _invalid(f"The kustomization '{key}' depends on '{str(dependency)[:80]}', which is not there.")
        _check_post_build(key, kustomization["postBuild"] or {})


def _check_post_build(key: str, post_build: dict[str, Any]) -> None:
    substitute = post_build.get("substitute") or {}
    references = post_build.get("substituteFrom") or []
    is_complete = all(
        isinstance(item, dict) and item.get("kind") in ("ConfigMap", "Secret") and item.get("name")
        for item in references
    )
    if not is_complete or not _are_texts(substitute.values()):
        raise _invalid(f"The postBuild of the kustomization '{key}' is invalid.")


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _check_base64(value: Any, name: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise _invalid(f"The value of '{name}' is not base64.") from error


def _invalid(message: str, code: str = "InvalidRequest") -> Refusal:
    return Refusal(400, code, message, by_service=True)


_CHECKS = {"GitRepository": _check_git, "Bucket": _check_bucket, "AzureBlob": _check_blob, "OCIRepository": _check_oci}
