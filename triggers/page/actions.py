"""What the page's buttons do with a run or a cluster, each after a page that asks."""

import uuid

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, parse_request
from arcway.page.files import PLACE
from arcway.runs.reader import get_run, request_of
from arcway.runs.starter import cancel_run, retry_run
from triggers import http
from triggers.access.callers import role_for
from triggers.access.session import Viewer, redirect
from triggers.connected_cluster_routes import kubeconfig_of_last_run
from triggers.page.responses import fields_of, render_page
from triggers.page.views import cluster_of
from triggers.services import Invocation


async def ask_cancel(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The page that asks whether to cancel the run."""
    run = await _run(req, invocation, viewer)
    question = f"Cancel {run['operation']} of {run['cluster']['name']}?"
    kept = "Resources created so far are kept or rolled back, as the request's onFailure says."
    consequence = f"The run stops before its next step. {kept}"
    return _ask(viewer, run, "cancel", question, consequence, "Cancel the run")


async def confirmed_cancel(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Ask the run to stop, if it is still in progress."""
    run = await _run(req, invocation, viewer)
    if not run["finishedAt"]:
        await cancel_run(invocation.client, run["id"], viewer.identity)
    return _to(run["id"])


async def ask_retry(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The page that asks whether to retry the run."""
    run = await _run(req, invocation, viewer)
    question = f"Retry {run['operation']} of {run['cluster']['name']}?"
    consequence = "A new run of the same request continues from the current state."
    return _ask(viewer, run, "retry", question, consequence, "Retry")


async def confirmed_retry(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """A new run of the same request, if there is something to continue."""
    run = await _run(req, invocation, viewer)
    if not run["finishedAt"] or run["state"] == "Succeeded":
        return _to(run["id"])
    return _to(str((await retry_run(invocation.client, run, invocation.author_of(viewer))).run))


async def connect_checked(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Connect the cluster as it was checked; the same run however often the button is pressed.

    Raises `ArcError` ARC-6008 when the run is not a successful check of a cluster to connect.
    """
    run = await get_run(invocation.client, req.route_params["id"])
    request = await request_of(invocation.client, run["id"])
    if not isinstance(request, OnboardRequest) or (run["operation"], run["state"]) != ("check", "Succeeded"):
        raise ArcError(Code.CHECK_NOT_SUCCESSFUL, f"Run {run['id']} is not a successful check.")
    onboarding = request.model_copy(update={"operation": "onboard"})
    started = await invocation.start_run(onboarding, run["id"], Origin(run["correlationId"]), viewer)
    return _to(str(started.run))


async def ask_disconnect(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Whether and how to disconnect ?subscription=&group=&name=; proposes the last run's kubeconfig if it was kept."""
    cluster = cluster_of(req)
    values = {"subscriptionId": cluster.subscription_id, "resourceGroup": cluster.resource_group, "name": cluster.name}
    try:
        reference, _ = await kubeconfig_of_last_run(invocation, cluster)
    except ArcError as error:
        if error.code != Code.KUBECONFIG_UNKNOWN:
            raise
    else:
        if not reference.temporary:
            values |= {"kubeconfig": reference.secret, "context": reference.context or ""}
    return render_page("disconnect.html", viewer, section="clusters", values=values, problems=[])


async def disconnect(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Start the run that disconnects, or show the form with its problems."""
    fields = {name: value.strip() for name, value in fields_of(req).items()}
    body: Json = {name: fields.get(name, "") for name in ("subscriptionId", "resourceGroup", "name")}
    body |= {name: fields.get(name) == "true" for name in ("azureOnly", "agentsOnly", "force")}
    if fields.get("kubeconfig") and not body["azureOnly"]:
        body["kubeconfig"] = {"secret": fields["kubeconfig"], "context": fields.get("context") or None}
    try:
        request = parse_request(body, "offboard")
    except ArcError as error:
        values = {**body, "kubeconfig": fields.get("kubeconfig", ""), "context": fields.get("context", "")}
        problems = [{**item, "field": item["field"].removesuffix(".secret")} for item in error.details]
        return render_page("disconnect.html", viewer, status=400, section="clusters", values=values, problems=problems)
    started = await invocation.start_run(request, str(uuid.uuid4()), http.origin_of(req), viewer)
    return _to(str(started.run))


async def _run(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> Json:
    """The run, if the viewer holds the role of its operation."""
    run = await get_run(invocation.client, req.route_params["id"])
    viewer.require(role_for(run["operation"]))
    return run


def _ask(viewer: Viewer, run: Json, action: str, question: str, consequence: str, label: str) -> func.HttpResponse:
    back = f"{PLACE}/runs/{run['id']}"
    return render_page(
        "confirm.html",
        viewer,
        section="runs",
        question=question,
        consequence=consequence,
        label=label,
        action=f"{back}/{action}",
        back=back,
    )


def _to(run_id: str) -> func.HttpResponse:
    return redirect(f"{PLACE}/runs/{run_id}")
