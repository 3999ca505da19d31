"""Discovery and OpenAPI documents of a cluster's kinds.

Both forms of discovery (aggregated v2 and plain) and, per group and version, the little OpenAPI v3 that clients look
at: a `patch` operation per kind with its group-version-kind and `fieldValidation`.
"""

import hashlib
import json
from typing import Any

from arcway_local.cluster.bootstrap import KUBERNETES_VERSION
from arcway_local.cluster.kinds import Kind
from arcway_local.json_documents import Json

type GroupVersion = tuple[str, str]


def version_document() -> Json:
    """The body of /version."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    document = {
        "major": major,
        "minor": minor,
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
    }
    return document | {
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.26",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _group_versions(kinds: list[Kind]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        versions = groups.setdefault(kind.group, [])
        if kind.version not in versions:
            versions.append(kind.version)
    return groups


def aggregated(kinds: list[Kind], *, core: bool) -> Json:
    """APIGroupDiscoveryList for /api (core) or /apis."""
    items = []
    for group, versions in _group_versions(kinds).items():
        if (group == "") != core:
            continue
        served = [
            {
                "version": version,
                "freshness": "Current",
                "resources": [
                    _aggregated_resource(kind) for kind in kinds if (kind.group, kind.version) == (group, version)
                ],
            }
            for version in versions
        ]
        metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": served})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_resource(kind: Kind) -> Json:
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    resource: Json = {
        "resource": kind.plural,
        "responseKind": gvk,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular or kind.kind.lower(),
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    subresources = [
        {"subresource": name, "responseKind": _subresource_kind(kind, name), "verbs": _subresource_verbs(name)}
        for name in kind.subresources
    ]
    return resource | {"subresources": subresources} if subresources else resource


def _subresource_kind(kind: Kind, name: str) -> Json:
    if name == "scale":
        return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    if name == "token":
        return {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"}
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _subresource_verbs(name: str) -> list[str]:
    return {"token": ["create"], "finalize": ["update"], "log": ["get"]}.get(name, ["get", "patch", "update"])


def core_versions() -> Json:
    """Plain discovery: APIVersions for /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(kinds: list[Kind]) -> Json:
    """Plain discovery: APIGroupList for /apis."""
    groups = [_group(name, versions) for name, versions in _group_versions(kinds).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def single_group(kinds: list[Kind], group: str) -> Json | None:
    """Plain discovery: APIGroup for /apis/GROUP, or None."""
    versions = _group_versions(kinds).get(group) if group else None
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, versions) if versions else None


def _group(name: str, versions: list[str]) -> Json:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def resource_list(kinds: list[Kind], group: str, version: str) -> Json | None:
    """Plain discovery: APIResourceList for /api/v1 or /apis/GROUP/VERSION, or None."""
    resources: list[Json] = []
    for kind in kinds:
        if (kind.group, kind.version) != (group, version):
            continue
        names: Json = {"name": kind.plural, "singularName": kind.singular or kind.kind.lower()}
        entry = names | {"namespaced": kind.namespaced, "kind": kind.kind, "verbs": list(kind.verbs)}
        if kind.short_names:
            entry["shortNames"] = list(kind.short_names)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        resources.append(entry)
        for name in kind.subresources:
            subresource_kind = _subresource_kind(kind, name)
            part = {
                "name": f"{kind.plural}/{name}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": subresource_kind["kind"],
            }
            if subresource_kind["kind"] != kind.kind:
                part |= {"group": subresource_kind["group"], "version": subresource_kind["version"]}
            resources.append(part | {"verbs": _subresource_verbs(name)})
    if not resources:
        return None
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def openapi_index(kinds: list[Kind]) -> Json:
    """The body of /openapi/v3: one document per group and version, with its hash."""
    paths: Json = {}
    for group, versions in _group_versions(kinds).items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            digest = hashlib.sha256(json.dumps(openapi_document(kinds, group, version)).encode()).hexdigest()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest.upper()}"}
    return {"paths": paths}


def openapi_document(kinds: list[Kind], group: str, version: str) -> Json | None:
    """The body of /openapi/v3/apis/GROUP/VERSION, or None."""
    served = [kind for kind in kinds if (kind.group, kind.version) == (group, version) and "patch" in kind.verbs]
    if not any((kind.group, kind.version) == (group, version) for kind in kinds):
        return None
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    paths: Json = {}
    schemas: Json = {}
    for kind in served:
        scope = "namespaces/{namespace}/" if kind.namespaced else ""
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        schema = f"{kind.group or 'core'}.{kind.version}.{kind.kind}"
        schemas[schema] = _schema(gvk)
        reference = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        paths[f"{root}/{scope}{kind.plural}/{{name}}"] = {
            "patch": {
                "operationId": f"patch{kind.kind}",
                "parameters": [_query(name) for name in ("dryRun", "fieldManager", "fieldValidation", "force")],
                "responses": {"200": {"description": "OK", "content": reference}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": gvk,
            }
        }
    info = {"title": "Kubernetes", "version": KUBERNETES_VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _schema(gvk: Json) -> Json:
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    schema: Json = {"type": "object", "properties": properties, "x-kubernetes-preserve-unknown-fields": True}
    return schema | {"x-kubernetes-group-version-kind": [gvk]}


def _query(name: str) -> Json:
    return {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
