"""Which extension a step is about: the one that the request describes, microsoft.flux for a Flux
configuration, or microsoft.policyinsights for Azure Policy.
"""

from typing import Any

from activities.step import Call
from arcway.azure.extensions import EXTENSIONS, FLUX_TYPE, flux_extension
from arcway.domain.extension_request import ApplyExtensionRequest, Extension
from arcway.domain.json_values import Json
from arcway.domain.policy_request import EXTENSION_NAME, DisablePolicyRequest, EnablePolicyRequest

FLUX = Extension.model_validate({"name": "flux", "type": FLUX_TYPE, "releaseNamespace": "flux-system"})
"""The extension that is installed where there is none of the type, as `az k8s-configuration flux create` does."""


def wanted_extension(installed: list[Json]) -> tuple[Extension, Json | None]:
    """The extension that a Flux configuration needs, and as it is among those installed; None if it is to be made.

    An existing one is used as it is, whatever its name and settings.
    """
    existing = flux_extension(installed)
    if existing is not None:
        return Extension.model_validate({"name": existing["name"], "type": FLUX_TYPE}), existing
    # One of another type may have the name.
    return FLUX, next((item for item in installed if item["name"].lower() == FLUX.name), None)


def extension_to_apply(call: Call[Any]) -> tuple[Extension, Json | None]:
    """The extension as the run wants it, and as Azure has it now. Raises `ArcError`."""
    azure, request = call.installation.azure, call.request
    if isinstance(request, ApplyExtensionRequest):
        return request.extension, EXTENSIONS.get(azure, request.cluster, request.extension.name)
    if isinstance(request, EnablePolicyRequest):
        extension = request.wanted_extension(call.payload.get("extensionName"))
        return extension, EXTENSIONS.get(azure, request.cluster, extension.name)
    return wanted_extension(EXTENSIONS.list_in(azure, request.cluster))


def extension_name(call: Call[Any]) -> str:
    """The name of the run's extension: the one that an earlier step returned, if the request names none."""
    if name := call.payload.get("extensionName"):
        return str(name)
    return EXTENSION_NAME if isinstance(call.request, DisablePolicyRequest) else str(call.request.extension.name)
