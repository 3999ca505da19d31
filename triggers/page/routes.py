"""The addresses of the page, each with its methods, the roles they need, and who answers."""

from collections.abc import Mapping

import azure.durable_functions as df
import azure.functions as func

from triggers.access.callers import APPROVE, CHANGE, OFFBOARD, ONBOARD, READ
from triggers.page import actions, connect_form, extensions_view, fleets, responses, views
from triggers.page.responses import Guarded
from triggers.registration import register
from triggers.services import Invocation, Services

ROUTES: Mapping[str, Mapping[str, Guarded]] = {
    "page": {"GET": (READ, views.overview_page)},
    "page/agents": {"GET": (READ, views.agents_page)},
    "page/clusters": {"GET": (READ, views.clusters_page)},
    "page/disconnect": {"GET": (OFFBOARD, actions.ask_disconnect), "POST": (OFFBOARD, actions.disconnect)},
    "page/extensions": {"GET": (READ, extensions_view.extensions_page)},
    "page/fleets": {"GET": (READ, fleets.fleets_page)},
    "page/fleets/{id}": {"GET": (READ, fleets.fleet_page)},
    "page/fleets/{id}/cancel": {"GET": (CHANGE, fleets.ask_cancel_fleet), "POST": (CHANGE, fleets.cancel_fleet)},
    "page/fleets/{id}/pause": {"POST": (CHANGE, fleets.pause_fleet)},
    "page/fleets/{id}/resume": {"POST": (CHANGE, fleets.resume_fleet)},
    "page/fleets/{id}/retry": {"POST": (CHANGE, fleets.retry_fleet)},
    "page/fleets/{id}/approve": {"POST": (APPROVE, fleets.approve_gate)},
    "page/fleets/{id}/reject": {"POST": (APPROVE, fleets.reject_gate)},
    "page/runs/{id}": {"GET": (READ, views.run_page)},
    "page/runs/{id}/cancel": {"GET": (CHANGE, actions.ask_cancel), "POST": (CHANGE, actions.confirmed_cancel)},
    "page/runs/{id}/connect": {"POST": (ONBOARD, actions.connect_checked)},
    "page/runs/{id}/retry": {"GET": (CHANGE, actions.ask_retry), "POST": (CHANGE, actions.confirmed_retry)},
    "page/start": {"GET": (ONBOARD, connect_form.empty), "POST": (ONBOARD, connect_form.check)},
    "page/start/contexts": {"POST": (ONBOARD, connect_form.contexts)},
    "page/{*path}": {"GET": (READ, views.unknown)},
}


def blueprint_of(services: Services) -> df.Blueprint:
    """The functions of the page."""
    blueprint = df.Blueprint()
    register(blueprint, services, ROUTES, responses.dispatch_page)
    register(blueprint, services, {"page/static/{file}": {}}, _static)
    return blueprint


async def _static(req: func.HttpRequest, invocation: Invocation, handlers: Mapping[str, Guarded]) -> func.HttpResponse:
    """A file that is the same for all users, signed in or not."""
    return responses.secured(views.static(req), invocation)
