"""The form of all responses: compact JSON that must not be cached."""

import json

from aiohttp import web

from arcway_local.json_documents import Json


def respond(body: Json, status: int = 200, content_type: str = "application/json") -> web.Response:
    """A JSON response."""
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {"Content-Type": content_type, "Cache-Control": "no-cache, private"}
    return web.Response(body=content, status=status, headers=headers)
