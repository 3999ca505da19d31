"""Access of a step to its cluster: resolves the request's references, for the duration of one step."""

from collections.abc import Iterator
from contextlib import contextmanager

from activities.step import Call
from arcway.cluster.access import lease
from arcway.cluster.access.api import ClusterApi, cluster_api
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents.release import Target, existing_uids
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest
from arcway.kubeconfig_upload import open_kubeconfig, renewed


def open_access[R: AnyRequest](call: Call[R]) -> Access:
    """Access to the call's cluster.

    Raises `ArcError` ARC-2001 to ARC-2005, ARC-2025 when its credential is gone, ARC-2040 when it has other owners.
    """
    reference = call.request.kubeconfig
    if reference is None:
        raise ArcError(Code.SECRET_UNUSABLE, "The request names no kubeconfig.")
    return renewed(call.installation, reference, open_kubeconfig(call.installation, reference, call.user))


@contextmanager
def open_cluster[R: AnyRequest](call: Call[R]) -> Iterator[ClusterApi]:
    """The API of the call's cluster, without its Lease. Raises `ArcError`."""
    with cluster_api(call.installation.connections, open_access(call)) as api:
        yield api


@contextmanager
def locked_cluster[R: AnyRequest](call: Call[R]) -> Iterator[Target]:
    """The call's cluster under its Lease. Raises `ArcError`, ARC-2015 while another installation works on it."""
    access = open_access(call)
    with cluster_api(call.installation.connections, access) as api:
        acquired = lease.acquire(
            api, call.installation.settings.installation_name, call.payload["runId"], existing_uids
        )
        yield Target(call.installation.helm, api, access, acquired)


@contextmanager
def read_only_cluster[R: AnyRequest](call: Call[R]) -> Iterator[Target]:
    """The call's cluster without its Lease, for steps that change nothing. Raises `ArcError`."""
    access = open_access(call)
    with cluster_api(call.installation.connections, access) as api:
        yield Target(call.installation.helm, api, access, AcquiredLease(frozenset()))
