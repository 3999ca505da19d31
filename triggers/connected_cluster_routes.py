"""GET /api/connectedClusters, /{subscriptionId}/{resourceGroup}/{name} and …/agents: what is there now.

The first two are what Azure says, the last one what the cluster itself does. Must not know how either is asked.
"""

import asyncio
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field

from arcway import queries
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.model import SecretName
from arcway.domain.request import ClusterName, KubeconfigReference, ResourceGroupName, SubscriptionId, read_request
from triggers import http
from triggers.access.callers import CHANGE, READ, Caller
from triggers.operations import Answer, Parameters, at, operation
from triggers.runs import input_of, look_up
from triggers.shapes import AgentsTable, ConnectedCluster, ConnectedClusterList

blueprint = df.Blueprint()

_ONE = "connectedClusters/{subscription}/{group}/{name}"
_AZURE_CODES = ("ARC-3003", *(f"ARC-40{number:02}" for number in (*range(1, 10), 11, 12)))
_CLUSTER_CODES = (
    *(f"ARC-20{number:02}" for number in (*range(1, 9), *range(11, 15), 23)),
    *("ARC-3001", "ARC-3002", "ARC-3009", "ARC-5012", "ARC-6007"),
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
    """Name of the secret with the kubeconfig; without it, that of the cluster's last run is used."""
    context: Annotated[str | None, Field(max_length=253)] = None
    """Goes with kubeconfig only."""


@blueprint.route(route="connectedClusters", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def connected_clusters(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """All connected clusters of ?subscription=, or of its ?resourceGroup=."""
    return await http.answer(req, client, at("connectedClusters"))


@blueprint.route(route=_ONE, methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def connected_cluster(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """One connected cluster."""
    return await http.answer(req, client, at(_ONE))


@blueprint.route(route=f"{_ONE}/agents", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def connected_cluster_agents(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The agents in one connected cluster."""
    return await http.answer(req, client, at(f"{_ONE}/agents"))


@operation(
    "GET connectedClusters",
    READ,
    name="listConnectedClusters",
    parameters=_Where,
    answers={200: Answer("What Azure has, by name.", ConnectedClusterList)},
    codes=_AZURE_CODES,
)
async def _list(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, given: _Where
) -> func.HttpResponse:
    """List the connected clusters of a subscription or of one of its resource groups."""
    found = await asyncio.to_thread(queries.connected_clusters_in, given.subscription, given.resource_group)
    return http.respond({"value": found})


@operation(
    f"GET {_ONE}",
    READ,
    name="getConnectedCluster",
    parameters=_One,
    answers={200: Answer("As Azure has it now.", ConnectedCluster)},
    codes=_AZURE_CODES,
)
async def _get(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, given: _One
) -> func.HttpResponse:
    """Read a connected cluster: connectivity, version, nodes, age of the heartbeat, days the certificate has left."""
    return http.respond(await asyncio.to_thread(queries.connected_cluster, given.cluster))


@operation(
    f"GET {_ONE}/agents",
    READ,
    name="getAgents",
    parameters=_Agents,
    answers={200: Answer("As the cluster's own API server shows them.", AgentsTable)},
    codes=(*_AZURE_CODES, *_CLUSTER_CODES),
)
async def _agents(
    req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller, given: _Agents
) -> func.HttpResponse:
    """Read the agents in a connected cluster.

    A caller who names a kubeconfig needs a role that may use it: Arcway.Onboard or Arcway.Offboard.
    """
    if given.kubeconfig is None:
        if given.context is not None:
            raise ArcError("ARC-1006", details=[{"field": "context", "message": "goes with kubeconfig only"}])
        return http.respond(await agents_by_last_run(client, given.cluster))
    caller.require(CHANGE)
    reference = KubeconfigReference(secret=given.kubeconfig, context=given.context)
    return http.respond(await asyncio.to_thread(queries.agents_of, given.cluster, reference))


async def agents_by_last_run(client: df.DurableFunctionsClient, cluster: ClusterId) -> dict[str, Any]:
    """The agents as the kubeconfig of the cluster's last run shows them. Raises `ArcError`, ARC-2023 if it is gone."""
    reference = await kubeconfig_of_last_run(client, cluster)
    try:
        return await asyncio.to_thread(queries.agents_of, cluster, reference)
    except ArcError as error:
        if error.code not in ("ARC-2001", "ARC-2025"):
            raise
        text = f"The kubeconfig of the last run, secret {reference.secret}, is gone or cannot be read."
        raise ArcError("ARC-2023", text) from error


async def kubeconfig_of_last_run(client: df.DurableFunctionsClient, cluster: ClusterId) -> KubeconfigReference:
    """The kubeconfig of the cluster's last run. Raises `ArcError` ARC-2023."""
    state = await look_up(client, cluster.instance())
    request = read_request(input_of(state)["request"]) if state else None
    if request is None or request.kubeconfig is None:
        what = "The last run was given no kubeconfig" if request else "There is no run"
        raise ArcError("ARC-2023", f"{what} of {cluster.resource_id}.")
    return request.kubeconfig
