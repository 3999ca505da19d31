"""apply_extension: creates the extension, or changes what differs from the request."""

from activities.absence import believe_absent
from activities.extension_checks import refuse
from activities.extension_settings import read_protected_settings
from activities.step import Call
from activities.wanted_extension import extension_to_apply
from arcway.azure.extensions import EXTENSIONS
from arcway.domain.extension_changes import changes_of, changing_body, conflicts, lost_settings, new_body
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.gitops_request import ApplyGitopsRequest
from arcway.domain.managed_states import is_in_progress, state_of
from arcway.domain.request import OnboardRequest
from arcway.domain.steps import ExtensionWritten


def apply_extension(call: Call[ApplyExtensionRequest | ApplyGitopsRequest | OnboardRequest]) -> ExtensionWritten:
    """Write nothing while Azure has not finished an earlier change: it would refuse, or one of the two would be lost.

    Raises `ArcError` ARC-4028, ARC-4031 or ARC-4033 for what the check before would have refused.
    """
    azure, cluster = call.installation.azure, call.request.cluster
    extension, resource = extension_to_apply(call)
    written: ExtensionWritten = {"changed": False, "created": False, "extensionName": extension.name}
    if resource is None:
        # Creating it over an existing one would take away all its settings.
        believe_absent(call, f"extension {extension.name}")
    elif is_in_progress(resource):
        return {**written, "inProgress": state_of(resource)}
    refuse(conflicts(extension, resource, []))
    protected = read_protected_settings(call, extension.protected_settings)
    changes = changes_of(extension, resource, protected.written)
    if not changes:
        return written
    refuse(lost_settings(extension, resource))
    if resource is None:
        operation = EXTENSIONS.put(azure, cluster, extension.name, new_body(extension, protected.values))
    else:
        body = changing_body(extension, protected.values, changes)
        operation = EXTENSIONS.patch(azure, cluster, extension.name, body)
    return {**written, "changed": True, "created": resource is None, "operation": operation}
