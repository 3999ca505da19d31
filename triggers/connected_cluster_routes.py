"""GET /api/connectedClusters, /{subscriptionId}/{resourceGroup}/{name} and …/agents: connected clusters and agents as
they are now.

The first two are what Azure says, the last one what the cluster itself does.
"""

from typing import Annotated, Any

import azure.functions as func
from pydantic import Field, ValidationError

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fields import ClusterName, ResourceGroupName, SubscriptionId
from arcway.domain.ids import ClusterId
from arcway.domain.model import SecretName, field_errors
from arcway.domain.owners import SecretUser
from arcway.domain.references import KubeconfigReference, wrong_kubeconfig
from arcway.domain.request import read_request
from arcway.domain.secret_names import PROOF_PATTERN, SecretKind, kind_of
from arcway.runs.reader import get_instance, input_of
from triggers import http
from triggers.access.callers import CHANGE, READ, Caller
from triggers.endpoints import Answer, Header, Parameters, endpoint
from triggers.response_models import AgentsTable, ConnectedCluster, ConnectedClusterList
from triggers.services import Invocation

_ONE = "connectedClusters/{subscription}/{group}/{name}"
AZURE_CODES = (
    Code.AZURE_UNREACHABLE,
    Code.AZURE_TOKEN_UNAVAILABLE,
    Code.AZURE_PERMISSION_MISSING,
    Code.SUBSCRIPTION_NOT_FOUND,
    Code.LOCATION_NOT_OFFERED,
    Code.PROVIDER_NOT_REGISTERED,
    Code.RESOURCE_GROUP_NOT_FOUND,
    Code.AZURE_THROTTLED,
    Code.AZURE_SERVER_ERROR,
    Code.AZURE_REQUEST_REFUSED,
    Code.AZURE_RESPONSE_INVALID,
    Code.CONNECTED_CLUSTER_NOT_FOUND,
)
_PROOF = Header(
    "x-arcway-proof",
    "The proof of a temporary secret (`kubeconfig.proof` of a request); not in the query, since URLs are logged.",
    {"type": "string", "pattern": PROOF_PATTERN},
)
_CLUSTER_CODES = (
    Code.SECRET_UNUSABLE,
    Code.KUBECONFIG_INVALID,
    Code.KUBECONFIG_REFUSED,
    Code.KUBECONFIG_CONTEXT_NOT_FOUND,
    Code.SERVER_ADDRESS_NOT_ALLOWED,
    Code.CLUSTER_CREDENTIAL_REFUSED,
    Code.SERVER_CERTIFICATE_UNTRUSTED,
    Code.CLUSTER_PERMISSION_MISSING,
    Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER,
    Code.NAMESPACE_TERMINATING,
    Code.KUBERNETES_API_ERROR,
    Code.KUBERNETES_CHANGE_REFUSED,
    Code.KUBECONFIG_UNKNOWN,
    Code.TEMPORARY_CREDENTIAL_GONE,
    Code.KUBERNETES_RESPONSE_INVALID,
    Code.SECRET_NOT_OWNED,
    Code.API_SERVER_UNREACHABLE,
    Code.API_SERVER_TIMEOUT,
    Code.API_SERVER_REDIRECTED,
    Code.AGENTS_NOT_INSTALLED,
    Code.ENGINE_UNREACHABLE,
)


class _Where(Parameters):
    subscription: SubscriptionId
    resource_group: ResourceGroupName | None = None


class _One(Parameters):
    subscription: SubscriptionId
    group: ResourceGroupName
    name: ClusterName

    @property
    def cluster(self) -> ClusterId:
        """The connected cluster that the path names."""
        return ClusterId(self.subscription, self.group, self.name)


class _Agents(_One):
    kubeconfig: SecretName | None = None
    """Name of the secret with the kubeconfig. Default: the kubeconfig of the cluster's last run."""
    context: Annotated[str | None, Field(max_length=253)] = None
    """Only together with kubeconfig."""


@endpoint(
    "GET connectedClusters",
    READ,
    name="listConnectedClusters",
    parameters=_Where,
    answers={200: Answer("The connected clusters in Azure, by name.", ConnectedClusterList)},
    codes=AZURE_CODES,
)
async def _list(req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _Where) -> func.HttpResponse:
    """List the connected clusters of a subscription or of one of its resource groups."""
    resources = await in_thread(
        queries.connected_clusters_in, invocation.installation, parameters.subscription, parameters.resource_group
    )
    return http.respond({"value": resources})


@endpoint(
    f"GET {_ONE}",
    READ,
    name="getConnectedCluster",
    parameters=_One,
    answers={200: Answer("The connected cluster as Azure has it now.", ConnectedCluster)},
    codes=AZURE_CODES,
)
async def _get(req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _One) -> func.HttpResponse:
    """Read a connected cluster: connectivity, version, nodes, age of the heartbeat, days of the certificate."""
    return http.respond(await in_thread(queries.connected_cluster, invocation.installation, parameters.cluster))


@endpoint(
    f"GET {_ONE}/agents",
    READ,
    name="getAgents",
    parameters=_Agents,
    headers=(_PROOF,),
    answers={200: Answer("The agents as the cluster's API server shows them.", AgentsTable)},
    codes=(*AZURE_CODES, *_CLUSTER_CODES),
)
async def _agents(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _Agents
) -> func.HttpResponse:
    """Read the agents in a connected cluster.

    A caller who names a kubeconfig needs a role that may use it: Arcway.Onboard or Arcway.Offboard.
    """
    if parameters.kubeconfig is None:
        if parameters.context is not None:
            raise ArcError(
                Code.INVALID_PARAMETERS, details=[{"field": "context", "message": "is only allowed with kubeconfig"}]
            )
        return http.respond(await agents_by_last_run(invocation, parameters.cluster))
    caller.require(CHANGE)
    reference = _reference(parameters, req.headers.get(_PROOF.name))
    return http.respond(
        await in_thread(queries.agents_of, invocation.installation, parameters.cluster, reference, caller.secret_user)
    )


def _reference(parameters: _Agents, proof: str | None) -> KubeconfigReference:
    """The kubeconfig that the query names. Raises `ArcError` ARC-1006 when it is not one that the caller may name."""
    name, temporary = str(parameters.kubeconfig), kind_of(str(parameters.kubeconfig)) is SecretKind.TEMPORARY
    try:
        reference = KubeconfigReference(secret=name, context=parameters.context, temporary=temporary, proof=proof)
    except ValidationError as error:
        raise ArcError(Code.INVALID_PARAMETERS, details=field_errors(error)) from error
    names = {"kubeconfig.secret": "kubeconfig", "kubeconfig.proof": _PROOF.name}
    if wrong := wrong_kubeconfig(reference):
        details = [{**item, "field": names.get(item["field"], item["field"])} for item in wrong]
        raise ArcError(Code.INVALID_PARAMETERS, details=details)
    return reference


async def agents_by_last_run(invocation: Invocation, cluster: ClusterId) -> dict[str, Any]:
    """The agents as the kubeconfig of the cluster's last run shows them. Raises `ArcError`, ARC-2023 if it is gone."""
    reference, user = await kubeconfig_of_last_run(invocation, cluster)
    try:
        return await in_thread(queries.agents_of, invocation.installation, cluster, reference, user)
    except ArcError as error:
        if error.code not in (Code.SECRET_UNUSABLE, Code.TEMPORARY_CREDENTIAL_GONE):
            raise
        message = f"The kubeconfig of the last run, secret {reference.secret}, is gone or cannot be read."
        raise ArcError(Code.KUBECONFIG_UNKNOWN, message) from error


async def kubeconfig_of_last_run(invocation: Invocation, cluster: ClusterId) -> tuple[KubeconfigReference, SecretUser]:
    """The kubeconfig of the cluster's last run, and who asked for that. Raises `ArcError` ARC-2023."""
    state = await get_instance(invocation.client, cluster.instance())
    started = input_of(state) if state else None
    request = read_request(started["request"]) if started else None
    if started is None or request is None or request.kubeconfig is None:
        reason = "The last run had no kubeconfig" if request else "There is no run"
        raise ArcError(Code.KUBECONFIG_UNKNOWN, f"{reason} of {cluster.resource_id}.")
    return request.kubeconfig, SecretUser.of(started)
