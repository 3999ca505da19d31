"""apply_configuration: creates the Flux configuration, or changes what differs from the request."""

import base64

from activities.absence import believe_absent
from activities.extension_checks import refuse
from activities.extension_settings import ProtectedSettings, read_protected_settings
from activities.step import Call
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.gitops_changes import changes_of, changing_body, lost_settings, new_body
from arcway.domain.gitops_request import ApplyGitopsRequest
from arcway.domain.gitops_validity import conflicts
from arcway.domain.managed_states import is_in_progress, state_of
from arcway.domain.request import OnboardRequest
from arcway.domain.secret_names import SecretKind
from arcway.domain.secrets_held import hold
from arcway.domain.steps import ConfigurationWritten


def apply_configuration(call: Call[ApplyGitopsRequest | OnboardRequest]) -> ConfigurationWritten:
    """Write nothing while Azure has not finished an earlier change: it would refuse, or one of the two would be lost.

    Raises `ArcError` ARC-4040, ARC-4041 or ARC-4033 for what the check before would have refused.
    """
    configuration, azure, cluster = call.request.configuration, call.installation.azure, call.request.cluster
    resource = FLUX_CONFIGURATIONS.get(azure, cluster, configuration.name)
    if resource is None:
        # Creating it over an existing one would replace all that others have set.
        believe_absent(call, f"Flux configuration {configuration.name}")
    elif is_in_progress(resource):
        return {"changed": False, "created": False, "inProgress": state_of(resource)}
    refuse(conflicts(configuration, resource))
    protected = read_protected_settings(call, configuration.protected_settings, SecretKind.GIT_CREDENTIAL)
    if not changes_of(configuration, resource, protected.written):
        return {"changed": False, "created": False}
    refuse(lost_settings(configuration, resource))
    values = _encoded(protected)
    if resource is None:
        operation = FLUX_CONFIGURATIONS.put(azure, cluster, configuration.name, new_body(configuration, values))
    else:
        body = changing_body(configuration, resource, values)
        operation = FLUX_CONFIGURATIONS.patch(azure, cluster, configuration.name, body)
    return {"changed": True, "created": resource is None, "operation": operation}


def _encoded(protected: ProtectedSettings) -> dict[str, str]:
    """The values as Azure takes them. A line end that an editor or `echo` left behind a token is not part of it."""
    values = {}
    for name, value in protected.values.items():
        # The last line of a private key must end.
        text = f"{value.strip()}\n" if name == "sshPrivateKey" else value.strip()
        values[name] = base64.b64encode(text.encode()).decode()
    hold(*values.values())
    return values
