"""Deletion: Terminating namespaces, owner references, and the instances of a deleted CRD.

Follows the namespace, garbage-collector and CRD finalizing controllers.
"""

from arcway_local.cluster.controllers.context import Context
from arcway_local.cluster.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SERVICE_ACCOUNT
from arcway_local.cluster.resources import CRD_FINALIZER, Write
from arcway_local.cluster.values import ResourceKey, clone, name_of, namespace_of, set_condition
from arcway_local.json_documents import Json


def reconcile_namespace(context: Context, _: str, name: str) -> None:
    """Reconcile a namespace once: give it its default objects, or empty it when it is Terminating."""
    namespace = context.resources.store.get(NAMESPACE.key, "", name)
    if namespace is None:
        return
    if "deletionTimestamp" not in namespace["metadata"]:
        for kind, default in ((SERVICE_ACCOUNT, "default"), (CONFIG_MAP, "kube-root-ca.crt")):
            if context.resources.store.get(kind.key, name, default) is None:
                context.create(kind, name, {"metadata": {"name": default}})
        return
    for key, item in context.resources.store.in_namespace(name):
        if "deletionTimestamp" not in item["metadata"]:
            _delete(context, key, item, "Background")
    remaining = context.resources.store.in_namespace(name)
    if remaining:
        _report_remaining(context, namespace, remaining)
    elif namespace["spec"].get("finalizers"):
        emptied = clone(namespace)
        emptied["spec"].pop("finalizers")
        context.resources.update(NAMESPACE, "", name, emptied, Write(subresource="finalize"))


def _report_remaining(context: Context, namespace: Json, remaining: list[tuple[ResourceKey, Json]]) -> None:
    status = clone(namespace["status"])
    conditions = status.setdefault("conditions", [])
    kinds: dict[str, int] = {}
    finalizers: dict[str, int] = {}
    for (group, plural), item in remaining:
        kind = f"{plural}.{group}"
        kinds[kind] = kinds.get(kind, 0) + 1
        for finalizer in item["metadata"].get("finalizers", ()):
            finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
    summary = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(kinds.items()))
    message = f"Some resources are remaining: {summary}"
    set_condition(conditions, "NamespaceContentRemaining", "True", "SomeResourcesRemain", message)
    if finalizers:
        summary = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
        message = f"Some content in the namespace has finalizers remaining: {summary}"
        set_condition(conditions, "NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message)
    context.resources.set_status(NAMESPACE, namespace, status)


def reconcile_definition(context: Context, _: str, name: str) -> None:
    """Reconcile a CRD once: when it is being deleted, its instances are deleted first."""
    definition = context.resources.store.get(CUSTOM_RESOURCE_DEFINITION.key, "", name)
    if definition is None or CRD_FINALIZER not in definition["metadata"].get("finalizers", ()):
        return
    if "deletionTimestamp" not in definition["metadata"]:
        return
    key = definition["spec"]["group"], definition["spec"]["names"]["plural"]
    for item in context.resources.store.objects(key):
        if "deletionTimestamp" not in item["metadata"]:
            _delete(context, key, item, "Background")
    if not context.resources.store.objects(key):
        context.resources.finish(CUSTOM_RESOURCE_DEFINITION, definition, CRD_FINALIZER)


def collect_garbage(context: Context, _: str, uid: str) -> None:
    """Reconcile the dependents of an owner that is being deleted or is deleted."""
    referenced = context.resources.store.find_uid(uid)
    dependents = context.resources.store.dependents(uid)
    if referenced is None:
        for key, item in dependents:
            _release(context, key, item)
        return
    key, owner = referenced
    kind = context.resources.registry.find_key(key)
    finalizers = owner["metadata"].get("finalizers", ())
    if kind is None or "deletionTimestamp" not in owner["metadata"]:
        return
    if "orphan" in finalizers:
        for dependent_key, item in dependents:
            _drop_references(context, dependent_key, item, {uid})
        context.resources.finish(kind, owner, "orphan")
    elif "foregroundDeletion" in finalizers:
        for dependent_key, item in dependents:
            if "deletionTimestamp" not in item["metadata"]:
                nested = context.resources.store.dependents(item["metadata"]["uid"])
                _delete(context, dependent_key, item, "Foreground" if nested else "Background")
        if not context.resources.store.dependents(uid):
            context.resources.finish(kind, owner, "foregroundDeletion")


def _release(context: Context, key: ResourceKey, item: Json) -> None:
    """Delete a dependent whose owners are all gone; take the reference off one that still has others."""
    owners = item["metadata"]["ownerReferences"]
    gone = {owner["uid"] for owner in owners if context.resources.store.find_uid(owner["uid"]) is None}
    if len(gone) < len(owners):
        _drop_references(context, key, item, gone)
    elif "deletionTimestamp" not in item["metadata"]:
        _delete(context, key, item, "Background")


def _drop_references(context: Context, key: ResourceKey, item: Json, uids: set[str]) -> None:
    owners = [owner for owner in item["metadata"]["ownerReferences"] if owner["uid"] not in uids]
    metadata = {field: value for field, value in item["metadata"].items() if field != "ownerReferences"}
    if owners:
        metadata["ownerReferences"] = owners
    context.resources.store.put(key, item | {"metadata": metadata})


def _delete(context: Context, key: ResourceKey, item: Json, policy: str) -> None:
    kind = context.resources.registry.find_key(key)
    # A sibling's deletion may have taken the object along since it was listed.
    if kind is not None and context.resources.store.find_uid(item["metadata"]["uid"]) is not None:
        context.resources.delete(kind, namespace_of(item), name_of(item), {"propagationPolicy": policy})
