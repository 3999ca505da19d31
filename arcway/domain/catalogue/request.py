"""The codes ARC-1xxx: the request itself is wrong."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

REQUEST: dict[Code, ErrorKind] = {
    Code.INVALID_FIELDS: ErrorKind(
        "The request has invalid fields",
        "Correct the fields listed in details, then send the request again.",
    ),
    Code.BODY_NOT_JSON: ErrorKind(
        "The body is not a JSON object",
        "Send one JSON object with the content type application/json.",
    ),
    Code.BODY_TOO_LARGE: ErrorKind(
        "The body is too large",
        "Keep the request under 1 MiB: send the kubeconfig by reference (kubeconfig.secret).",
    ),
    Code.PATH_NOT_FOUND: ErrorKind(
        "The path does not exist",
        "See /api/openapi.json or docs/api.html for the paths of the API.",
    ),
    Code.METHOD_NOT_ALLOWED: ErrorKind(
        "The path does not support the method",
        "Use one of the methods in the Allow header.",
    ),
    Code.INVALID_PARAMETERS: ErrorKind(
        "The path or query has invalid parameters",
        "Correct the parameters listed in details.",
    ),
    Code.NOT_SIGNED_IN: ErrorKind(
        "The caller is not signed in",
        "Send a bearer token for Arcway's API, issued by its tenant. With `arcway`, set ARCWAY_SCOPE to the API's "
        "scope.",
    ),
    Code.ROLE_MISSING: ErrorKind(
        "The caller lacks an app role",
        "Ask an administrator to assign the app role that the message names (docs/permissions.md).",
    ),
    Code.SIGN_IN_FAILED: ErrorKind(
        "The sign-in did not complete",
        "Open the page and sign in again.",
    ),
    Code.CROSS_SITE_REQUEST: ErrorKind(
        "The request comes from another site",
        "Open Arcway's own page at its own address and reload it, then try again.",
    ),
    Code.CONTENT_TYPE_NOT_JSON: ErrorKind(
        "The content type is not JSON",
        "Send the body as application/json in UTF-8.",
    ),
}
