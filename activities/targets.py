"""Access of a step to its cluster: resolves the request's references, for the duration of one step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from activities.step import Call, Json
from arcway.azure import data_plane
from arcway.azure.agent_endpoints import endpoints
from arcway.azure.cloud import cloud
from arcway.azure.connected_clusters import Change
from arcway.azure.secrets import read_secret
from arcway.cluster.access import lease
from arcway.cluster.access.api import cluster_api
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.release import Chart, Target, existing_uids
from arcway.cluster.agents.update_values import agent_settings, changed_proxy, without_a_proxy
from arcway.cluster.agents.values import Values, deep_merge, first_values, identity_values
from arcway.cluster.helm import helm
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_key
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.proxy import Proxy, no_proxy_list, proxy_credentials
from arcway.domain.request import AnyRequest, OnboardRequest, UpdateRequest
from arcway.domain.secret_names import SecretKind, kind_of
from arcway.kubeconfig_upload import open_kubeconfig, renewed
from arcway.settings import settings


def access_to[R: AnyRequest](call: Call[R]) -> Access:
    """Access to the call's cluster.

    Raises `ArcError` ARC-2001 to ARC-2005, ARC-2025 when its credential is gone, ARC-2040 when it has other owners.
    """
    reference = call.request.kubeconfig
    if reference is None:
        raise ArcError(Code.SECRET_UNUSABLE, "The request names no kubeconfig.")
    return renewed(reference, open_kubeconfig(reference, call.user))


@contextmanager
def cluster_of[R: AnyRequest](call: Call[R]) -> Iterator[Target]:
    """The call's cluster under its Lease. Raises `ArcError`, ARC-2015 while another installation works on it."""
    access = access_to(call)
    with cluster_api(access) as api:
        held = lease.acquire(api, settings().installation, call.given["runId"], existing_uids)
        yield Target(helm(), api, access, held)


@contextmanager
def looked_at[R: AnyRequest](call: Call[R]) -> Iterator[Target]:
    """The call's cluster without its Lease, for a look that changes nothing. Raises `ArcError`."""
    access = access_to(call)
    with cluster_api(access) as api:
        yield Target(helm(), api, access, AcquiredLease(frozenset()))


def chart_of(request: OnboardRequest, had: Values) -> Chart:
    """The chart that a new installation of the agents takes, of the release train asked for or `had`."""
    path = data_plane.latest_chart(request.location, request.agents.train or train_of(had))
    return Chart.parse(path, request.agents.version, settings().registries)


def values_of(call: Call, facts: Json, resource: Json | None, had: Values, chart: Chart) -> Values:
    """The values that the request gives agents which `had` these: what it leaves out stays as it is.

    What was detected is for agents of which neither their release nor the cluster's own `resource` says otherwise.
    """
    request, described = call.request, described_by(resource, call.given.get("publicKey"), facts)
    identity = identity_values(
        request.cluster,
        location=request.location,
        tenant_id=call.given["tenantId"],
        cloud_name=cloud().agents_name,
    )
    place = endpoints(cloud(), request.location, chart.repository.partition("/")[0])
    kept = deep_merge(deep_merge(first_values(**described), place), had)
    return deep_merge(deep_merge(kept, identity), named_values(call, had, facts))


def named_values(call: Call, had: Values, facts: Json) -> Values:
    """The values that the request itself names, for agents which `had` these."""
    request = call.request
    values = agent_settings(
        auto_upgrade=request.agents.auto_upgrade,
        distribution=request.distribution,
        infrastructure=request.infrastructure,
        train=request.agents.train,
    )
    if request.proxy is None:
        return values
    return deep_merge(values, _proxy_of(request.proxy, call.user, had, facts.get("inside", ())))


def described_by(resource: Json | None, public_key: str | None, facts: Json) -> dict[str, str]:
    """Distribution and infrastructure: as the cluster's own resource says, else as detected.

    The resource of a key that this cluster does not have describes another cluster.
    """
    is_own = resource is not None and public_key is not None and has_key(resource, public_key)
    properties = (resource.get("properties") or {}) if resource is not None and is_own else {}
    return {name: properties.get(name) or facts[name] for name in ("distribution", "infrastructure")}


def change_to_connect(request: OnboardRequest, resource: Json | None, public_key: str | None, facts: Json) -> Change:
    """What a connect wants of the connected cluster, which is `resource` so far."""
    described = described_by(resource, public_key, facts)
    return Change(
        tags=request.tags,
        distribution=request.distribution or described["distribution"],
        infrastructure=request.infrastructure or described["infrastructure"],
        auto_upgrade=request.agents.auto_upgrade,
        public_key=public_key,
    )


def skip_range(proxy: Proxy, facts: Json) -> str:
    """What the agents reach without the proxy: what the request says and what the cluster has inside."""
    if not (proxy.https or proxy.http):
        return ""
    return no_proxy_list(proxy.skip_range, facts.get("inside", ()), cloud().domain)


def change_of(request: UpdateRequest) -> Change:
    """What the update wants of the connected cluster."""
    return Change(
        tags=request.tags,
        removed_tags=request.remove_tags,
        distribution=request.distribution,
        infrastructure=request.infrastructure,
        hybrid_benefit=request.azure_hybrid_benefit,
        auto_upgrade=request.auto_upgrade,
    )


def changed_values(request: UpdateRequest, user: SecretUser, had: Values, inside: Sequence[str]) -> Values:
    """The values that the update gives a release which `had` these; what is `inside` the cluster needs no proxy."""
    values = agent_settings(
        auto_upgrade=request.auto_upgrade, distribution=request.distribution, infrastructure=request.infrastructure
    )
    if request.disable_proxy:
        return deep_merge(values, without_a_proxy(had))
    proxy = request.proxy
    if proxy is None:
        return values
    return deep_merge(values, _proxy_of(proxy, user, had, inside))


def _proxy_of(proxy: Proxy, user: SecretUser, had: Values, inside: Sequence[str]) -> Values:
    credentials = credentials_of(proxy, user)
    return changed_proxy(had, proxy, credentials=credentials, inside=inside, cloud_domain=cloud().domain)


def credentials_of(proxy: Proxy, user: SecretUser) -> str | None:
    """`user:password` from the secret that the proxy names. Raises `ArcError` ARC-2041 when it is not that."""
    if proxy.credentials is None:
        return None
    name = proxy.credentials.secret
    gone = Code.TEMPORARY_CREDENTIAL_GONE if kind_of(name) is SecretKind.TEMPORARY else Code.PROXY_CREDENTIALS_INVALID
    text = read_secret(name, SecretKind.PROXY_CREDENTIALS, SecretKind.TEMPORARY, user=user, code_when_gone=gone)
    return proxy_credentials(name, text)
