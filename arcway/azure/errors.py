"""Translates what Azure's clients raise into our errors."""

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

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.retry_after import retry_after

ANSWER_WITHOUT_JSON = (DecodeError, DeserializationError, JSONDecodeError, UnicodeDecodeError, RecursionError)

_BY_AZURE_CODE = {
    "SubscriptionNotFound": Code.SUBSCRIPTION_NOT_FOUND,
    "InvalidSubscriptionId": Code.SUBSCRIPTION_NOT_FOUND,
    "ResourceGroupNotFound": Code.RESOURCE_GROUP_NOT_FOUND,
    "ResourceGroupBeingDeleted": Code.RESOURCE_GROUP_DELETING,
    "InvalidResourceLocation": Code.LOCATION_MISMATCH,
    "LocationNotAvailableForResourceType": Code.LOCATION_NOT_OFFERED,
    "MissingSubscriptionRegistration": Code.PROVIDER_NOT_REGISTERED,
    "SubscriptionNotRegistered": Code.PROVIDER_NOT_REGISTERED,
    "AuthorizationFailed": Code.AZURE_PERMISSION_MISSING,
    "LinkedAuthorizationFailed": Code.AZURE_PERMISSION_MISSING,
    "DenyAssignmentAuthorizationFailed": Code.DENY_ASSIGNMENT,
    "RequestDisallowedByPolicy": Code.AZURE_POLICY_DENIED,
    "RequestDisallowedByAzure": Code.AZURE_POLICY_DENIED,
    "ScopeLocked": Code.RESOURCE_LOCKED,
    "ReadOnlyDisabledSubscription": Code.SUBSCRIPTION_DISABLED,
    "DisabledSubscription": Code.SUBSCRIPTION_DISABLED,
    "SubscriptionDisabled": Code.SUBSCRIPTION_DISABLED,
    "ObjectIsDeletedButRecoverable": Code.SECRET_SOFT_DELETED,
    "PolicyDefinitionNotFound": Code.POLICY_DEFINITION_NOT_FOUND,
    "PolicySetDefinitionNotFound": Code.POLICY_DEFINITION_NOT_FOUND,
    "UndefinedPolicyParameter": Code.POLICY_PARAMETERS_INVALID,
    "MissingPolicyParameter": Code.POLICY_PARAMETERS_INVALID,
    "PolicyParameterValueNotAllowed": Code.POLICY_PARAMETERS_INVALID,
    "ResourceIdentityRequired": Code.POLICY_NEEDS_IDENTITY,
    "TooManyRequests": Code.AZURE_THROTTLED,
    "SubscriptionRequestsThrottled": Code.AZURE_THROTTLED,
}
_MOST_POLICIES = 5
_BY_STATUS = {
    401: Code.AZURE_TOKEN_UNAVAILABLE,
    403: Code.AZURE_PERMISSION_MISSING,
    404: Code.CONNECTED_CLUSTER_NOT_FOUND,
    408: Code.AZURE_SERVER_ERROR,
    429: Code.AZURE_THROTTLED,
}


@contextmanager
def azure_errors(unreachable: str = Code.AZURE_UNREACHABLE) -> Iterator[None]:
    """Translate exceptions of Azure's clients to `ArcError`; `unreachable` is the code if there is no response."""
    try:
        yield
    except ANSWER_WITHOUT_JSON as error:
        raise ArcError(
            Code.AZURE_RESPONSE_INVALID, f"Azure's response is not JSON: {redact(str(error), 200)}"
        ) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise ArcError(unreachable, f"No response from Azure: {redact(str(error), 200)}") from error
    except HttpResponseError as error:
        raise _from_response(error) from error
    except AzureError as error:
        raise ArcError(Code.AZURE_TOKEN_UNAVAILABLE, f"Azure returned no token. {redact(str(error), 300)}") from error


def _from_response(error: HttpResponseError) -> ArcError:
    if error.response is None:
        code = Code.AZURE_TOKEN_UNAVAILABLE if isinstance(error, ClientAuthenticationError) else Code.AZURE_UNREACHABLE
        return ArcError(code, redact(str(error.message), 300))
    status = error.response.status_code or 0
    if status < 400:
        return ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure returned the unexpected status {status}.")
    body = _error_of(error)
    azure_code = str(body.get("code") or "")
    message = redact(described(body) or error.reason or "", 400)
    code = (
        code_of(body)
        or _BY_STATUS.get(status)
        or (Code.AZURE_SERVER_ERROR if status >= 500 else Code.AZURE_REQUEST_REFUSED)
    )
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    wait = retry_after(headers.get("Retry-After"), datetime.now(UTC))
    return ArcError(code, f"Azure returned {status} {azure_code}: {message}".strip(), retry_after=wait)


def _error_of(error: HttpResponseError) -> dict[str, Any]:
    """The answer's `error` in ARM's form, which the clients' own model has not all of; empty when there is none.

    The form: https://learn.microsoft.com/azure/azure-resource-manager/management/common-error-response
    """
    try:
        body = json.loads(error.response.text()) if error.response is not None else {}
    except (ValueError, RecursionError, AttributeError):
        return {}
    details = body.get("error", body) if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def code_of(body: Mapping[str, Any]) -> Code | None:
    """Return Arcway's code for an `error` of Azure's, or None if the error has no code of its own.

    The outer code is sometimes as general as Conflict, and an inner one is specific.
    """
    inner = body.get("innererror")
    details = body.get("details")
    reasons = [body, inner, *(details if isinstance(details, list) else [])]
    codes = [str(reason.get("code")) for reason in reasons if isinstance(reason, dict)]
    return next((_BY_AZURE_CODE[code] for code in codes if code in _BY_AZURE_CODE), None)


def described(body: Mapping[str, Any]) -> str:
    """The message of an `error` of Azure's, with the policies that it names first."""
    return _policies(body) + str(body.get("message") or "")


def _policies(body: Mapping[str, Any]) -> str:
    """The names of the policies that forbid a change: Azure's message has them as JSON far behind other text."""
    additional = body.get("additionalInfo")
    infos = [
        item.get("info") for item in (additional if isinstance(additional, list) else []) if isinstance(item, dict)
    ]
    names = [
        f"{info.get('policyDefinitionDisplayName') or info.get('policyDefinitionName')}"
        f" (assignment {info.get('policyAssignmentDisplayName') or info.get('policyAssignmentName')})"
        for info in infos
        if isinstance(info, dict) and "policyAssignmentId" in info
    ]
    return f"Policy {', '.join(names[:_MOST_POLICIES])}. " if names else ""
