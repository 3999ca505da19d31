"""The routes of the page, each with its methods, the required roles and the handler.

Function names: those of the sign-in (`page_access_…`) sort before, and the one that takes all the rest sorts after.
"""

import azure.durable_functions as df
import azure.functions as func

from triggers import http
from triggers.access.callers import CHANGE, OFFBOARD, ONBOARD, READ
from triggers.page import actions, connect_form, responses, views

blueprint = df.Blueprint()


@blueprint.route(route="page", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_overview(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The runs."""
    return await responses.dispatch_page(req, client, {"GET": (READ, views.overview_page)})


@blueprint.route(route="page/runs/{id}", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_run(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """One run."""
    return await responses.dispatch_page(req, client, {"GET": (READ, views.run_page)})


@blueprint.route(route="page/runs/{id}/cancel", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_run_cancel(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Ask whether to cancel a run, and do it."""
    handlers = {"GET": (CHANGE, actions.ask_cancel), "POST": (CHANGE, actions.confirmed_cancel)}
    return await responses.dispatch_page(req, client, handlers)


@blueprint.route(route="page/runs/{id}/connect", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_run_connect(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Connect the cluster of a check."""
    return await responses.dispatch_page(req, client, {"POST": (ONBOARD, actions.connect_checked)})


@blueprint.route(route="page/runs/{id}/retry", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_run_retry(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Ask whether to retry a run that failed or was canceled, and do it."""
    handlers = {"GET": (CHANGE, actions.ask_retry), "POST": (CHANGE, actions.confirmed_retry)}
    return await responses.dispatch_page(req, client, handlers)


@blueprint.route(route="page/clusters", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_clusters(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The connected clusters now."""
    return await responses.dispatch_page(req, client, {"GET": (READ, views.clusters_page)})


@blueprint.route(route="page/agents", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_agents(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The agents in one connected cluster now."""
    return await responses.dispatch_page(req, client, {"GET": (READ, views.agents_page)})


@blueprint.route(route="page/disconnect", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_disconnect(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Ask whether and how to disconnect a cluster, and do it."""
    handlers = {"GET": (OFFBOARD, actions.ask_disconnect), "POST": (OFFBOARD, actions.disconnect)}
    return await responses.dispatch_page(req, client, handlers)


@blueprint.route(route="page/start", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The form that begins with a cluster: it is checked first."""
    handlers = {"GET": (ONBOARD, connect_form.empty), "POST": (ONBOARD, connect_form.check)}
    return await responses.dispatch_page(req, client, handlers)


@blueprint.route(route="page/start/contexts", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_start_contexts(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """The contexts of a kubeconfig, as a part of the form."""
    return await responses.dispatch_page(req, client, {"POST": (ONBOARD, connect_form.contexts)})


@blueprint.route(route="page/static/{file}", methods=http.ALL_METHODS)
async def page_static(req: func.HttpRequest) -> func.HttpResponse:
    """A file that is the same for all users, signed in or not."""
    return views.static(req)


@blueprint.route(route="page/{*path}", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_zz_unknown(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Every other address under the page: a page with the error."""
    return await responses.dispatch_page(req, client, {"GET": (READ, views.unknown)})
