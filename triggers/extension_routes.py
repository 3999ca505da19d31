"""GET /api/connectedClusters/{subscriptionId}/{resourceGroup}/{name}/extensions and …/{extension}: a connected
cluster's extensions as Azure has them now.
"""

import asyncio

import azure.functions as func

from arcway import queries
from arcway.domain.codes import Code
from arcway.domain.fields import ClusterName, ExtensionName, ResourceGroupName, SubscriptionId
from arcway.domain.ids import ClusterId
from triggers import http
from triggers.access.callers import READ, Caller
from triggers.connected_cluster_routes import AZURE_CODES
from triggers.endpoints import Answer, Parameters, endpoint
from triggers.response_models import Extension, ExtensionList
from triggers.services import Invocation

_ALL = "connectedClusters/{subscription}/{group}/{name}/extensions"


class OfCluster(Parameters):
    """The connected cluster in a path."""

    subscription: SubscriptionId
    group: ResourceGroupName
    name: ClusterName

    @property
    def cluster(self) -> ClusterId:
        """The connected cluster that the path names."""
        return ClusterId(self.subscription, self.group, self.name)


class _OneExtension(OfCluster):
    extension: ExtensionName


@endpoint(
    f"GET {_ALL}",
    READ,
    name="listExtensions",
    parameters=OfCluster,
    answers={200: Answer("The extensions of the connected cluster, by name.", ExtensionList)},
    codes=AZURE_CODES,
)
async def _list(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OfCluster
) -> func.HttpResponse:
    """List the extensions of a connected cluster, with the reasons of those that failed."""
    listed = await asyncio.to_thread(queries.extensions_in, invocation.installation, parameters.cluster)
    return http.respond({"value": listed})


@endpoint(
    f"GET {_ALL}/{{extension}}",
    READ,
    name="getExtension",
    parameters=_OneExtension,
    answers={200: Answer("The extension as Azure has it now.", Extension)},
    codes=(*AZURE_CODES, Code.EXTENSION_NOT_FOUND),
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: _OneExtension
) -> func.HttpResponse:
    """Read an extension of a connected cluster: version, state, settings, and why it failed.

    Of protected settings only the names are returned.
    """
    document = await asyncio.to_thread(
        queries.extension, invocation.installation, parameters.cluster, parameters.extension
    )
    return http.respond(document)
