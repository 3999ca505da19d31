"""Finds the namespace of the agents' release, which depends on the client that installed it.

`az connectedk8s` before 1.3.7 used the namespace of the kubeconfig's context. A record elsewhere is believed only if
the agents' own objects say that it is theirs, and its chart does not contradict: a user who may write Secrets
somewhere could put one there otherwise, and would have Helm install or delete what it names.
"""

from collections.abc import Callable, Iterator
from functools import partial

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.release_secrets import chart_of, in_order, records
from arcway.cluster.constants import (
    BINDINGS,
    CHART,
    CONFIG,
    DEFINITIONS,
    KNOWN_DEFINITION,
    NAMESPACE,
    OWNER_NAME,
    OWNER_NAMESPACE,
    RELEASE,
    RELEASE_NAMESPACE,
)
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json

_ALL = "/api/v1/secrets"
_RECORD = "helm.sh/release.v1"
_READ = 3
"""How many records of a release are read to find its chart."""


def release_namespace(api: ClusterApi) -> str:
    """The namespace of the agents' release; the default one if there is no release."""
    if records(api, RELEASE_NAMESPACE):
        return RELEASE_NAMESPACE
    return next(iter(_elsewhere(api)[0]), RELEASE_NAMESPACE)


def release_namespaces(api: ClusterApi) -> list[str]:
    """Every namespace with a release of the agents: an installation made beside another leaves two."""
    return survey(api)[0]


def survey(api: ClusterApi) -> tuple[list[str], list[str]]:
    """The namespaces with a release of the agents, and those with a release of the same name that is not theirs."""
    mine, foreign = _elsewhere(api)
    return ([RELEASE_NAMESPACE] if records(api, RELEASE_NAMESPACE) else []) + mine, foreign


def all_records(api: ClusterApi) -> list[Json]:
    """The records of the agents' release, wherever it is."""
    return [record for namespace in release_namespaces(api) for record in records(api, namespace)]


def owner_of(item: Json) -> str | None:
    """The namespace of the release named as the agents' that an object says it is of, None when it says none."""
    annotations = item["metadata"].get("annotations") or {}
    return annotations.get(OWNER_NAMESPACE, "") if annotations.get(OWNER_NAME) == RELEASE else None


def _elsewhere(api: ClusterApi) -> tuple[list[str], list[str]]:
    """Namespaces other than the usual one: with a release of the agents, and with one that is not theirs."""
    records_by_namespace = _by_namespace(api)
    if not records_by_namespace and records_by_namespace is not None:
        return [], []
    named = {name for name in _named(api) if name not in ("", RELEASE_NAMESPACE)}
    if records_by_namespace is None:
        # A credential that may not look everywhere looks where the agents themselves say that their release is.
        records_by_namespace = {name: namespace_records for name in named if (namespace_records := records(api, name))}
    mine = [
        name
        for name, namespace_records in records_by_namespace.items()
        if name in named and _chart(namespace_records) in (CHART, None)
    ]
    return sorted(mine), sorted(set(records_by_namespace) - set(mine))


def _chart(namespace_records: list[Json]) -> str | None:
    return next((name for record in namespace_records[: -_READ - 1 : -1] if (name := chart_of(record))), None)


def _by_namespace(api: ClusterApi) -> dict[str, list[Json]] | None:
    """The records in other namespaces than the usual one, oldest first; None when the credential may not look there."""
    try:
        secrets = api.items(_ALL, labelSelector=f"owner=helm,name={RELEASE}")
    except ArcError as error:
        if error.code != Code.CLUSTER_PERMISSION_MISSING:
            raise
        return None
    by_namespace: dict[str, list[Json]] = {}
    for record in in_order(item for item in secrets if item.get("type") == _RECORD):
        namespace = record["metadata"].get("namespace")
        if namespace and namespace != RELEASE_NAMESPACE:
            by_namespace.setdefault(namespace, []).append(record)
    return by_namespace


def _named(api: ClusterApi) -> Iterator[str]:
    """The namespaces that the agents' own objects name as that of their release."""
    for item in _own_objects(api):
        if (namespace := owner_of(item)) is not None:
            yield namespace


def _own_objects(api: ClusterApi) -> Iterator[Json]:
    """Objects of the agents, installed by any client; those that the credential may not read are left out."""
    for path in (CONFIG, f"/api/v1/namespaces/{NAMESPACE}"):
        if item := _unless_forbidden(partial(api.get, path)):
            yield item
    for item in _unless_forbidden(partial(api.items, DEFINITIONS)) or ():
        if KNOWN_DEFINITION.fullmatch(item["metadata"]["name"]):
            yield item
    for item in _unless_forbidden(partial(api.items, BINDINGS)) or ():
        if any(subject.get("namespace") == NAMESPACE for subject in item.get("subjects") or []):
            yield item


def _unless_forbidden[T](look: Callable[[], T]) -> T | None:
    try:
        return look()
    except ArcError as error:
        if error.code != Code.CLUSTER_PERMISSION_MISSING:
            raise
        return None
