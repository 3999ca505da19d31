"""The codes ARC-1xxx: the request itself is wrong."""

from arcway.domain.catalogue.kind import Kind

_SAME_REQUEST = "Correct the fields named in details and send the request again."

REQUEST: dict[str, Kind] = {
    "ARC-1001": Kind("The request has invalid fields", _SAME_REQUEST),
    "ARC-1002": Kind("The body is not a JSON object", "Send one JSON object with content type application/json."),
    "ARC-1003": Kind("The body is too large", "Keep the request under 1 MiB; send a kubeconfig by reference."),
    "ARC-1004": Kind("There is no such path", "See /api/openapi.json or docs/api.html for the paths Arcway serves."),
    "ARC-1005": Kind("The method is not allowed here", "Use one of the methods in the Allow header."),
    "ARC-1006": Kind("The path or query has invalid parameters", "Correct the parameters named in details."),
    "ARC-1007": Kind(
        "The caller is not signed in",
        "Send a bearer token of Arcway's tenant for its API; `arcway` takes the API's scope from ARCWAY_SCOPE.",
    ),
    "ARC-1008": Kind(
        "The caller lacks a role", "Ask an administrator to assign the app role named (docs/permissions.md)."
    ),
    "ARC-1009": Kind("The sign-in did not complete", "Open the page again and sign in anew."),
    "ARC-1010": Kind(
        "The request comes from another site", "Use Arcway's own page, opened at its own address, and reload it first."
    ),
    "ARC-1011": Kind("The content type is not JSON", "Send the body as application/json in UTF-8."),
}
