"""Checks a cluster before anything is changed in it: all findings at once, and the facts that later steps need.

What the credential may not read is not checked; the finding about the missing permission stands for it. Whose agents
are in the cluster is read from the cluster's own ConfigMap.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime

from arcway.cluster.access import lease, server_certificate
from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.agents import key_pair, leftovers, parts
from arcway.cluster.agents.parts import Part
from arcway.cluster.agents.release_namespace import all_records
from arcway.cluster.checks import internal_ranges, nodes, permissions
from arcway.cluster.checks.findings import lacking
from arcway.cluster.checks.permissions import Permission
from arcway.cluster.constants import NAMESPACE, RELEASE_NAMESPACE
from arcway.cluster.ownership import owner
from arcway.domain.codes import Code
from arcway.domain.detection import detect_distribution, detect_infrastructure
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.text import counted, excerpt

OLDEST_SUPPORTED = (1, 27)
NEWEST_KNOWN = (1, 36)
SERVER_CERTIFICATE_WARNING_DAYS = 30


def inspect(
    api: ClusterApi,
    access: Access,
    installation: str,
    *,
    proxied: bool,
    network: bool,
    custom_locations: bool = False,
) -> tuple[list[Json], Json]:
    """Findings and facts, of a cluster that is `proxied` also the addresses inside it.

    `network` says that its network will be checked, too, `custom_locations` that they are turned on: both take
    permissions of their own. Raises `ArcError` when the API server does not answer or refuses the credential.
    """
    version = api.get("/version") or {}
    git_version = excerpt(version.get("gitVersion"))
    findings = [*_version(git_version), *_certificate(access)]
    needed = permissions.TO_CONNECT + (permissions.TO_CHECK_THE_NETWORK if network else ())
    needed += permissions.TO_GRANT_CUSTOM_LOCATIONS if custom_locations else ()
    missing = permissions.missing_at_its_place(api, needed)
    findings += lacking(missing)
    node_list = [] if permissions.LIST_NODES in missing else api.items("/api/v1/nodes")
    deployed = permissions.LIST_RECORDS not in missing and _is_release_deployed(api)
    if permissions.LIST_NODES not in missing:
        findings += nodes.inspect(node_list)
        findings += [] if deployed else _memory(api, node_list)
    findings += [] if permissions.GET_LEASES in missing else _lease(api, installation)
    findings += _left(api, missing)
    existing = owner(api) if permissions.GET_CONFIG not in missing else None
    key = key_pair.public_key(api) if permissions.GET_KEY not in missing else None
    return findings, {
        "owner": existing.resource_id if existing else None,
        "publicKey": key,
        "kubernetesVersion": git_version.removeprefix("v"),
        "distribution": detect_distribution(node_list, git_version),
        "infrastructure": detect_infrastructure(node_list, git_version),
        "architectures": nodes.architectures(node_list),
        "releaseDeployed": deployed,
        "inside": internal_ranges.internal_ranges(api, node_list) if proxied else [],
    }


def _version(git_version: str) -> list[Json]:
    match = re.match(r"v?([0-9]{1,6})\.([0-9]{1,6})", git_version)
    number = (int(match[1]), int(match[2])) if match else (0, 0)
    if number < OLDEST_SUPPORTED:
        oldest = ".".join(map(str, OLDEST_SUPPORTED))
        return [
            finding(
                Code.KUBERNETES_VERSION_UNSUPPORTED,
                f"Kubernetes {git_version} is older than {oldest}, the oldest supported version.",
                "warning",
            )
        ]
    if number > NEWEST_KNOWN:
        newest = ".".join(map(str, NEWEST_KNOWN))
        return [
            finding(
                Code.KUBERNETES_VERSION_UNTESTED,
                f"Kubernetes {git_version} is newer than {newest}, the newest tested version.",
                "info",
            )
        ]
    return []


def _certificate(access: Access) -> list[Json]:
    ends = server_certificate.expiry(access)
    days = (ends - datetime.now(UTC)).days
    if days >= SERVER_CERTIFICATE_WARNING_DAYS:
        return []
    message = f"The certificate of {access.server} expires in {counted(days, 'day')}, on {ends:%Y-%m-%d}."
    return [finding(Code.SERVER_CERTIFICATE_EXPIRES_SOON, message, "warning")]


def _memory(api: ClusterApi, node_list: list[Json]) -> list[Json]:
    if not api.may(*permissions.LIST_PODS):
        message = "The free memory of the nodes is unknown: the credential cannot list pods in all namespaces."
        return [finding(Code.LOW_MEMORY, message, "info")]
    return nodes.memory(api, node_list)


def _lease(api: ClusterApi, installation: str) -> list[Json]:
    try:
        lease.check(api, installation)
    except ArcError as error:
        if error.code != Code.CLUSTER_LEASE_HELD:
            raise
        return [finding(error.code, error.message)]
    return []


def _left(api: ClusterApi, missing: Collection[Permission]) -> list[Json]:
    findings = []
    for name in (NAMESPACE, RELEASE_NAMESPACE) if permissions.GET_NAMESPACES not in missing else ():
        path = f"/api/v1/namespaces/{name}"
        namespace = api.get(path)
        if namespace and namespace.get("status", {}).get("phase") == "Terminating":
            why = parts.reason([Part("namespace", path, namespace)])
            message = f"Namespace {name} is terminating; the run will wait for it" + (f": {why}" if why else "")
            findings.append(finding(Code.NAMESPACE_TERMINATING, f"{message}.", "info"))
    if not findings and not {permissions.LIST_RECORDS, permissions.LIST_CRDS} & set(missing):
        findings += leftovers.inspect(api)
    return findings


def _is_release_deployed(api: ClusterApi) -> bool:
    return any(record["metadata"]["labels"].get("status") == "deployed" for record in all_records(api))
