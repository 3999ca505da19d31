"""Where a step acts: resolves a request's references into access to its cluster, for the time of one step."""

from collections.abc import Iterator
from contextlib import contextmanager

from activities.step import Call, Json
from arcway.azure import data_plane
from arcway.azure.cloud import cloud
from arcway.azure.secrets import read_secret
from arcway.cluster import lease
from arcway.cluster.api import cluster_api
from arcway.cluster.helm import helm
from arcway.cluster.kubeconfig import Access, read_kubeconfig
from arcway.cluster.release import Chart, Target, existing
from arcway.cluster.values import Values, agent_values, merged, proxy_values
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest, Request
from arcway.settings import settings


def access_to(request: AnyRequest) -> Access:
    """Access to the request's cluster. Raises `ArcError` ARC-2001 to ARC-2005."""
    if request.kubeconfig is None:
        raise ArcError("ARC-2001", "The request names no kubeconfig.")
    text = read_secret(request.kubeconfig.secret)
    return read_kubeconfig(text, request.kubeconfig.context, allow_loopback=settings().local)


@contextmanager
def cluster_of[R: AnyRequest](call: Call[R]) -> Iterator[Target]:
    """The call's cluster under its Lease. Raises `ArcError`, ARC-2015 while another installation works on it."""
    access = access_to(call.request)
    with cluster_api(access) as api:
        held = lease.hold(api, settings().installation, call.given["runId"], existing)
        yield Target(helm(), api, access, held)


def chart_of(request: Request) -> Chart:
    """The chart that a new installation of the agents takes."""
    path = data_plane.latest_chart(request.location, request.agents.train)
    return Chart.parse(path, request.agents.version, settings().registries)


def values_of(request: Request, facts: Json, tenant_id: str) -> Values:
    """The values that the request and the detected facts give the agents."""
    base = agent_values(
        request.cluster,
        location=request.location,
        tenant_id=tenant_id,
        cloud_name=cloud().agents_name,
        distribution=request.distribution or facts["distribution"],
        infrastructure=request.infrastructure or facts["infrastructure"],
        auto_upgrade=request.agents.auto_upgrade,
        train=request.agents.train,
    )
    credentials = read_secret(request.proxy.credentials.secret) if request.proxy and request.proxy.credentials else None
    return merged(base, proxy_values(request.proxy, credentials))
