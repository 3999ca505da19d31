"""apply_extension: creates the extension, or changes what differs from the request."""

from activities.absence import believe_absent
from activities.extension_settings import read_protected_settings
from activities.extension_target import wanted_extension
from activities.step import Call
from arcway.azure.extensions import EXTENSIONS
from arcway.domain.errors import ArcError
from arcway.domain.extension_changes import (
    changes_of,
    changing_body,
    conflicts,
    is_in_progress,
    lost_settings,
    new_body,
    state_of,
)
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.json_values import Json
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.steps import ExtensionWritten


def apply_extension(call: Call[ApplyExtensionRequest] | Call[EnablePolicyRequest]) -> ExtensionWritten:
    """Write nothing while Azure has not finished an earlier change: it would refuse, or one of the two would be lost.

    Raises `ArcError` ARC-4028, ARC-4031 or ARC-4033 for what the check before would have refused.
    """
    extension, azure, cluster = wanted_extension(call), call.installation.azure, call.request.cluster
    resource = EXTENSIONS.get(azure, cluster, extension.name)
    if resource is None:
        # Creating it over an existing one would take away all its settings.
        believe_absent(call, f"extension {extension.name}")
    elif is_in_progress(resource):
        return {"changed": False, "created": False, "inProgress": state_of(resource)}
    _refuse(conflicts(extension, resource, []))
    protected = read_protected_settings(call)
    changes = changes_of(extension, resource, protected.written)
    if not changes:
        return {"changed": False, "created": False}
    _refuse(lost_settings(extension, resource))
    if resource is None:
        operation = EXTENSIONS.put(azure, cluster, extension.name, new_body(extension, protected.values))
    else:
        body = changing_body(extension, protected.values, changes)
        operation = EXTENSIONS.patch(azure, cluster, extension.name, body)
    return {"changed": True, "created": resource is None, "operation": operation}


def _refuse(findings: list[Json]) -> None:
    for item in findings:
        raise ArcError(item["code"], item["message"])
