"""The page's sign-in: GET /api/page/sign-in and /callback, POST /api/page/sign-out."""

from collections.abc import Mapping
from urllib.parse import parse_qs

import azure.durable_functions as df
import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.page.files import PLACE
from triggers import http
from triggers.access import session, sign_in
from triggers.access.callers import OPEN, Caller
from triggers.http import Guarded
from triggers.registration import register
from triggers.services import Invocation, Services

_FORM_LIMIT = 8 * 1024


async def _sign_in(req: func.HttpRequest, invocation: Invocation, caller: Caller) -> func.HttpResponse:
    place = sign_in.place_after(req.params.get("to"))
    if invocation.services.sign_in is None:
        return session.redirect(place)
    address, cookie = await invocation.services.sign_in.begin(req, place)
    return session.redirect(address, cookie)


async def _callback(req: func.HttpRequest, invocation: Invocation, caller: Caller) -> func.HttpResponse:
    if invocation.services.sign_in is None:
        raise ArcError(Code.SIGN_IN_FAILED, "Sign-in is not configured.")
    who, place = await invocation.services.sign_in.complete(req)
    begun = session.set_cookie(req, sign_in.FLOW_COOKIE, "", 0)
    return session.redirect(place, await invocation.services.sessions.new_session(req, who), begun)


async def _sign_out(req: func.HttpRequest, invocation: Invocation, caller: Caller) -> func.HttpResponse:
    fields = parse_qs(req.get_body()[:_FORM_LIMIT].decode(errors="replace"))
    await invocation.services.sessions.check_csrf(req, fields.get("csrf", [""])[0])
    if invocation.services.sign_in is None:
        return session.redirect(PLACE)
    return session.redirect(
        invocation.services.sign_in.sign_out_address(req), session.set_cookie(req, session.COOKIE, "", 0)
    )


ROUTES: Mapping[str, Mapping[str, Guarded]] = {
    "page/callback": {"GET": (OPEN, _callback)},
    "page/sign-in": {"GET": (OPEN, _sign_in)},
    "page/sign-out": {"POST": (OPEN, _sign_out)},
}


def blueprint_of(services: Services) -> df.Blueprint:
    """The functions of the page's sign-in."""
    blueprint = df.Blueprint()
    register(blueprint, services, ROUTES, http.dispatch)
    return blueprint
