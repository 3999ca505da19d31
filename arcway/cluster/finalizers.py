"""Takes finalizers off objects that are being deleted and wait for nothing else. Must not know whose objects they are.

Whoever set a finalizer wanted to clean up first, so this is only for the case that it never will: its controller is
gone with the rest.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from arcway.cluster.api import ClusterApi, at
from arcway.domain.errors import ArcError

type Json = dict[str, Any]


def strip_instances(api: ClusterApi, definition: Json) -> None:
    """Take the finalizers off all instances of a CRD that are being deleted."""
    spec = definition["spec"]
    version = next(version["name"] for version in spec["versions"] if version["served"])
    _strip_all(api, at("/apis", spec["group"], version), spec["names"]["plural"], ())


def strip_namespace(api: ClusterApi, namespace: str) -> None:
    """Take the finalizers off everything in a Terminating namespace."""
    for base, plural in _namespaced(api):
        _strip_all(api, base, plural, ("namespaces", namespace))


def _strip_all(api: ClusterApi, base: str, plural: str, where: Sequence[str]) -> None:
    # A list whose definition went meanwhile is answered 404, as a single object is.
    for item in api.items(at(base, *where, plural), or_none=True):
        metadata = item["metadata"]
        if "deletionTimestamp" in metadata and metadata.get("finalizers"):
            namespace = ("namespaces", metadata["namespace"]) if metadata.get("namespace") else ()
            _strip(api, at(base, *namespace, plural, metadata["name"]))


def _strip(api: ClusterApi, path: str) -> None:
    # Items of a list have no kind, which a replacement must have.
    item = api.get(path)
    if item is not None:
        api.replace(path, {**item, "metadata": {**item["metadata"], "finalizers": []}})


def _namespaced(api: ClusterApi) -> Iterator[tuple[str, str]]:
    groups = (api.get("/apis") or {}).get("groups") or []
    versions = (group["preferredVersion"]["groupVersion"] for group in groups)
    for base in ("/api/v1", *(at("/apis", *version.split("/")) for version in versions)):
        for resource in _resources(api, base):
            if resource["namespaced"] and "/" not in resource["name"] and {"list", "update"} <= set(resource["verbs"]):
                yield base, resource["name"]


def _resources(api: ClusterApi, base: str) -> list[Json]:
    try:
        return (api.get(base) or {}).get("resources") or []
    except ArcError as error:
        if error.code != "ARC-2013":
            raise
        return []  # an aggregated API whose server is gone; its objects are out of reach for everybody
