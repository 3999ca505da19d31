"""The rules of writing objects: create, update, patch, apply and delete as the API server does them.

Knows kinds, optimistic locking, generations, field ownership, finalizers and Terminating namespaces.
"""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from arcway_local.cluster import defaults, errors, fields, validation
from arcway_local.cluster.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, SERVICE, Kind, Registry
from arcway_local.cluster.store import Change, Store
from arcway_local.cluster.values import clone, name_of, set_condition, timestamp, without_nulls
from arcway_local.json_documents import Json

CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_KEPT = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "name",
    "namespace",
)
_IMMORTAL = ("default", "kube-system", "kube-public")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Write:
    """How a write is done: by which field manager (empty: a controller, whose fields are not tracked), or a dry run."""

    manager: str = ""
    subresource: str = ""
    dry_run: bool = False


class Resources:
    """Semantic writes on one cluster's store."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.registry = registry
        store.listen(self._follow_definitions)

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """The object. Raises ApiError 404."""
        item = self.store.get(kind.key, namespace, name)
        if item is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return item

    def create(self, kind: Kind, namespace: str, item: Json, write: Write) -> Json:
        """Create an object. Raises ApiError 403, 404, 409 or 422."""
        item = self._new(kind, namespace, item)
        if write.manager:
            item["metadata"]["managedFields"] = fields.track_update(
                None, item, write.manager, subresource="", custom=kind.custom
            )
        return item if write.dry_run else self.store.put(kind.key, item)

    def update(self, kind: Kind, namespace: str, name: str, item: Json, write: Write) -> Json:
        """Replace an object. Raises ApiError 404, 409 (the version sent is not the stored one) or 422."""
        old = self.get(kind, namespace, name)
        version = item["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise errors.conflict(kind.group, kind.plural, name)
        if item["metadata"].get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise errors.conflict(
                kind.group, kind.plural, name, "Precondition failed: UID in precondition does not match"
            )
        new = self._prepare(kind, old, without_nulls(item), write)
        if write.manager:
            forget = item["metadata"].get("managedFields") == [{}]
            new["metadata"]["managedFields"] = (
                []
                if forget
                else fields.track_update(old, new, write.manager, subresource=write.subresource, custom=kind.custom)
            )
        return self._commit(kind, old, new, write)

    def patch(self, kind: Kind, namespace: str, name: str, change: Callable[[Json], Json], write: Write) -> Json:
        """Update an object by a function of its current form."""
        old = self.get(kind, namespace, name)
        new = clone(change(old))
        if name_of(new) != name:
            raise errors.bad_request(f"the name of the object ({name_of(new)}) does not match the name on the URL")
        if new["metadata"].get("uid") != old["metadata"]["uid"]:
            causes = [("metadata.uid", f'Invalid value: "{new["metadata"].get("uid")}": field is immutable')]
            raise errors.invalid(kind.group, kind.kind, name, causes)
        return self.update(kind, namespace, name, new, write)

    def apply(
        self, kind: Kind, namespace: str, name: str, item: Json, write: Write, *, force: bool
    ) -> tuple[Json, bool]:
        """Server-side apply; returns the object and whether it is new. Raises ApiError 409 on a field conflict."""
        item = without_nulls(item)
        item["metadata"] = item.get("metadata", {}) | {"name": name}
        if kind.namespaced:
            item["metadata"]["namespace"] = namespace
        if item["metadata"].get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        if kind.status and not write.subresource:
            item.pop("status", None)
        old = self.store.get(kind.key, namespace, name)
        custom, subresource = kind.custom, write.subresource
        if old is None:
            if subresource:
                raise errors.not_found(kind.group, kind.plural, name)
            empty: Json = {"metadata": {}}
            owned = fields.apply(empty, item, write.manager, subresource="", force=force, custom=custom)
            new = self._new(kind, namespace, item)
            new["metadata"]["managedFields"] = owned["metadata"]["managedFields"]
            return (new if write.dry_run else self.store.put(kind.key, new)), True
        if (
            item["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"])
            != old["metadata"]["resourceVersion"]
        ):
            raise errors.conflict(kind.group, kind.plural, name)
        merged = fields.apply(old, item, write.manager, subresource=subresource, force=force, custom=custom)
        owners = merged["metadata"]["managedFields"]
        new = self._prepare(kind, old, merged, write)
        new["metadata"]["managedFields"] = owners
        return self._commit(kind, old, new, write), False

    def set_status(self, kind: Kind, old: Json, status: Json) -> Json:
        """A controller's write of a status, left out when nothing changes; the object must be the stored one."""
        if old.get("status") == status:
            return old
        return self.store.put(kind.key, old | {"status": status})

    def delete(
        self, kind: Kind, namespace: str, name: str, options: Json, *, dry_run: bool = False
    ) -> tuple[Json, bool]:
        """Delete; returns the object as it is now and whether it is gone. Raises ApiError 404 or 409."""
        old = self.get(kind, namespace, name)
        for field, value in (options.get("preconditions") or {}).items():
            current = old["metadata"].get(field)
            if value and value != current:
                why = f"Precondition failed: {field} in precondition: {value}, in object meta: {current}"
                raise errors.conflict(kind.group, kind.plural, name, why)
        if kind.key == NAMESPACE.key and name in _IMMORTAL:
            raise errors.forbidden(kind.group, kind.plural, name, "this namespace may not be deleted")
        grace = self._grace_seconds(kind, old, options)
        metadata = dict(old["metadata"])
        finalizers = [*metadata.get("finalizers", [])]
        policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(policy)
        if kind.key == CUSTOM_RESOURCE_DEFINITION.key:
            extra = CRD_FINALIZER
        if extra and extra not in finalizers:
            finalizers.append(extra)
        if not finalizers and not grace and kind.key != NAMESPACE.key:
            return (old if dry_run else self.store.remove(kind.key, old)), True
        if finalizers:
            metadata["finalizers"] = finalizers
        if "deletionTimestamp" not in metadata:
            metadata |= {"deletionTimestamp": timestamp(), "deletionGracePeriodSeconds": grace}
            if "generation" in metadata:
                metadata["generation"] += 1
        metadata["deletionGracePeriodSeconds"] = min(grace, metadata["deletionGracePeriodSeconds"])
        new = old | {"metadata": metadata}
        if kind.key == NAMESPACE.key:
            new["status"] = old.get("status", {}) | {"phase": "Terminating"}
        elif kind.key == CUSTOM_RESOURCE_DEFINITION.key:
            new = clone(new)
            message = "CustomResource deletion is in progress"
            set_condition(new["status"]["conditions"], "Terminating", "True", "InstanceDeletionInProgress", message)
        return (new if dry_run or new == old else self.store.put(kind.key, new)), False

    def finish(self, kind: Kind, item: Json, finalizer: str) -> None:
        """Take one finalizer off a stored object that is being deleted; the last one removes the object."""
        finalizers = [name for name in item["metadata"].get("finalizers", []) if name != finalizer]
        self._commit(kind, item, item | {"metadata": item["metadata"] | {"finalizers": finalizers}}, Write())

    def _grace_seconds(self, kind: Kind, item: Json, options: Json) -> int:
        if kind.key != POD.key or not item["spec"].get("nodeName"):
            return 0
        if item.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        requested = options.get("gracePeriodSeconds")
        return int(item["spec"].get("terminationGracePeriodSeconds", 30) if requested is None else requested)

    def _new(self, kind: Kind, namespace: str, item: Json) -> Json:
        item = without_nulls(item)
        metadata = item["metadata"]
        for field in ("resourceVersion", "uid", "creationTimestamp", "deletionTimestamp", "selfLink", "managedFields"):
            metadata.pop(field, None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(secrets.choice(_SUFFIX) for _ in range(5))
        if kind.namespaced:
            metadata["namespace"] = namespace
        else:
            metadata.pop("namespace", None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        if kind.generation:
            metadata["generation"] = 1
        if kind.custom and "status" in item and kind.status:
            item.pop("status")
        defaults.complete(kind, item)
        if not kind.custom:
            defaults.start_status(kind, item)
        validation.validate(kind, item, None)
        name = name_of(item)
        if kind.namespaced:
            self._check_namespace(kind, namespace, name)
        if self.store.get(kind.key, namespace, name) is not None:
            raise errors.already_exists(kind.group, kind.plural, name)
        if kind.custom:
            self._check_definition(kind)
        return item

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        owner = self.get(NAMESPACE, "", namespace)
        if "deletionTimestamp" in owner["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            message = f"namespace {namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
            raise errors.forbidden(kind.group, kind.plural, name, why, [cause])

    def _check_definition(self, kind: Kind) -> None:
        definition = self.store.get(CUSTOM_RESOURCE_DEFINITION.key, "", f"{kind.plural}.{kind.group}")
        if definition is not None and "deletionTimestamp" in definition["metadata"]:
            message = "create not allowed while custom resource definition is terminating"
            raise errors.ApiError(405, "MethodNotAllowed", message)

    def _prepare(self, kind: Kind, old: Json, item: Json, write: Write) -> Json:
        """The object to store: what was sent, less what this kind of write may not change."""
        if write.subresource == "status":
            new = clone(old)
            new["status"] = item.get("status", {})
        else:
            new = item
            if kind.status:
                new.pop("status", None)
                if "status" in old:
                    new["status"] = old["status"]
        metadata = new["metadata"]
        for field in _KEPT:
            metadata.pop(field, None)
            if field in old["metadata"]:
                metadata[field] = old["metadata"][field]
        metadata["managedFields"] = old["metadata"].get("managedFields", [])
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]
        if kind.key == NAMESPACE.key and write.subresource != "finalize":
            new["spec"] = old["spec"]
        if kind.key == SERVICE.key:
            # An address once given stays, also when an update leaves it out.
            allocated = {field: old["spec"][field] for field in ("clusterIP", "clusterIPs") if field in old["spec"]}
            new["spec"] = allocated | new.get("spec", {})
        if write.subresource != "status":
            defaults.complete(kind, new)
            validation.validate(kind, new, old)
            if kind.generation and _desired(new) != _desired(old):
                metadata["generation"] = old["metadata"].get("generation", 0) + 1
        return new

    def _commit(self, kind: Kind, old: Json, new: Json, write: Write) -> Json:
        if write.dry_run:
            return new
        metadata = new["metadata"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers") and not _held(kind, new):
            self.store.put(kind.key, new)
            return self.store.remove(kind.key, new)
        if _content(new) == _content(old):
            return old
        return self.store.put(kind.key, new)

    def _follow_definitions(self, change: Change) -> None:
        if change.key != CUSTOM_RESOURCE_DEFINITION.key:
            return
        if change.type == "DELETED":
            self.registry.undefine(change.object)
        else:
            self.registry.define(change.object)


def _held(kind: Kind, item: Json) -> bool:
    """Whether something other than finalizers still holds an object that is being deleted."""
    if kind.key == NAMESPACE.key:
        return bool(item["spec"].get("finalizers"))
    return kind.key == POD.key and bool(item["metadata"].get("deletionGracePeriodSeconds"))


def _desired(item: Json) -> Json:
    return {key: value for key, value in item.items() if key not in ("metadata", "status")}


def _content(item: Json) -> Json:
    """The object without what a write that changes nothing would still touch."""
    metadata = {
        key: value for key, value in item["metadata"].items() if key not in ("resourceVersion", "managedFields")
    }
    owners = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in item["metadata"].get("managedFields", [])
    ]
    return item | {"metadata": metadata | {"managedFields": owners}}
