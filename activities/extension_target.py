"""Which extension a step is about, and what it is to be like: of the request, or the one of Azure Policy."""

from activities.step import Call
from arcway.domain.extension_request import ApplyExtensionRequest, Extension, ExtensionRequest
from arcway.domain.policy_request import EXTENSION_NAME, DisablePolicyRequest, EnablePolicyRequest, PolicyRequest


def extension_name(call: Call[ExtensionRequest] | Call[PolicyRequest]) -> str:
    """The name of the extension; `extensionName` in the payload is that of an existing one of Azure Policy."""
    request, name = call.request, call.payload.get("extensionName")
    if isinstance(request, DisablePolicyRequest):
        return str(name or EXTENSION_NAME)
    return str(name or request.extension.name)


def wanted_extension(call: Call[ApplyExtensionRequest] | Call[EnablePolicyRequest]) -> Extension:
    """The extension as the request wants it."""
    request = call.request
    if isinstance(request, EnablePolicyRequest):
        return request.wanted_extension(call.payload.get("extensionName"))
    return request.extension
