"""GET /api/connectedClusters/{subscriptionId}/{resourceGroup}/{name}/fluxConfigurations and …/{configuration}: the Flux
configurations of a connected cluster as Azure has them now.
"""

import asyncio

import azure.functions as func

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.fields import ConfigurationName
from triggers import http
from triggers.access.callers import READ, Caller
from triggers.connected_cluster_routes import AZURE_CODES
from triggers.endpoints import Answer, endpoint
from triggers.extension_routes import OfCluster
from triggers.response_models import FluxConfiguration, FluxConfigurationList
from triggers.services import Invocation

_ALL = "connectedClusters/{subscription}/{group}/{name}/fluxConfigurations"


class _OneConfiguration(OfCluster):
    configuration: ConfigurationName


@endpoint(
    f"GET {_ALL}",
    READ,
    name="listFluxConfigurations",
    parameters=OfCluster,
    answers={200: Answer("The Flux configurations of the connected cluster, by name.", FluxConfigurationList)},
    codes=AZURE_CODES,
)
async def _list(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OfCluster
) -> func.HttpResponse:
    """List the Flux configurations of a connected cluster, with the reason of each that does not comply."""
    listed = await asyncio.to_thread(queries.flux_configurations_in, invocation.installation, parameters.cluster)
    return http.respond({"value": listed})


@endpoint(
    f"GET {_ALL}/{{configuration}}",
    READ,
    name="getFluxConfiguration",
    parameters=_OneConfiguration,
    answers={200: Answer("The Flux configuration as Azure has it now.", FluxConfiguration)},
    codes=(*AZURE_CODES, Code.GITOPS_NOT_FOUND),
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _OneConfiguration
) -> func.HttpResponse:
    """Read a Flux configuration of a connected cluster: source, kustomizations, compliance, and why it does not comply.

    Of protected settings only the names are returned.
    """
    document = await asyncio.to_thread(
        queries.flux_configuration, invocation.installation, parameters.cluster, parameters.configuration
    )
    return http.respond(document)
