"""What the page shows: the overview, one run, connected clusters, agents, static files. Changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import azure.functions as func
from pydantic import ValidationError

from arcway import queries
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import warnings
from arcway.domain.errors import ArcError
from arcway.domain.feature_reports import features_in_azure, issuer_of
from arcway.domain.fields import SubscriptionId
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.model import Model, field_errors
from arcway.domain.request import OnboardRequest
from arcway.domain.text import excerpt
from arcway.page.files import PLACE, static_file
from arcway.page.overview import OPERATIONS, STATES, Chosen, Overview, overview
from arcway.page.timeline import timeline
from arcway.runs.index import ListedRun
from arcway.runs.reader import get_run, list_runs, request_of
from triggers import http
from triggers.access.callers import OFFBOARD, ONBOARD, role_for
from triggers.access.session import Viewer
from triggers.connected_cluster_routes import kubeconfig_of_last_run
from triggers.page.responses import render_page
from triggers.services import Invocation

_DAYS = 30
_OVERVIEW_SECONDS, _RUN_SECONDS = 5, 2
_FACTS = {
    "connectivityStatus": "Connectivity",
    "kubernetesVersion": "Kubernetes",
    "agentVersion": "Agents",
    "totalNodeCount": "Nodes",
    "totalCoreCount": "Cores",
    "distribution": "Distribution",
    "infrastructure": "Infrastructure",
    "lastConnectivityTime": "Last heartbeat",
    "managedIdentityCertificateExpirationTime": "Certificate until",
}


async def overview_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The runs of the last 30 days, by ?state=, ?operation=, ?q= and ?page=."""
    chosen = Chosen.of(*(req.params.get(name, "") for name in ("state", "operation", "q", "page")))
    return render_page(
        "overview.html",
        viewer,
        section="runs",
        view=await _overview(invocation, chosen),
        now=datetime.now(UTC),
        states=STATES,
        operations=OPERATIONS,
        days=_DAYS,
        seconds=_OVERVIEW_SECONDS,
    )


async def run_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """One run, and what the viewer may do with it."""
    run = await get_run(invocation.client, req.route_params["id"])
    cluster = run["cluster"]
    return render_page(
        "run.html",
        viewer,
        section="runs",
        run=run,
        rows=timeline(run, datetime.now(UTC)),
        actions=await _actions(invocation, run, viewer),
        facts=_facts(run["result"]),
        agents=f"{PLACE}/agents{_query(cluster['subscriptionId'], cluster['resourceGroup'], cluster['name'])}",
        seconds=_RUN_SECONDS,
    )


async def clusters_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The connected clusters of ?subscription=, or of the newest run's, those with warnings first."""
    subscription_ids = await subscriptions(invocation)
    subscription = req.params.get("subscription", "").strip() or next(iter(subscription_ids), "")
    resources, failure = [], None
    try:
        if subscription:
            chosen = _checked(subscription)
            resources = await in_thread(queries.connected_clusters_in, invocation.installation, chosen, None)
    except ArcError as error:
        failure = error
    rows = sorted(map(_row, resources), key=lambda row: (not row["warnings"], row["name"].lower()))
    return render_page(
        "clusters.html",
        viewer,
        status=http.status_of(failure) if failure else 200,
        section="clusters",
        subscription=subscription,
        subscriptions=subscription_ids,
        clusters=rows,
        attention=sum(bool(row["warnings"]) for row in rows),
        problem=failure,
        can_disconnect=viewer.may(OFFBOARD),
    )


async def agents_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The agents of ?subscription=&group=&name= as the cluster shows them now, by the last run's kubeconfig."""
    cluster = cluster_of(req)
    reference, user = await kubeconfig_of_last_run(invocation, cluster)
    table = await in_thread(queries.agents_of, invocation.installation, cluster, reference, user)
    return render_page("agents.html", viewer, section="clusters", name=cluster.name, table=table)


async def unknown(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Raises `ArcError` ARC-1004."""
    raise ArcError(
        Code.PATH_NOT_FOUND, f"The page does not exist: {PLACE}/{excerpt(req.route_params.get('path', ''), 100)}."
    )


def static(req: func.HttpRequest) -> func.HttpResponse:
    """A static file, cached without end under the address that pages give, which names its content."""
    if req.method not in ("GET", "HEAD"):
        return http.problem(
            ArcError(Code.METHOD_NOT_ALLOWED, f"{req.method} is not supported here."), headers={"Allow": "GET"}
        )
    if (file := static_file(req.route_params.get("file", ""))) is None:
        return http.problem(ArcError(Code.PATH_NOT_FOUND, "The file does not exist."))
    tag = f'"{file.version}"'
    lasting = req.params.get("v") == file.version
    headers = {
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache",
    }
    if req.headers.get("If-None-Match") == tag:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(file.content, headers=headers, mimetype=file.media_type, charset="utf-8")


async def subscriptions(invocation: Invocation) -> list[str]:
    """The subscriptions that runs were about, the newest first."""
    named = dict.fromkeys(run.summary["cluster"]["subscriptionId"] for run in await _runs(invocation))
    # A run that cannot be read names none.
    return [subscription for subscription in named if subscription]


def cluster_of(req: func.HttpRequest) -> ClusterId:
    """The cluster that an address names. Raises `ArcError` ARC-1006."""
    parameters = {name: req.params.get(name, "") for name in ("subscription", "group", "name")}
    if missing := [{"field": name, "message": "is needed"} for name, value in parameters.items() if not value]:
        raise ArcError(Code.INVALID_PARAMETERS, details=missing)
    # Not checked: what names no cluster has no run either, and nothing else is asked about it.
    return ClusterId(parameters["subscription"], parameters["group"], parameters["name"])


class _Subscription(Model):
    subscription: SubscriptionId


def _checked(subscription: str) -> str:
    """A subscription that an address names, checked before Azure is asked. Raises `ArcError` ARC-1006."""
    try:
        return _Subscription(subscription=subscription).subscription
    except ValidationError as error:
        raise ArcError(Code.INVALID_PARAMETERS, details=field_errors(error)) from error


async def _overview(invocation: Invocation, chosen: Chosen) -> Overview:
    """Counts of all runs; documents of those on the page."""
    runs = {run.summary["id"]: run for run in await _runs(invocation)}
    view = overview([run.summary for run in runs.values()], chosen)
    return replace(view, runs=[runs[summary["id"]].document() for summary in view.runs])


async def _runs(invocation: Invocation) -> Sequence[ListedRun]:
    return await list_runs(invocation.services.runs, invocation.client, datetime.now(UTC) - timedelta(days=_DAYS))


async def _actions(invocation: Invocation, run: Json, viewer: Viewer) -> list[Json]:
    """What the viewer may do with the run in its present state."""
    place, operation, actions = f"{PLACE}/runs/{run['id']}", run["operation"], []
    may_change = viewer.may(role_for(operation))
    if not run["finishedAt"]:
        return [{"label": "Cancel", "place": f"{place}/cancel", "post": False}] if may_change else []
    if operation == "check":
        if (
            run["state"] == "Succeeded"
            and viewer.may(ONBOARD)
            and _connects(await request_of(invocation.client, run["id"]))
        ):
            actions.append({"label": "Connect this cluster", "place": f"{place}/connect", "post": True})
        return actions
    if run["state"] != "Succeeded" and may_change and run["retriable"]:
        actions.append({"label": "Retry", "place": f"{place}/retry", "post": False})
    if operation != "offboard" and viewer.may(OFFBOARD):
        cluster = run["cluster"]
        query = _query(cluster["subscriptionId"], cluster["resourceGroup"], cluster["name"])
        actions.append({"label": "Disconnect", "place": f"{PLACE}/disconnect{query}", "post": False})
    return actions


def _connects(request: object) -> bool:
    return isinstance(request, OnboardRequest)


def _facts(result: Json | None) -> list[tuple[str, object]]:
    if not result:
        return []
    properties = result.get("properties") or {}
    facts: Iterable[tuple[str, object]] = ((label, properties.get(name)) for name, label in _FACTS.items())
    features = ", ".join(features_in_azure(result))
    tags = ", ".join(f"{name}={value}" for name, value in (result.get("tags") or {}).items())
    own = (("Features in Azure", features), ("OIDC issuer", issuer_of(result)), ("Tags", tags))
    return [(label, value) for label, value in (*facts, *own) if value not in (None, "")]


def _row(resource: Json) -> Json:
    properties = resource.get("properties") or {}
    cluster = resource["id"].split("/")
    return {
        "name": resource["name"],
        "group": cluster[4],
        "query": _query(cluster[2], cluster[4], resource["name"]),
        "connectivity": properties.get("connectivityStatus") or "unknown",
        "kubernetes": properties.get("kubernetesVersion") or "",
        "agents": properties.get("agentVersion") or "",
        "nodes": properties.get("totalNodeCount") or "",
        "features": features_in_azure(resource),
        "heartbeat": resource["heartbeatAgeSeconds"],
        "days": resource["certificateDaysLeft"],
        "warnings": warnings(resource),
    }


def _query(subscription: str, group: str, name: str) -> str:
    return "?" + urlencode({"subscription": subscription, "group": group, "name": name})
