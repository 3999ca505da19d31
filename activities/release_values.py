"""The chart and the Helm values that requests give the agents' release."""

from collections.abc import Sequence

from activities.step import Call
from arcway.azure import data_plane
from arcway.azure.agent_endpoints import endpoints
from arcway.azure.clients import AzureClients
from arcway.azure.requested_changes import environment_of
from arcway.azure.secrets import Secrets
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.update_values import agent_settings, changed_proxy, feature_values, without_a_proxy
from arcway.cluster.agents.values import Values, deep_merge, first_values, from_dotted, identity_values
from arcway.domain.codes import Code
from arcway.domain.feature_findings import is_private
from arcway.domain.features import Features, resource_settings
from arcway.domain.json_values import Json
from arcway.domain.owners import SecretUser
from arcway.domain.proxy import Proxy, no_proxy_list, proxy_credentials
from arcway.domain.request import OnboardRequest, UpdateRequest
from arcway.domain.secret_names import SecretKind, kind_of
from arcway.installation import Installation


def new_chart(installation: Installation, request: OnboardRequest, current: Values) -> Chart:
    """The chart of a new installation, of the release train that the request names or that `current` values have."""
    path = data_plane.latest_chart(installation.azure, request.location, request.agents.train or train_of(current))
    return Chart.parse(path, request.agents.version, installation.settings.registries)


def onboard_values(call: Call, facts: Json, resource: Json | None, current: Values, chart: Chart) -> Values:
    """The values that a connect gives agents with these `current` ones: what the request leaves out stays as it is.

    What was detected is for agents of which neither their release nor the cluster's own `resource` says otherwise.
    """
    cloud = call.installation.azure.cloud
    request, environment = call.request, environment_of(resource, call.payload.get("publicKey"), facts)
    identity = identity_values(
        request.cluster,
        location=request.location,
        tenant_id=call.payload["tenantId"],
        cloud_name=cloud.agents_name,
    )
    cloud_values = endpoints(cloud, request.location, chart.repository.partition("/")[0])
    first = first_values(**environment, cluster_connect=not is_private(request.features, resource))
    kept = deep_merge(deep_merge(first, cloud_values), current)
    return deep_merge(deep_merge(kept, identity), named_values(call, current, facts))


def named_values(call: Call, current: Values, facts: Json) -> Values:
    """The values that the request of a connect names itself, for agents with these `current` ones."""
    request = call.request
    values = agent_settings(
        auto_upgrade=request.agents.auto_upgrade,
        distribution=request.distribution,
        infrastructure=request.infrastructure,
        train=request.agents.train,
    )
    values = deep_merge(values, feature_values(request.features, current))
    if request.proxy is None:
        return values
    return deep_merge(
        values, _proxy_values(call.installation, request.proxy, call.user, current, facts.get("inside", ()))
    )


def update_values(
    installation: Installation, request: UpdateRequest, user: SecretUser, current: Values, inside: Sequence[str]
) -> Values:
    """The values that an update gives a release with these `current` ones; `inside` are ranges that need no proxy."""
    values = agent_settings(
        auto_upgrade=request.auto_upgrade, distribution=request.distribution, infrastructure=request.infrastructure
    )
    values = deep_merge(values, feature_values(request.features, current))
    if request.disable_proxy:
        return deep_merge(values, without_a_proxy(current))
    if request.proxy is None:
        return values
    return deep_merge(values, _proxy_values(installation, request.proxy, user, current, inside))


def data_plane_values(
    azure: AzureClients, features: Features | None, resource: Json | None, location: str, train: str
) -> Values:
    """What the data plane gives the agents of `resource`, if the features set what it decides by; else nothing.

    Raises `ArcError` ARC-3004 when it does not respond.
    """
    if resource is None or not resource_settings(features):
        return {}
    _, settings = data_plane.helm_settings(azure, location, train, resource)
    return from_dotted(settings)


def bypass_list(azure: AzureClients, proxy: Proxy, facts: Json) -> str:
    """The addresses that bypass the proxy: those of the request and the cluster's own ranges."""
    if not (proxy.https or proxy.http):
        return ""
    return no_proxy_list(proxy.skip_range, facts.get("inside", ()), azure.cloud.domain)


def read_proxy_credentials(secrets: Secrets, proxy: Proxy, user: SecretUser) -> str | None:
    """`user:password` from the secret that the proxy names. Raises `ArcError` ARC-2041 when it is not that."""
    if proxy.credentials is None:
        return None
    name = proxy.credentials.secret
    is_temporary = kind_of(name) is SecretKind.TEMPORARY
    code = Code.TEMPORARY_CREDENTIAL_GONE if is_temporary else Code.PROXY_CREDENTIALS_INVALID
    secret = secrets.read(name, SecretKind.PROXY_CREDENTIALS, SecretKind.TEMPORARY, user=user, code_when_gone=code)
    return proxy_credentials(name, secret)


def _proxy_values(
    installation: Installation, proxy: Proxy, user: SecretUser, current: Values, inside: Sequence[str]
) -> Values:
    credentials = read_proxy_credentials(installation.secrets, proxy, user)
    return changed_proxy(
        current, proxy, credentials=credentials, inside=inside, cloud_domain=installation.azure.cloud.domain
    )
