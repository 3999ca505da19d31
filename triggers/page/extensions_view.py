"""The page about the extensions and Flux configurations of one connected cluster: state, compliance, and the reason."""

import asyncio

import azure.functions as func
from pydantic import ValidationError

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fields import ClusterName, ResourceGroupName, SubscriptionId
from arcway.domain.gitops_status import deploy_key
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.model import Model, field_errors
from triggers.access.session import Viewer
from triggers.page.responses import render_page
from triggers.services import Invocation

_SOURCES = ("gitRepository", "bucket", "azureBlob", "ociRepository")


class _Place(Model):
    subscription: SubscriptionId
    group: ResourceGroupName
    name: ClusterName


async def extensions_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The extensions and Flux configurations of ?subscription=&group=&name= as Azure has them now."""
    cluster = _cluster_of(req)
    extensions, configurations = await asyncio.gather(
        in_thread(queries.extensions_in, invocation.installation, cluster),
        in_thread(queries.flux_configurations_in, invocation.installation, cluster),
    )
    return render_page(
        "extensions.html",
        viewer,
        section="clusters",
        name=cluster.name,
        extensions=[_extension(item) for item in extensions],
        configurations=[_configuration(item) for item in configurations],
    )


def _cluster_of(req: func.HttpRequest) -> ClusterId:
    """The cluster that an address names, checked before Azure is asked. Raises `ArcError` ARC-1006."""
    try:
        place = _Place.model_validate({name: req.params.get(name, "") for name in ("subscription", "group", "name")})
    except ValidationError as error:
        raise ArcError(Code.INVALID_PARAMETERS, details=field_errors(error)) from error
    return ClusterId(place.subscription, place.group, place.name)


def _extension(document: Json) -> Json:
    properties = document["properties"]
    state = str(properties.get("provisioningState") or "unknown")
    return {
        "name": document["name"],
        "type": properties.get("extensionType") or "",
        "state": state,
        "good": state == "Succeeded",
        "version": properties.get("currentVersion") or "",
        "failures": document["failures"],
    }


def _configuration(document: Json) -> Json:
    properties = document["properties"]
    state = str(properties.get("complianceState") or "unknown")
    source = next((item for name in _SOURCES if isinstance(item := properties.get(name), dict)), {})
    kustomizations = properties.get("kustomizations")
    return {
        "name": document["name"],
        "state": state,
        "good": state in ("Compliant", "Suspended"),
        "source": source.get("url") or "",
        "kustomizations": ", ".join(sorted(kustomizations)) if isinstance(kustomizations, dict) else "",
        "revision": properties.get("sourceSyncedCommitId") or "",
        "key": deploy_key(document),
        "failures": document["failures"],
    }
