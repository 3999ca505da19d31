"""The page's sign-in: GET /api/page/sign-in and /callback, POST /api/page/sign-out."""

from urllib.parse import parse_qs

import azure.durable_functions as df
import azure.functions as func

from arcway.settings import settings
from triggers import http
from triggers.access import session, sign_in
from triggers.access.callers import OPEN, Caller

blueprint = df.Blueprint()

_FORM_LIMIT = 8 * 1024


# The names sort before those of the page's other routes, which might take `sign-in` for a part of their own.
@blueprint.route(route="page/callback", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_access_callback(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Where the authority sends the browser back to."""
    return await http.dispatch(req, client, {"GET": (OPEN, _callback)})


@blueprint.route(route="page/sign-in", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_access_sign_in(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """To the authority, and in the end to ?to=, a place on the page."""
    return await http.dispatch(req, client, {"GET": (OPEN, _sign_in)})


@blueprint.route(route="page/sign-out", methods=http.ALL_METHODS)
@blueprint.durable_client_input(client_name="client")
async def page_access_sign_out(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Forget the session, and have the authority forget it; the form has the field `csrf`."""
    return await http.dispatch(req, client, {"POST": (OPEN, _sign_out)})


async def _sign_in(req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller) -> func.HttpResponse:
    place = sign_in.place_after(req.params.get("to"))
    if settings().authority is None:
        return session.redirect(place)
    address, cookie = await sign_in.begin(req, place)
    return session.redirect(address, cookie)


async def _callback(req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller) -> func.HttpResponse:
    who, place = await sign_in.complete(req)
    begun = session.set_cookie(req, sign_in.FLOW_COOKIE, "", 0)
    return session.redirect(place, await session.new_session(req, who), begun)


async def _sign_out(req: func.HttpRequest, client: df.DurableFunctionsClient, caller: Caller) -> func.HttpResponse:
    fields = parse_qs(req.get_body()[:_FORM_LIMIT].decode(errors="replace"))
    await session.check_csrf(req, fields.get("csrf", [""])[0])
    if settings().authority is None:
        return session.redirect(session.PATH)
    return session.redirect(sign_in.sign_out_address(req), session.set_cookie(req, session.COOKIE, "", 0))
