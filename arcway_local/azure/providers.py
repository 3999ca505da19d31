"""Provider namespaces as Resource Manager shows them, and the check of the api-version of every request."""

from typing import Any

from arcway_local.azure.provider_types import BUILT_IN, LOCATIONS, PROVIDERS, RESOURCES, TRACKED
from arcway_local.azure.refusals import Refusal


def describe(subscription_id: str, namespace: str, state: str) -> dict[str, Any]:
    """The namespace as a GET shows it."""
    name, types = PROVIDERS[namespace]
    return {
        "id": f"/subscriptions/{subscription_id}/providers/{name}",
        "namespace": name,
        "authorizations": [],
        "resourceTypes": [_describe_type(kind, versions) for kind, versions in types.items()],
        "registrationState": state,
        "registrationPolicy": "RegistrationRequired",
    }


def _describe_type(kind: str, versions: list[str]) -> dict[str, Any]:
    tracked = kind in TRACKED
    system_identity = "SystemAssignedResourceIdentity, " if kind in ("connectedClusters", "machines") else ""
    return {
        "resourceType": kind,
        "locations": [] if kind in ("operations", "locations") else LOCATIONS,
        "apiVersions": versions,
        "defaultApiVersion": next((version for version in versions if not version.endswith("preview")), versions[0]),
        "capabilities": f"{system_identity}SupportsTags, SupportsLocation" if tracked else "None",
    }


def check_version(namespace: str, kind: str, version: str) -> None:
    """Refuse an api-version that is missing or that the type does not have, and a type that there is none of.

    Raises `Refusal` 400 MissingApiVersionParameter, InvalidApiVersionParameter or NoRegisteredProviderFound, and 404
    InvalidResourceType or InvalidResourceNamespace.
    """
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise Refusal(400, "MissingApiVersionParameter", message)
    if namespace == "microsoft.resources":
        if version not in RESOURCES:
            message = f"The api-version '{version}' is invalid. The supported versions are '{','.join(RESOURCES)}'."
            raise Refusal(400, "InvalidApiVersionParameter", message)
        return
    name, types = find_namespace(namespace)
    full_name = next((item for item in types if item.lower() == kind.lower()), None)
    if full_name is None:
        message = (
            f"The resource type '{kind}' could not be found in the namespace '{name}' for api version '{version}'."
        )
        raise Refusal(404, "InvalidResourceType", message)
    versions = types[full_name]
    if version not in versions:
        message = (
            f"No registered resource provider found for API version '{version}' for type '{full_name}' in the "
            f"namespace '{name}'. The supported api-versions are '{', '.join(versions)}'."
        )
        raise Refusal(400, "NoRegisteredProviderFound", message)


def find_namespace(namespace: str) -> tuple[str, dict[str, list[str]]]:
    """The name of a namespace and the api-versions of its types. Raises `Refusal` 404 InvalidResourceNamespace."""
    described = PROVIDERS.get(namespace.lower()) or BUILT_IN.get(namespace.lower())
    if described is None:
        raise Refusal(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return described
