"""The codes ARC-1xxx: the request itself is wrong."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

_SAME_REQUEST = "Correct the fields named in details and send the request again."

REQUEST: dict[Code, Kind] = {
    Code.INVALID_FIELDS: Kind("The request has invalid fields", _SAME_REQUEST),
    Code.BODY_NOT_JSON: Kind(
        "The body is not a JSON object", "Send one JSON object with content type application/json."
    ),
    Code.BODY_TOO_LARGE: Kind("The body is too large", "Keep the request under 1 MiB; send a kubeconfig by reference."),
    Code.PATH_NOT_FOUND: Kind(
        "There is no such path", "See /api/openapi.json or docs/api.html for the paths Arcway serves."
    ),
    Code.METHOD_NOT_ALLOWED: Kind("The method is not allowed here", "Use one of the methods in the Allow header."),
    Code.INVALID_PARAMETERS: Kind(
        "The path or query has invalid parameters", "Correct the parameters named in details."
    ),
    Code.NOT_SIGNED_IN: Kind(
        "The caller is not signed in",
        "Send a bearer token of Arcway's tenant for its API; `arcway` takes the API's scope from ARCWAY_SCOPE.",
    ),
    Code.ROLE_MISSING: Kind(
        "The caller lacks a role", "Ask an administrator to assign the app role named (docs/permissions.md)."
    ),
    Code.SIGN_IN_FAILED: Kind("The sign-in did not complete", "Open the page again and sign in anew."),
    Code.CROSS_SITE_REQUEST: Kind(
        "The request comes from another site", "Use Arcway's own page, opened at its own address, and reload it first."
    ),
    Code.CONTENT_TYPE_NOT_JSON: Kind("The content type is not JSON", "Send the body as application/json in UTF-8."),
}
