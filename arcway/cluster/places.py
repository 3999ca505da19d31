"""Where the agents' release is: in whatever namespace the client that installed it has put it.

`az connectedk8s` before 1.3.7 used the namespace of the kubeconfig's context. A release of the same name and another
chart is somebody else's. Must not know what is done with the release.
"""

from collections.abc import Iterator
from typing import Any

from arcway.cluster.api import ClusterApi
from arcway.cluster.names import CHART, CONFIG, NAMESPACE, OWNER_NAME, OWNER_NAMESPACE, RELEASE, RELEASE_NAMESPACE
from arcway.cluster.stored_release import chart_of, records, revision_of
from arcway.domain.errors import ArcError

_ALL = "/api/v1/secrets"

type Json = dict[str, Any]


def place(api: ClusterApi) -> str:
    """The namespace of the agents' release; where a new one goes when there is none."""
    if records(api, RELEASE_NAMESPACE):
        return RELEASE_NAMESPACE
    return next(iter(_elsewhere(api)[0]), RELEASE_NAMESPACE)


def places(api: ClusterApi) -> list[str]:
    """Every namespace with a release of the agents: an installation made beside another leaves two."""
    return survey(api)[0]


def survey(api: ClusterApi) -> tuple[list[str], list[str]]:
    """The namespaces with a release of the agents, and those with a release of the same name that is not theirs."""
    mine, others = _elsewhere(api)
    return ([RELEASE_NAMESPACE] if records(api, RELEASE_NAMESPACE) else []) + mine, others


def all_records(api: ClusterApi) -> list[Json]:
    """The records of the agents' release, wherever it is."""
    return [record for namespace in places(api) for record in records(api, namespace)]


def owner_of(item: Json) -> str | None:
    """The namespace of the release named as the agents' that an object says it is of, None when it says none."""
    annotations = item["metadata"].get("annotations") or {}
    return annotations.get(OWNER_NAMESPACE, "") if annotations.get(OWNER_NAME) == RELEASE else None


def _elsewhere(api: ClusterApi) -> tuple[list[str], list[str]]:
    mine: list[str] = []
    others: list[str] = []
    hinted: list[str] | None = None
    for namespace, kept in _by_namespace(api).items():
        if namespace == RELEASE_NAMESPACE:
            continue
        chart = next((name for record in reversed(kept) if (name := chart_of(record))), None)
        if chart != CHART and hinted is None:
            hinted = list(_hinted(api))
        is_theirs = chart == CHART or namespace in (hinted or ())
        (mine if is_theirs else others).append(namespace)
    return sorted(mine), sorted(others)


def _by_namespace(api: ClusterApi) -> dict[str, list[Json]]:
    try:
        found = api.items(_ALL, labelSelector=f"owner=helm,name={RELEASE}")
    except ArcError as error:
        if error.code != "ARC-2008":
            raise
        # A credential that may not look everywhere looks where the agents themselves say that their release is.
        return {name: of_one for name in _hinted(api) if (of_one := records(api, name))}
    kept: dict[str, list[Json]] = {}
    for record in sorted(found, key=revision_of):
        kept.setdefault(record["metadata"].get("namespace") or RELEASE_NAMESPACE, []).append(record)
    return kept


def _hinted(api: ClusterApi) -> Iterator[str]:
    """The namespaces, other than the usual one, that the agents' own objects name as that of their release."""
    seen: set[str] = {RELEASE_NAMESPACE, ""}
    for path in (CONFIG, f"/api/v1/namespaces/{NAMESPACE}"):
        try:
            item = api.get(path)
        except ArcError as error:
            if error.code != "ARC-2008":
                raise
            continue
        namespace = owner_of(item) if item else None
        if namespace and namespace not in seen:
            seen.add(namespace)
            yield namespace
