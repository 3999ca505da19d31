"""Takes finalizers off objects that are being deleted and wait for nothing else.

The owner of a finalizer wants to clean up first, so this is only for the case that it never will: its controller is
gone with the rest.
"""

from collections.abc import Iterator, Sequence

from arcway.cluster.access.api import ClusterApi, at
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json

# These are the API server's own: it takes them off once what hangs on them is done, and without them it is never done.
_KEPT = ("customresourcecleanup.apiextensions.k8s.io", "foregroundDeletion", "orphan", "kubernetes")


def own_finalizers(item: Json) -> list[str]:
    """The finalizers of the object itself that some controller has set, and those of a namespace's specification."""
    of_spec = (item.get("spec") or {}).get("finalizers") or []
    names = [*(item["metadata"].get("finalizers") or []), *(of_spec if isinstance(of_spec, list) else [])]
    return [str(name) for name in names if name not in _KEPT]


def strip_own(api: ClusterApi, path: str, item: Json) -> None:
    """Take these off an object that is being deleted."""
    if not own_finalizers(item):
        return
    _strip(api, path)
    spec = item.get("spec") or {}
    # What a namespace's specification says only its subresource changes.
    if any(name not in _KEPT for name in spec.get("finalizers") or []) and (latest := api.get(path)) is not None:
        remaining = [name for name in spec["finalizers"] if name in _KEPT]
        api.replace(at(path, "finalize"), {**latest, "spec": {**spec, "finalizers": remaining}})


def strip_instances(api: ClusterApi, definition: Json) -> None:
    """Take the finalizers off all instances of a CRD that are being deleted."""
    spec = definition["spec"]
    # First the one in which they are stored: any other may need a webhook that is gone with the agents.
    versions = sorted(
        (candidate for candidate in spec["versions"] if candidate["served"]),
        key=lambda candidate: not candidate.get("storage"),
    )
    if not versions:
        return
    version = versions[0]["name"]
    _strip_all(api, at("/apis", spec["group"], version), spec["names"]["plural"], ())


def strip_namespace(api: ClusterApi, namespace: str) -> None:
    """Take the finalizers off everything in a Terminating namespace."""
    for base, plural in _namespaced(api):
        _strip_all(api, base, plural, ("namespaces", namespace))


def _strip_all(api: ClusterApi, base: str, plural: str, where: Sequence[str]) -> None:
    # A list whose definition went meanwhile is answered 404, as a single object is.
    for item in api.items(at(base, *where, plural), or_none=True):
        metadata = item["metadata"]
        if "deletionTimestamp" in metadata and any(name not in _KEPT for name in metadata.get("finalizers") or []):
            namespace = ("namespaces", metadata["namespace"]) if metadata.get("namespace") else ()
            _strip(api, at(base, *namespace, plural, metadata["name"]))


def _strip(api: ClusterApi, path: str) -> None:
    # Items of a list have no kind, which a replacement must have.
    item = api.get(path)
    if item is not None:
        remaining = [name for name in item["metadata"].get("finalizers") or [] if name in _KEPT]
        api.replace(path, {**item, "metadata": {**item["metadata"], "finalizers": remaining}})


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
        if error.code != Code.KUBERNETES_API_ERROR:
            raise
        return []  # an aggregated API whose server is gone; its objects are out of reach for all clients
