"""GET /api/openapi.json: the description of the API.

No role is required, as for health: it holds no data, is the same for all callers, and tools read it before a sign-in.
What it tells of the authority, the page's sign-in tells as well.
"""

import hashlib
import json
from functools import cache
from typing import Any

import azure.functions as func

from arcway.settings import Authority
from triggers.access.callers import OPEN, Caller
from triggers.endpoints import Answer, Header, NoParameters, endpoint
from triggers.services import Invocation


@endpoint(
    "GET openapi.json",
    OPEN,
    name="describe",
    parameters=NoParameters,
    headers=(Header("If-None-Match", "The ETag of a document that the caller already has.", {"type": "string"}),),
    answers={
        200: Answer("The OpenAPI document.", dict[str, Any], ("ETag",)),
        304: Answer("The document has not changed.", None, ("ETag",)),
    },
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: NoParameters
) -> func.HttpResponse:
    """Describe the API."""
    content, tag = _text(invocation.installation.settings.authority)
    tags = [part.strip().removeprefix("W/") for part in req.headers.get("If-None-Match", "").split(",")]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in tags or "*" in tags:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(content, headers=headers, mimetype="application/json")


@cache
def _text(authority: Authority | None) -> tuple[str, str]:
    """The document and its tag. Made when it is first asked for: the app should start fast."""
    from triggers.api_description.document import document

    content = json.dumps(document(authority))
    return content, f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
