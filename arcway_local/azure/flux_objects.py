"""What a Flux configuration is in a cluster: a FluxConfig, a source, Kustomizations, and what these apply.

Names and labels are those that users see in real clusters; of the specifications there is what a reader would check.
"""

import base64
import hashlib
import json
from typing import Any

from arcway_local.azure.extension_release import FINALIZER
from arcway_local.azure.flux_shapes import SOURCES

APPLIER = "flux-applier"
KUSTOMIZATIONS = ("kustomize.toolkit.fluxcd.io/v1", "kustomizations", "Kustomization")
FLUX_CONFIGS = ("clusterconfig.azure.com/v1alpha1", "fluxconfigs", "FluxConfig")
_SOURCE_API = "source.toolkit.fluxcd.io/v1"
# Flux has one kind for both kinds of buckets.
SOURCE_OBJECTS = {
    "GitRepository": (_SOURCE_API, "gitrepositories", "GitRepository"),
    "Bucket": (_SOURCE_API, "buckets", "Bucket"),
    "AzureBlob": (_SOURCE_API, "buckets", "Bucket"),
    "OCIRepository": (_SOURCE_API, "ocirepositories", "OCIRepository"),
}
_PREFIX = "clusterconfig.azure.com"
_OWNER = "kustomize.toolkit.fluxcd.io"

type Api = tuple[str, str, str]
"""apiVersion, plural name and kind."""


def collection_of(api: Api, namespace: str) -> str:
    """The path of the objects of a kind in a namespace."""
    return f"/apis/{api[0]}/namespaces/{namespace}/{api[1]}"


def of_configuration(namespace: str, name: str) -> str:
    """The query that selects the objects of a configuration."""
    return f"?labelSelector={_PREFIX}%2Fname%3D{name}%2C{_PREFIX}%2Fnamespace%3D{namespace}"


def of_kustomization(namespace: str, name: str) -> str:
    """The query that selects what a Kustomization applied."""
    return f"?labelSelector={_OWNER}%2Fname%3D{name}%2C{_OWNER}%2Fnamespace%3D{namespace}"


def secret_name(name: str) -> str:
    """The Secret with the credentials of a configuration."""
    return f"{name}-auth"


def credentials(properties: dict[str, Any], secrets: dict[str, str]) -> dict[str, str]:
    """The content of that Secret: what came through Azure, decoded, under the keys that Flux reads."""
    source = properties[SOURCES[properties["sourceKind"]]]
    data: dict[str, str] = {}
    for name, value in secrets.items():
        data[_KEYS.get(name, name.rpartition(".")[2])] = _decoded(value) if "." not in name else value
    if not data:
        return {}
    # The names that go with a key, and what proves the server.
    companions = {"username": "httpsUser", "accesskey": "accessKey"}
    data |= {key: source[name] for key, name in companions.items() if source.get(name)}
    data |= {key: _decoded(source[name]) for key, name in _PROOFS.items() if source.get(name)}
    return data


def known_hosts(properties: dict[str, Any]) -> dict[str, str]:
    """The keys of the host that a repository over SSH is at, as its Secret has them."""
    source = properties[SOURCES[properties["sourceKind"]]]
    return {key: _decoded(source[name]) for key, name in _PROOFS.items() if source.get(name)}


def revision_of(properties: dict[str, Any]) -> str:
    """What the source is at: `main/<sha>`; the same content for the same reference, as nothing is fetched."""
    source = properties[SOURCES[properties["sourceKind"]]]
    reference = {name: value for name, value in (source.get("repositoryRef") or {}).items() if value}
    digest = hashlib.sha1(json.dumps([source["url"], reference]).encode(), usedforsecurity=False).hexdigest()
    commit = reference.pop("commit", digest)
    return f"{next(iter(reference.values()), 'HEAD')}/{commit}"


def flux_config(desired: dict[str, Any], visible: dict[str, Any], secret: str | None) -> dict[str, Any]:
    """The FluxConfig by which fluxconfig-controller knows the configuration; `visible` has no secrets."""
    names = ("scope", "sourceKind", "suspend", "kustomizations", *SOURCES.values())
    spec = {name: visible[name] for name in names if visible[name] is not None}
    spec |= {"operationId": desired["operationId"]}
    if secret:
        spec["protectedParameters"] = {"referenceName": secret}
    return _object(FLUX_CONFIGS, desired, desired["name"], spec)


def source_object(desired: dict[str, Any], visible: dict[str, Any], secret: str | None) -> dict[str, Any]:
    """The source of the configuration."""
    kind = visible["sourceKind"]
    source = visible[SOURCES[kind]]
    spec: dict[str, Any] = {
        "url": source["url"],
        "interval": f"{source['syncIntervalInSeconds']}s",
        "timeout": f"{source['timeoutInSeconds']}s",
        "suspend": visible["suspend"],
    }
    if reference := {name: value for name, value in (source.get("repositoryRef") or {}).items() if value}:
        spec["ref"] = reference
    if kind in ("Bucket", "AzureBlob"):
        spec["bucketName"] = source.get("bucketName") or source.get("containerName")
        spec["provider"] = "azure" if kind == "AzureBlob" else "generic"
    if name := source["localAuthRef"] or secret:
        spec["secretRef"] = {"name": name}
    return _object(SOURCE_OBJECTS[kind], desired, desired["name"], spec)


def kustomization_object(desired: dict[str, Any], kustomization: dict[str, Any]) -> dict[str, Any]:
    """One Kustomization."""
    properties, name = desired["properties"], desired["name"]
    spec: dict[str, Any] = {
        "path": kustomization["path"],
        "interval": f"{kustomization['syncIntervalInSeconds']}s",
        "timeout": f"{kustomization['timeoutInSeconds']}s",
        **{field: kustomization[field] for field in ("prune", "force", "wait")},
        "dependsOn": [{"name": f"{name}-{other}"} for other in kustomization["dependsOn"] or []],
        "sourceRef": {"kind": SOURCE_OBJECTS[properties["sourceKind"]][2], "name": name},
        "serviceAccountName": APPLIER,
        "suspend": properties["suspend"],
    }
    if kustomization["retryIntervalInSeconds"]:
        spec["retryInterval"] = f"{kustomization['retryIntervalInSeconds']}s"
    if kustomization["postBuild"]:
        spec["postBuild"] = {field: value for field, value in kustomization["postBuild"].items() if value}
    return _object(KUSTOMIZATIONS, desired, f"{name}-{kustomization['name']}", spec)


def applied_object(desired: dict[str, Any], kustomization: dict[str, Any]) -> dict[str, Any]:
    """The one object that a Kustomization applies here, as its trace."""
    namespace, name = desired["properties"]["namespace"], f"{desired['name']}-{kustomization['name']}"
    substitute = (kustomization["postBuild"] or {}).get("substitute") or {}
    labels = {f"{_OWNER}/name": name, f"{_OWNER}/namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {**substitute, "path": kustomization["path"], "revision": revision_of(desired["properties"])},
    }


def _object(api: Api, desired: dict[str, Any], name: str, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = desired["properties"]["namespace"]
    labels = {
        f"{_PREFIX}/is-managed": "true",
        f"{_PREFIX}/name": desired["name"],
        f"{_PREFIX}/namespace": namespace,
        f"{_PREFIX}/operation-id": desired["operationId"],
    }
    metadata = {"name": name, "namespace": namespace, "labels": labels, "finalizers": [FINALIZER]}
    return {"apiVersion": api[0], "kind": api[2], "metadata": metadata, "spec": spec}


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace")


_KEYS = {"sshPrivateKey": "identity", "httpsKey": "password", "bucketSecretKey": "secretkey"}
_PROOFS = {"known_hosts": "sshKnownHosts", "caFile": "httpsCACert"}
