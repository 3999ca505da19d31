"""What all routes of the page share: the viewer, forms and their protection, security headers, errors as a page.

As in `triggers.http`, each method of a route declares the roles of which the viewer needs one.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.functions as func

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE, ArcError, redact
from arcway.domain.secrets_held import holding
from arcway.page.renderer import Shell, render
from arcway.telemetry import log
from triggers import http
from triggers.access.callers import ONBOARD, Needed
from triggers.access.session import Viewer, to_sign_in
from triggers.services import Invocation

type Handler = Callable[[func.HttpRequest, Invocation, Viewer], Awaitable[func.HttpResponse]]
type Guarded = tuple[Needed, Handler]

# Below the size from which the form parser would put an uploaded file on the disk (500 KiB).
FORM_LIMIT = 480 * 1024
_MOST_FIELDS = 100

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


async def dispatch_page(
    request: func.HttpRequest, invocation: Invocation, handlers: Mapping[str, Guarded]
) -> func.HttpResponse:
    """Answer with the handler of the method if the viewer holds one of the roles that go with it.

    Without a sign-in: to the sign-in. A POST is taken only from a form of this viewer's page. Whatever goes wrong
    becomes a page.
    """
    return secured(await _respond(request, invocation, handlers), invocation)


async def _respond(
    request: func.HttpRequest, invocation: Invocation, handlers: Mapping[str, Guarded]
) -> func.HttpResponse:
    sessions = invocation.services.sessions
    method = "GET" if request.method == "HEAD" else request.method
    viewer = None
    try:
        if method not in handlers:
            raise ArcError(Code.METHOD_NOT_ALLOWED, f"{request.method} is not supported here.")
        if method == "POST":
            invocation.services.authentication.refuse_other_sites(request)
        viewer = await sessions.viewer_of(request)
        if viewer is None and method != "POST":
            return _sign_in(request)
        if viewer is None or method == "POST":
            # A form is read only when it is known who sends it.
            viewer = await sessions.check_csrf(request, fields_of(request).get("csrf") if viewer else None)
        needed, handler = handlers[method]
        viewer.require(needed)
        with holding():
            return await handler(request, invocation, viewer)
    except ArcError as error:
        return problem(error, viewer, headers={} if method in handlers else {"Allow": ", ".join(sorted(handlers))})
    except Exception as error:  # noqa: BLE001 - the border: the viewer gets a page, the log what happened
        log.error("%s of the page failed: %s: %s", request.method, type(error).__name__, redact(str(error)))
        return problem(ArcError(Code.INTERNAL_ERROR), viewer)


def fields_of(request: func.HttpRequest) -> Mapping[str, str]:
    """The fields of the form that was sent. Raises `ArcError` ARC-1003."""
    if len(request.get_body()) > FORM_LIMIT:
        message = f"The form is larger than {FORM_LIMIT // 1024} KiB."
        raise ArcError(Code.BODY_TOO_LARGE, message, remedy="Send a kubeconfig that has only the cluster's context.")
    urlencoded = not request.headers.get("Content-Type", "").lower().startswith("multipart/")
    if urlencoded and request.get_body().count(b"&") > _MOST_FIELDS:
        raise ArcError(
            Code.BODY_TOO_LARGE, f"The form has more than {_MOST_FIELDS} fields.", remedy="Use Arcway's own page."
        )
    fields: Mapping[str, str] = request.form
    return fields


def render_page(
    template: str,
    viewer: Viewer | None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> func.HttpResponse:
    """A page for this viewer, which no cache keeps."""
    shell = Shell()
    if viewer:
        shell = Shell(viewer.name, viewer.csrf, viewer.may(ONBOARD), viewer.is_signed_in)
    html = render(template, shell, **values)
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return func.HttpResponse(html, status_code=status, headers=sent, mimetype="text/html", charset="utf-8")


def problem(error: ArcError, viewer: Viewer | None, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """The error as a page."""
    title = CATALOGUE[error.code].title
    status = http.status_of(error)
    return render_page("error.html", viewer, status=status, headers=headers, section="", title=title, error=error)


def secured(response: func.HttpResponse, invocation: Invocation) -> func.HttpResponse:
    """The response, with the headers that keep a browser from doing with the page what it is not for.

    Chromium applies form-action to where a form's answer redirects to, and signing out leads to the authority.
    """
    authority = invocation.installation.settings.authority
    policy = f"{_POLICY} {authority.url}" if authority else _POLICY
    response.headers["Content-Security-Policy"] = policy
    # Not no-referrer, with which browsers send `Origin: null` along with a form.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return http.unsniffed(response)


def _sign_in(request: func.HttpRequest) -> func.HttpResponse:
    """A refresh cannot follow to the authority, which is another site; the whole page can."""
    if request.headers.get("HX-Request"):
        return func.HttpResponse(status_code=200, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    return to_sign_in(request)
