"""The properties of a Flux configuration: which there are, of which type, and what the service fills in.

Names, types and defaults are those of the API of 2025-04-01. A property that the API does not have is dropped, as the
service does.
"""

from dataclasses import dataclass
from typing import Any

from arcway_local.azure.refusals import Refusal

SOURCES = {
    "GitRepository": "gitRepository",
    "Bucket": "bucket",
    "AzureBlob": "azureBlob",
    "OCIRepository": "ociRepository",
}
"""The property that describes each kind of source."""

_DEFAULT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class _Value:
    """One property: its type, what the service fills in, and whether a GET hides it."""

    kind: type
    default: Any = None
    is_secret: bool = False
    fields: "dict[str, _Value] | None" = None


_TEXT, _FLAG, _SECONDS = _Value(str), _Value(bool), _Value(int, _DEFAULT_SECONDS)
_SECRET = _Value(str, is_secret=True)


def _object(**fields: _Value) -> _Value:
    return _Value(dict, fields=fields)


_COMMON = {"url": _TEXT, "timeoutInSeconds": _SECONDS, "syncIntervalInSeconds": _SECONDS, "localAuthRef": _TEXT}
_PRINCIPAL = _object(
    clientId=_TEXT,
    tenantId=_TEXT,
    clientSecret=_SECRET,
    clientCertificate=_SECRET,
    clientCertificatePassword=_SECRET,
    clientCertificateSendChain=_Value(bool, False),
)
_SOURCE_FIELDS: dict[str, dict[str, _Value]] = {
    "gitRepository": {
        **_COMMON,
        "repositoryRef": _object(branch=_TEXT, tag=_TEXT, semver=_TEXT, commit=_TEXT),
        "sshKnownHosts": _TEXT,
        "httpsUser": _TEXT,
        "httpsCACert": _TEXT,
        "provider": _Value(str, "Generic"),
    },
    "bucket": {**_COMMON, "bucketName": _TEXT, "insecure": _Value(bool, True), "accessKey": _TEXT},
    "azureBlob": {
        **_COMMON,
        "containerName": _TEXT,
        "servicePrincipal": _PRINCIPAL,
        "accountKey": _SECRET,
        "sasToken": _SECRET,
        "managedIdentity": _object(clientId=_TEXT),
    },
    "ociRepository": {
        **_COMMON,
        "repositoryRef": _object(tag=_TEXT, semver=_TEXT, digest=_TEXT),
        "layerSelector": _object(mediaType=_TEXT, operation=_TEXT),
        "verify": _object(provider=_TEXT, verificationConfig=_Value(dict), matchOidcIdentity=_Value(list)),
        "insecure": _Value(bool, False),
        "useWorkloadIdentity": _Value(bool, False),
        "serviceAccountName": _TEXT,
        "tlsConfig": _object(clientCertificate=_TEXT, privateKey=_SECRET, caCertificate=_TEXT),
    },
}
_KUSTOMIZATION: dict[str, _Value] = {
    "path": _Value(str, ""),
    "dependsOn": _Value(list),
    "timeoutInSeconds": _SECONDS,
    "syncIntervalInSeconds": _SECONDS,
    "retryIntervalInSeconds": _Value(int),
    "prune": _Value(bool, False),
    "force": _Value(bool, False),
    "wait": _Value(bool, True),
    "postBuild": _object(substitute=_Value(dict), substituteFrom=_Value(list)),
}
_TOP: dict[str, _Value] = {
    "scope": _Value(str, "cluster"),
    "namespace": _Value(str, "default"),
    "sourceKind": _TEXT,
    "suspend": _Value(bool, False),
    **{name: _Value(dict, fields=fields) for name, fields in _SOURCE_FIELDS.items()},
    "kustomizations": _Value(dict),
    "configurationProtectedSettings": _Value(dict),
    "waitForReconciliation": _FLAG,
    "reconciliationWaitDuration": _TEXT,
}


def completed(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with everything that the service fills in. Raises `Refusal` 400 for a value of a wrong type."""
    shaped = _shape(properties, _TOP, "")
    kustomizations = shaped["kustomizations"] or {}
    shaped["kustomizations"] = {
        name: {"name": name, **_shape(_checked_dict(value, f"kustomizations.{name}"), _KUSTOMIZATION, f"{name}.")}
        for name, value in kustomizations.items()
        if value is not None
    }
    return shaped


def hidden(properties: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a GET shows of completed properties, and what it hides, by dotted name."""
    secrets: dict[str, str] = {}
    visible = _hide(properties, _TOP, "", secrets)
    protected = properties["configurationProtectedSettings"] or {}
    secrets |= protected
    visible["configurationProtectedSettings"] = dict.fromkeys(protected, "")
    return visible, secrets


def revealed(visible: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """The completed properties of which `hidden` returned these two."""
    properties = _copy(visible)
    protected = {name: value for name, value in secrets.items() if "." not in name}
    properties["configurationProtectedSettings"] = protected
    for name, value in secrets.items():
        *parents, leaf = name.split(".")
        holder = properties
        for parent in parents:
            holder = holder[parent]
        if parents:
            holder[leaf] = value
    return properties


def merged(previous: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """What a PATCH leaves of properties: objects are merged, null removes, and a reference is replaced as a whole."""
    result = dict(previous)
    for name, value in changes.items():
        earlier = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(earlier, dict) and name != "repositoryRef":
            result[name] = merged(earlier, value)
        else:
            result[name] = value
    return result


def _shape(source: dict[str, Any], fields: dict[str, _Value], path: str) -> dict[str, Any]:
    shaped: dict[str, Any] = {}
    for name, value in fields.items():
        sent = source.get(name)
        if sent is None:
            shaped[name] = value.default
            continue
        if not _fits(sent, value.kind):
            raise _wrong_type(f"{path}{name}")
        shaped[name] = _shape(sent, value.fields, f"{path}{name}.") if value.fields else sent
    return shaped


def _fits(sent: Any, kind: type) -> bool:
    if kind is int:
        # Durations; a boolean is an int in Python, and not in JSON.
        return isinstance(sent, int) and not isinstance(sent, bool) and sent > 0
    return isinstance(sent, kind)


def _hide(source: dict[str, Any], fields: dict[str, _Value], path: str, secrets: dict[str, str]) -> dict[str, Any]:
    visible = dict(source)
    for name, value in fields.items():
        content = source.get(name)
        if content is None:
            continue
        if value.is_secret:
            secrets[f"{path}{name}"] = content
            visible[name] = None
        elif value.fields:
            visible[name] = _hide(content, value.fields, f"{path}{name}.", secrets)
    return visible


def _copy(source: dict[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) if isinstance(value, dict) else value for name, value in source.items()}


def _checked_dict(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(path)
    return value


def _wrong_type(path: str) -> Refusal:
    return Refusal(400, "InvalidRequest", f"The value of the property '{path}' is invalid.", by_service=True)
