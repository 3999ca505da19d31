"""Translates what Azure's clients raise into our errors. Must not know who called."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from json import JSONDecodeError
from typing import Any

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
    "ResourceGroupBeingDeleted": "ARC-4023",
    "InvalidResourceLocation": "ARC-4017",
    "LocationNotAvailableForResourceType": "ARC-4004",
    "MissingSubscriptionRegistration": "ARC-4005",
    "SubscriptionNotRegistered": "ARC-4005",
    "AuthorizationFailed": "ARC-4002",
    "LinkedAuthorizationFailed": "ARC-4002",
    "DenyAssignmentAuthorizationFailed": "ARC-4024",
    "RequestDisallowedByPolicy": "ARC-4020",
    "RequestDisallowedByAzure": "ARC-4020",
    "ScopeLocked": "ARC-4021",
    "ReadOnlyDisabledSubscription": "ARC-4022",
    "DisabledSubscription": "ARC-4022",
    "SubscriptionDisabled": "ARC-4022",
    "ObjectIsDeletedButRecoverable": "ARC-4025",
    "TooManyRequests": "ARC-4007",
    "SubscriptionRequestsThrottled": "ARC-4007",
}
_MOST_POLICIES = 5
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
    told = _error_of(error)
    azure_code = str(told.get("code") or "")
    text = redact(described(told) or error.reason or "", 400)
    code = code_of(told) or _BY_STATUS.get(status) or ("ARC-4008" if status >= 500 else "ARC-4009")
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    wait = retry_after(headers.get("Retry-After"), datetime.now(UTC))
    return ArcError(code, f"Azure answered {status} {azure_code}: {text}".strip(), retry_after=wait)


def _error_of(error: HttpResponseError) -> dict[str, Any]:
    """The answer's `error` in ARM's form, which the clients' own model has not all of; empty when there is none.

    The form: https://learn.microsoft.com/azure/azure-resource-manager/management/common-error-response
    """
    try:
        body = json.loads(error.response.text()) if error.response is not None else {}
    except (ValueError, RecursionError, AttributeError):
        return {}
    told = body.get("error", body) if isinstance(body, dict) else None
    return told if isinstance(told, dict) else {}


def code_of(told: Mapping[str, Any]) -> str | None:
    """Our code for an `error` of Azure's, None for one that has none of its own.

    The outer code is sometimes as general as Conflict, and an inner one says what it is.
    """
    inner = told.get("innererror")
    details = told.get("details")
    reasons = [told, inner, *(details if isinstance(details, list) else [])]
    codes = [str(reason.get("code")) for reason in reasons if isinstance(reason, dict)]
    return next((_BY_AZURE_CODE[code] for code in codes if code in _BY_AZURE_CODE), None)


def described(told: Mapping[str, Any]) -> str:
    """What an `error` of Azure's says, what is decisive first."""
    return _policies(told) + str(told.get("message") or "")


def _policies(told: Mapping[str, Any]) -> str:
    """The names of the policies that forbid a change: Azure's message has them as JSON far behind other text."""
    more = told.get("additionalInfo")
    infos = [item.get("info") for item in (more if isinstance(more, list) else []) if isinstance(item, dict)]
    names = [
        f"{info.get('policyDefinitionDisplayName') or info.get('policyDefinitionName')}"
        f" (assignment {info.get('policyAssignmentDisplayName') or info.get('policyAssignmentName')})"
        for info in infos
        if isinstance(info, dict) and "policyAssignmentId" in info
    ]
    return f"Policy {', '.join(names[:_MOST_POLICIES])}. " if names else ""
