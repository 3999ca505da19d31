"""Lists in pages, as Resource Manager returns them: `value`, and `nextLink` while there are more."""

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from arcway_local.azure.exchange import Exchange
from arcway_local.azure.refusals import Refusal

_PAGE = 100


def list_page(endpoint: str, exchange: Exchange, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The page of a list that the request asks for by `$skiptoken`. Raises `Refusal` 400 for an invalid token."""
    start = _start(exchange.query("$skiptoken"))
    body: dict[str, Any] = {"value": items[start : start + _PAGE]}
    if start + _PAGE < len(items):
        token = base64.urlsafe_b64encode(str(start + _PAGE).encode()).decode()
        query = {name: value for name, value in exchange.request.query.items() if name.lower() != "$skiptoken"}
        body["nextLink"] = f"{endpoint}{exchange.path}?{urlencode({**query, '$skiptoken': token}, safe='$')}"
    return body


def _start(token: str) -> int:
    try:
        start = int(base64.urlsafe_b64decode(token or "MA==").decode())
    except (ValueError, binascii.Error):
        start = -1
    if start < 0:
        raise Refusal(400, "InvalidSkipToken", "The $skiptoken is invalid.")
    return start
