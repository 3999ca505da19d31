"""What a request changes in a Flux configuration, and what the body of the change is.

Azure's rules (https://learn.microsoft.com/rest/api/kubernetesconfiguration/flux-configurations): scope and namespace
stay as they were created, a PATCH keeps what it does not name, and null removes. Values that are of no more use are
removed without being named: the source of another kind, or the user of a repository that is now reached by SSH.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.gitops_request import Configuration
from arcway.domain.gitops_sources import is_ssh
from arcway.domain.json_values import Json
from arcway.domain.managed_states import ended_badly
from arcway.domain.protected_settings import protected_changes, protected_names
from arcway.domain.text import listed

SOURCES = {
    "gitRepository": "GitRepository",
    "bucket": "Bucket",
    "azureBlob": "AzureBlob",
    "ociRepository": "OCIRepository",
}
"""The kind of source that each field of a request describes."""
_REFERENCES = {"gitRepository": ("branch", "tag", "semver", "commit"), "ociRepository": ("tag", "semver", "digest")}
# What Azure has where it returns no value.
_DEFAULTS: Mapping[str, Any] = {
    "path": "",
    "prune": False,
    "force": False,
    "wait": True,
    "insecure": False,
    "useWorkloadIdentity": False,
    "provider": "Generic",
}
ROOT = "kustomization-1"
"""The kustomization of a new configuration that names none: it applies the root of the source, as with `az`."""
_NAMED = 20


def changes_of(
    configuration: Configuration, resource: Json | None, written: Mapping[str, datetime | None]
) -> list[str]:
    """The names of what differs from the request, sorted; `configuration` alone if there is none yet.

    `written` is when the secret of each protected setting was last changed. A configuration that failed is applied
    again.
    """
    if resource is None:
        return ["configuration"]
    names = _names_of(_difference(configuration, resource["properties"]), resource["properties"])
    named, drop = configuration.protected_settings.keys(), configuration.drop_protected_settings
    kept = _existing(resource) & usable(source_after(configuration, resource))
    protected = protected_changes(named, kept, resource, written, drop=drop)
    names += [f"protectedSettings.{name}" for name in protected]
    return sorted([*names, *(["provisioningState"] if ended_badly(resource) else [])])


def lost_settings(configuration: Configuration, resource: Json | None) -> list[Json]:
    """The finding that a change would drop protected settings; none where the request allows it.

    Those that the source cannot use any more are not lost.
    """
    if resource is None or configuration.drop_protected_settings:
        return []
    kept = _existing(resource) & usable(source_after(configuration, resource))
    lost = sorted(kept - configuration.protected_settings.keys())
    if not lost:
        return []
    message = f"Flux configuration {configuration.name} has protected settings that the request does not name: "
    return [finding(Code.PROTECTED_SETTINGS_NOT_NAMED, f"{message}{listed(lost, _NAMED)}.")]


def new_body(configuration: Configuration, protected: Mapping[str, str]) -> Json:
    """The body that creates the configuration, as `az k8s-configuration flux create` sends it."""
    source = _source(configuration) or ("", {})
    kustomizations = {name: value for name, value in _kustomizations(configuration).items() if value is not None}
    return {
        "properties": {
            "scope": configuration.scope or "cluster",
            "namespace": configuration.namespace or "default",
            "suspend": bool(configuration.suspend),
            "sourceKind": SOURCES.get(source[0]),
            source[0]: source[1],
            "kustomizations": kustomizations or {ROOT: {"path": ""}},
            "configurationProtectedSettings": {**protected},
        }
    }


def changing_body(configuration: Configuration, resource: Json, protected: Mapping[str, str]) -> Json:
    """The body that changes the configuration; what it does not name stays, null removes."""
    properties = _difference(configuration, resource["properties"])
    dropped = dict.fromkeys(sorted(_existing(resource) - protected.keys()))
    if protected or dropped:
        properties["configurationProtectedSettings"] = {**dropped, **protected}
    return {"properties": properties}


def applies_root(configuration: Configuration, resource: Json | None) -> list[Json]:
    """The warning that a new configuration will apply the whole source, because the request names no kustomization."""
    if resource is not None or any(value is not None for value in configuration.kustomizations.values()):
        return []
    message = f"The request names no kustomization: {ROOT} will apply the root of the source."
    return [finding(Code.GITOPS_APPLIES_ROOT, message, "warning")]


# --- what the configuration is afterwards --------------------------------------------------------------------------


def source_after(configuration: Configuration, resource: Json | None) -> tuple[str, Json]:
    """The field and the content of the source as the request makes it; empty if there is none."""
    properties = (resource or {}).get("properties") or {}
    named = _source(configuration)
    field = (
        named[0] if named else next((key for key, kind in SOURCES.items() if kind == properties.get("sourceKind")), "")
    )
    current = properties.get(field) if SOURCES.get(field) == properties.get("sourceKind") else None
    merged = {**(current or {}), **(named[1] if named else {})}
    merged |= dict.fromkeys(_obsolete(configuration, field, merged))
    return field, {name: value for name, value in merged.items() if value is not None}


def kustomizations_after(configuration: Configuration, resource: Json | None) -> dict[str, Json]:
    """The kustomizations as the request makes them."""
    current = _mapping((resource or {}).get("properties", {}).get("kustomizations"))
    after = {name: dict(_mapping(value)) for name, value in current.items() if value is not None}
    for name, value in _kustomizations(configuration).items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = {**after.get(name, {}), **value}
    return after


def protected_after(configuration: Configuration, resource: Json | None) -> set[str]:
    """The names of the protected settings as the request makes them."""
    named = {*configuration.protected_settings}
    kept = set() if configuration.drop_protected_settings or resource is None else _existing(resource)
    return named | (kept & usable(source_after(configuration, resource)))


def usable(source: tuple[str, Json]) -> set[str]:
    """The protected settings that a source can use."""
    field, content = source
    if content.get("localAuthRef"):
        return set()
    if field == "bucket":
        return {"bucketSecretKey"}
    if field != "gitRepository":
        return set()
    return {"sshPrivateKey"} if is_ssh(str(content.get("url") or "")) else {"httpsKey"}


# --- inside --------------------------------------------------------------------------------------------------------


def _existing(resource: Json) -> set[str]:
    """The protected settings that the configuration has; Azure need not return their names, but others follow them."""
    properties = resource["properties"]
    names = protected_names(resource)
    repository, bucket = _mapping(properties.get("gitRepository")), _mapping(properties.get("bucket"))
    if repository.get("httpsUser"):
        names.add("httpsKey")
    if bucket.get("accessKey"):
        names.add("bucketSecretKey")
    return names


def _difference(configuration: Configuration, properties: Json) -> Json:
    """What differs, as a PATCH takes it."""
    difference: Json = {}
    if configuration.suspend is not None and configuration.suspend != bool(properties.get("suspend")):
        difference["suspend"] = configuration.suspend
    difference |= _source_difference(configuration, properties)
    current = _mapping(properties.get("kustomizations"))
    changed = {}
    for name, value in _kustomizations(configuration).items():
        before = current.get(name)
        if value is None or not isinstance(before, dict):
            if value is not before:
                changed[name] = value
        elif part := _differing(value, before):
            changed[name] = part
    return difference | ({"kustomizations": changed} if changed else {})


def _source_difference(configuration: Configuration, properties: Json) -> Json:
    named = _source(configuration)
    if named is None:
        return {}
    field, content = named
    if properties.get("sourceKind") != SOURCES[field]:
        others = [other for other in SOURCES if other != field and properties.get(other) is not None]
        return {"sourceKind": SOURCES[field], field: content, **dict.fromkeys(others)}
    current = _mapping(properties.get(field))
    obsolete = [name for name in _obsolete(configuration, field, {**current, **content}) if current.get(name)]
    part = _differing(content, current) | dict.fromkeys(obsolete)
    return {field: part} if part else {}


def _obsolete(configuration: Configuration, field: str, merged: Json) -> list[str]:
    """Fields of an existing source that what the request names excludes."""
    names: list[str] = []
    named = _source(configuration)
    content = named[1] if named else {}
    if configuration.protected_settings and "localAuthRef" not in content:
        names.append("localAuthRef")
    if "localAuthRef" in content:
        names += ["httpsUser", "accessKey"]
    if field == "gitRepository":
        over_ssh = is_ssh(str(merged.get("url") or ""))
        names += ["httpsUser", "httpsCACert"] if over_ssh else ["sshKnownHosts"]
    return [name for name in names if name not in content and name in merged]


def _differing(wanted: Json, current: Json) -> Json:
    """The fields that are not as wanted; an object is replaced as a whole, so what it does not name is null."""
    part: Json = {}
    for name, value in wanted.items():
        before = _DEFAULTS.get(name) if current.get(name) is None else current[name]
        if _plain(value) == _plain(before) if isinstance(value, dict | list) else value == before:
            continue
        part[name] = _replacing(value, before) if isinstance(value, dict) and isinstance(before, dict) else value
    return part


def _replacing(value: Json, before: Json) -> Json:
    replaced: Json = dict.fromkeys(name for name in before if name not in value)
    for name, item in value.items():
        earlier = before.get(name)
        replaced[name] = _replacing(item, earlier) if isinstance(item, dict) and isinstance(earlier, dict) else item
    return replaced


def _plain(value: Any) -> Any:
    """An object or list without what says nothing: null, false and what is empty are the same as missing."""
    if isinstance(value, dict):
        plain = {name: _plain(item) for name, item in value.items()}
        return {name: item for name, item in plain.items() if item is not None} or None
    if isinstance(value, list):
        return [_plain(item) for item in value] or None
    return None if value is False else value


def _names_of(difference: Json, properties: Json) -> list[str]:
    names: list[str] = []
    for name, value in difference.items():
        if name == "kustomizations":
            current = _mapping(properties.get(name))
            for key, part in value.items():
                is_whole = part is None or not isinstance(current.get(key), dict)
                names += [f"{name}.{key}"] if is_whole else [f"{name}.{key}.{field}" for field in part]
        elif name in SOURCES:
            names += [f"{name}.{field}" for field in value or ()] if "sourceKind" not in difference else []
        else:
            names.append(name)
    return names


def _source(configuration: Configuration) -> tuple[str, Json] | None:
    """The field and the content of the source that the request names, in Azure's form."""
    fields = configuration.as_json()
    for field in SOURCES:
        if (source := fields[field]) is not None:
            content = _named(source)
            reference = {name: content.pop(name) for name in _REFERENCES.get(field, ()) if name in content}
            return field, content | ({"repositoryRef": reference} if reference else {})
    return None


def _kustomizations(configuration: Configuration) -> dict[str, Json | None]:
    items = configuration.as_json()["kustomizations"]
    return {name: None if value is None else _named(value) for name, value in items.items()}


def _named(value: Json) -> Json:
    """The fields that the request names; within them, too."""
    return {name: _named(item) if isinstance(item, dict) else item for name, item in value.items() if item is not None}


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}
