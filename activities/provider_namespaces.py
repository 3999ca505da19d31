"""Which provider namespaces an operation needs in the subscription."""

from arcway.azure.kubernetes_configuration import NAMESPACE
from arcway.azure.providers import NAMESPACES
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.gitops_request import ApplyGitopsRequest
from arcway.domain.request import AnyRequest

_POLICY, _POLICY_TYPE = "Microsoft.PolicyInsights", "microsoft.policyinsights"


def namespaces_of(request: AnyRequest) -> tuple[str, ...]:
    """The provider namespaces that must be registered before the operation writes."""
    if isinstance(request, ApplyGitopsRequest):
        return (NAMESPACE,)
    if not isinstance(request, ApplyExtensionRequest):
        return NAMESPACES
    return (NAMESPACE, _POLICY) if request.extension.type == _POLICY_TYPE else (NAMESPACE,)
