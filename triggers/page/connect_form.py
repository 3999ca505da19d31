"""The form that connects a cluster: accepts a kubeconfig and starts the check of the cluster.

The kubeconfig is never shown again, and nothing is stored unless everything about the form is right and the check is
accepted. What is stored, for a week, is one context alone; its reference is passed to the check and from there to
the run that connects.
"""

import uuid
from typing import Literal

import azure.functions as func

from arcway import kubeconfig_upload
from arcway.blocking import in_thread
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest, parse_request
from arcway.domain.text import decoded
from arcway.kubeconfig_upload import KubeconfigUpload
from arcway.page.files import PLACE
from triggers import http
from triggers.access.session import Viewer, redirect
from triggers.page.responses import fields_of, render_page
from triggers.page.views import subscriptions
from triggers.services import Invocation

_PLAIN = ("name", "resourceGroup", "location", "subscriptionId", "order", "onFailure")
_FLAGS = ("createResourceGroup", "checkNetwork", "failFast", "takeOver")
_PROXY = ("https", "http", "skipRange")
# Stands for the reference while there is none because of the kubeconfig's own problems.
_NONE_YET = "arcway-none"


async def empty(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The empty form."""
    return await _form(invocation, viewer, {}, [])


async def check(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Store the kubeconfig and start the check; or the form again, with all its problems at once."""
    fields = {name: value.strip() for name, value in fields_of(req).items() if name != "kubeconfig"}
    upload, problems = await _examined(req, invocation, fields.get("context") or None)
    request = None
    try:
        request = _request(fields, upload.secret if upload else _NONE_YET, problems)
    except ArcError as error:
        problems = [*error.details, *problems]
    if problems or upload is None or request is None:
        return await _form(invocation, viewer, fields, problems)
    async with kubeconfig_upload.storing(invocation.installation, upload):
        started = await invocation.start_run(request, str(uuid.uuid4()), http.origin_of(req), viewer)
    return redirect(f"{PLACE}/runs/{started.run}")


async def contexts(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The field for the context, with those of the kubeconfig that was chosen; nothing of it is kept."""
    values: Json = {"names": [], "current": "", "chosen": "", "problems": []}
    try:
        if kubeconfig := _kubeconfig(req):
            names, current = await in_thread(kubeconfig_upload.contexts_of, kubeconfig)
            values |= {"names": names, "current": current or "", "chosen": current or ""}
    except ArcError as error:
        values["problems"] = [{"field": "context", "message": error.message}]
    return render_page("context.html", viewer, **values)


async def _form(invocation: Invocation, viewer: Viewer, fields: Json, problems: list[Json]) -> func.HttpResponse:
    has_options = any(fields.get(name) for name in ("tags", *(f"proxy.{name}" for name in _PROXY)))
    return render_page(
        "start.html",
        viewer,
        status=400 if problems else 200,
        section="start",
        values=fields,
        problems=problems,
        subscriptions=await subscriptions(invocation),
        more=has_options,
    )


async def _examined(
    req: func.HttpRequest, invocation: Invocation, context: str | None
) -> tuple[KubeconfigUpload | None, list[Json]]:
    """What the kubeconfig comes to, or what is wrong with it."""
    try:
        if not (kubeconfig := _kubeconfig(req)):
            return None, [{"field": "kubeconfig", "message": "is required, as a file or as text"}]
        return await in_thread(kubeconfig_upload.examine, invocation.installation, kubeconfig, context), []
    except ArcError as error:
        field = "context" if error.code == Code.KUBECONFIG_CONTEXT_NOT_FOUND else "kubeconfig"
        details = [{"field": field, "message": f"{error.message} {error.remedy}"}]
        return None, details + [{**item, "field": f"kubeconfig.{item['field']}"} for item in error.details]


def _kubeconfig(req: func.HttpRequest) -> str:
    """The file if one was chosen, else the text. Raises `ArcError` ARC-2002."""
    data = b""
    if (file := req.files.get("kubeconfigFile")) is not None:
        with file.stream:
            data = file.stream.read()
    try:
        return decoded(data) if data else fields_of(req).get("kubeconfig", "").strip()
    except UnicodeDecodeError as error:
        raise ArcError(Code.KUBECONFIG_INVALID, "The kubeconfig is not text in UTF-8 or UTF-16.") from error


def _request(fields: dict[str, str], secret: str, problems: list[Json]) -> OnboardRequest:
    """The request that the form means. Raises `ArcError` ARC-1001; adds what is wrong with the tags to `problems`."""
    body: Json = {name: fields[name] for name in _PLAIN if fields.get(name)}
    body |= {name: fields.get(name) == "true" for name in _FLAGS}
    if proxy := {name: fields[f"proxy.{name}"] for name in _PROXY if fields.get(f"proxy.{name}")}:
        body["proxy"] = proxy
    lines = [line.strip() for line in fields.get("tags", "").splitlines() if line.strip()]
    if any("=" not in line for line in lines):
        problems.append({"field": "tags", "message": "must be lines of name=value"})
    if lines:
        body["tags"] = dict(line.split("=", 1) for line in lines if "=" in line)
    operation: Literal["check"] = "check"
    return parse_request({**body, "kubeconfig": {"secret": secret}}, operation)
