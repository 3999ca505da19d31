"""The page's sign-in: GET /api/page/sign-in and /callback, POST /api/page/sign-out."""

from collections.abc import Mapping
from urllib.parse import parse_qs

import azure.durable_functions as df
import azure.functions as func

from arcway.page.files import PLACE
from arcway.settings import settings
from triggers import http
from triggers.access import session, sign_in
from triggers.access.callers import OPEN, Caller
from triggers.http import Guarded
from triggers.registration import register

_FORM_LIMIT = 8 * 1024


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
        return session.redirect(PLACE)
    return session.redirect(sign_in.sign_out_address(req), session.set_cookie(req, session.COOKIE, "", 0))


ROUTES: Mapping[str, Mapping[str, Guarded]] = {
    "page/callback": {"GET": (OPEN, _callback)},
    "page/sign-in": {"GET": (OPEN, _sign_in)},
    "page/sign-out": {"POST": (OPEN, _sign_out)},
}

blueprint = df.Blueprint()


register(blueprint, ROUTES, http.dispatch)
