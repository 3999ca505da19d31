"""What an extension is in a cluster: a Helm release's record, Deployments, and the custom resource of the agents.

The record has Helm's own form (https://helm.sh/docs/topics/advanced/#storage-backends): a Secret of type
helm.sh/release.v1 whose value is base64 of gzip of JSON, once more in base64 as every Secret's.
"""

import base64
import gzip
import json
from typing import Any

# What Flux's controllers set on their objects; fluxconfig-controller's own name is not known.
FINALIZER = "finalizers.fluxcd.io"
CUSTOM_RESOURCES = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/extensionconfigs"


def namespace_of(desired: dict[str, Any]) -> str:
    """The namespace of the extension's release."""
    scope = desired["properties"]["scope"]
    return str((scope.get("cluster") or {}).get("releaseNamespace") or scope["namespace"]["targetNamespace"])


def workloads_of(desired: dict[str, Any]) -> list[tuple[str, str]]:
    """Namespace and name of each Deployment of the extension."""
    namespace = namespace_of(desired)
    return [(own or namespace, name) for own, name in desired["workloads"]]


def custom_resource(desired: dict[str, Any], protected: str | None) -> dict[str, Any]:
    """The ExtensionConfig by which extension-manager knows the extension."""
    properties = desired["properties"]
    spec = {
        "extensionType": properties["extensionType"],
        "version": desired["version"] or "",
        "autoUpgradeMinorVersion": properties["autoUpgradeMinorVersion"],
        "releaseTrain": properties["releaseTrain"],
        "parameter": properties["configurationSettings"],
        "operationId": desired["operationId"],
    }
    if protected:
        spec["protectedParameters"] = {"referenceName": protected, "version": desired["operationId"]}
    return {
        "apiVersion": "clusterconfig.azure.com/v1beta1",
        "kind": "ExtensionConfig",
        "metadata": {"name": desired["name"], "namespace": "azure-arc"},
        "spec": spec,
    }


def definition(desired: dict[str, Any], name: str, kind: str, version: str, scope: str) -> dict[str, Any]:
    """One CRD of the release, marked as Helm marks what it owns."""
    plural, _, group = name.partition(".")
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": {"status": {}},
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    labels, annotations = _ownership(desired)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
    }


def conflict(desired: dict[str, Any], existing: dict[str, Any]) -> str | None:
    """Helm's text for an object that is there and does not belong to the release; None if it does."""
    labels, annotations = _ownership(desired)
    metadata = existing["metadata"]
    problems = [
        *_differences("label", labels, metadata.get("labels") or {}),
        *_differences("annotation", annotations, metadata.get("annotations") or {}),
    ]
    if not problems:
        return None
    return (
        f'Unable to continue with install: {existing["kind"]} "{metadata["name"]}" in namespace '
        f'"{metadata.get("namespace", "")}" exists and cannot be imported into the current release: invalid ownership '
        f"metadata; {'; '.join(problems)}"
    )


def _differences(noun: str, expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    problems = []
    for key, value in expected.items():
        if key not in actual:
            problems.append(f'{noun} validation error: missing key "{key}": must be set to "{value}"')
        elif actual[key] != value:
            current = actual[key]
            problems.append(f'{noun} validation error: key "{key}" must equal "{value}": current value is "{current}"')
    return problems


def _ownership(desired: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and annotations by which Helm knows what a release owns."""
    annotations = {
        "meta.helm.sh/release-name": str(desired["name"]),
        "meta.helm.sh/release-namespace": namespace_of(desired),
    }
    return {"app.kubernetes.io/managed-by": "Helm"}, annotations


def deployment(desired: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    """One Deployment of the release, marked as Helm marks what it owns."""
    labels, annotations = _ownership(desired)
    labels = {"app": name, **labels}
    image = f"mcr.microsoft.com/azurearck8s/{name}:{desired['version']}"
    container = {"name": name, "image": image, "resources": {"requests": {"cpu": "5m", "memory": "20Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    }


def release_record(desired: dict[str, Any], revision: int, status: str) -> dict[str, Any]:
    """The Secret in which Helm keeps a revision of the release."""
    name, namespace = desired["name"], namespace_of(desired)
    release = {
        "name": name,
        "namespace": namespace,
        "version": revision,
        "info": {"status": status, "description": "Simulated by the agents"},
        "chart": {"metadata": {"name": desired["properties"]["extensionType"], "version": desired["version"]}},
        "config": {**desired["properties"]["configurationSettings"], **desired["protected"]},
    }
    data = base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()
    labels = {"owner": "helm", "name": name, "status": status, "version": str(revision)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {"name": release_record_name(name, revision), "namespace": namespace, "labels": labels},
        "stringData": {"release": data},
    }


def release_record_name(name: str, revision: int) -> str:
    """The name of the Secret of a revision."""
    return f"sh.helm.release.v1.{name}.v{revision}"
