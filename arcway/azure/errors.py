"""Translates what Azure's clients raise into our errors. Must not know who called."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from json import JSONDecodeError

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from arcway.domain.errors import ArcError, redact
from arcway.domain.retry_after import retry_after

ANSWER_WITHOUT_JSON = (DecodeError, DeserializationError, JSONDecodeError, UnicodeDecodeError, RecursionError)

_BY_AZURE_CODE = {
    "SubscriptionNotFound": "ARC-4003",
    "InvalidSubscriptionId": "ARC-4003",
    "ResourceGroupNotFound": "ARC-4006",
    "LocationNotAvailableForResourceType": "ARC-4004",
    "MissingSubscriptionRegistration": "ARC-4005",
    "AuthorizationFailed": "ARC-4002",
}
_BY_STATUS = {401: "ARC-4001", 403: "ARC-4002", 404: "ARC-4012", 408: "ARC-4008", 429: "ARC-4007"}


@contextmanager
def azure_errors(unreachable: str = "ARC-3003") -> Iterator[None]:
    """Raise `ArcError` for whatever Azure's clients raise inside; `unreachable` is the code when no answer came."""
    try:
        yield
    except ANSWER_WITHOUT_JSON as error:
        raise ArcError("ARC-4011", f"Azure's answer is not JSON: {redact(str(error), 200)}") from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise ArcError(unreachable, f"No answer from Azure: {redact(str(error), 200)}") from error
    except HttpResponseError as error:
        raise _from_response(error) from error
    except AzureError as error:
        raise ArcError("ARC-4001", f"Azure gives no token. {redact(str(error), 300)}") from error


def _from_response(error: HttpResponseError) -> ArcError:
    if error.response is None:
        code = "ARC-4001" if isinstance(error, ClientAuthenticationError) else "ARC-3003"
        return ArcError(code, redact(str(error.message), 300))
    status = error.response.status_code or 0
    if status < 400:
        return ArcError("ARC-4011", f"Azure's answer {status} is not one that the call can have.")
    azure_code = (error.error.code if error.error else None) or ""
    text = redact((error.error.message if error.error else None) or error.reason or "", 400)
    code = _BY_AZURE_CODE.get(azure_code) or _BY_STATUS.get(status) or ("ARC-4008" if status >= 500 else "ARC-4009")
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    wait = retry_after(headers.get("Retry-After"), datetime.now(UTC))
    return ArcError(code, f"Azure answered {status} {azure_code}: {text}".strip(), retry_after=wait)
