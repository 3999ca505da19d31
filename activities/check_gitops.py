"""check_gitops: reads what a connected cluster has of Flux, whether it may be changed, and what would change."""

from typing import Any

from activities.extension_checks import missing_in_group, unusable
from activities.extension_settings import read_protected_settings
from activities.shared_reads import checked_by, is_member, resource_of
from activities.step import Call
from activities.wanted_extension import FLUX, wanted_extension
from arcway.azure import extensions
from arcway.azure.extensions import EXTENSIONS, flux_extension
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS, FLUX_V1
from arcway.azure.kubernetes_configuration import NAMESPACE
from arcway.azure.onboard_findings import permission_findings, registrations
from arcway.azure.providers import REGISTERED
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import is_being_deleted, not_connected
from arcway.domain.errors import ArcError
from arcway.domain.extension_changes import changes_of as extension_changes
from arcway.domain.extension_changes import conflicts as extension_conflicts
from arcway.domain.extension_changes import lost_settings as lost_extension_settings
from arcway.domain.findings import finding
from arcway.domain.gitops_changes import applies_root, changes_of, lost_settings
from arcway.domain.gitops_request import DeleteGitopsRequest, GitopsRequest
from arcway.domain.gitops_validity import conflicts
from arcway.domain.json_values import Json
from arcway.domain.request import OnboardRequest
from arcway.domain.secret_names import SecretKind
from arcway.domain.steps import Checked, Facts
from arcway.domain.text import listed

_NAMED = 10


def check_gitops(call: Call[GitopsRequest | OnboardRequest]) -> Checked:
    """Findings and facts; changes nothing. A connect is also checked where there is no connected cluster yet."""
    return checked_by(call, _check)


def _check(call: Call[Any], *, shared: bool) -> Checked:
    request = call.request
    cluster, is_connect = resource_of(call, shared=shared, may_be_new=True), isinstance(request, OnboardRequest)
    if is_connect and (cluster is None or is_being_deleted(cluster)):
        return _of_connect(call, shared=shared)
    if (findings := unusable(call, cluster)) or cluster is None:
        return {"findings": findings}
    azure, name = call.installation.azure, request.configuration.name
    configurations = FLUX_CONFIGURATIONS.list_in(azure, request.cluster)
    resource = next((item for item in configurations if item["name"].lower() == name), None)
    installed = EXTENSIONS.list_in(azure, request.cluster)
    if isinstance(request, DeleteGitopsRequest):
        others = [item["name"] for item in configurations if item is not resource]
        return _of_deletion(call, cluster, resource, flux_extension(installed), others, shared=shared)
    checked = _of_application(call, resource, installed, shared=shared)
    # A connect makes the cluster Connected before it comes to this.
    return checked if is_connect else {**checked, "findings": not_connected(cluster) + checked["findings"]}


def _of_connect(call: Call[Any], *, shared: bool) -> Checked:
    """A connected cluster that is to be made has nothing of Flux."""
    return _of_application(call, None, [], shared=shared, is_new=True)


def _of_application(
    call: Call[Any], resource: Json | None, installed: list[Json], *, shared: bool, is_new: bool = False
) -> Checked:
    configuration = call.request.configuration
    extension, existing = wanted_extension(installed)
    facts: Facts = {
        "configurationExists": resource is not None,
        "extensionExists": existing is not None,
        "extensionName": extension.name,
        "extensionNamespace": extensions.release_namespace(existing),
        "extensionChanges": extension_changes(extension, existing, {}),
    }
    findings = extension_conflicts(extension, existing, []) + conflicts(configuration, resource)
    findings += applies_root(configuration, resource)
    if facts["extensionChanges"]:
        findings += lost_extension_settings(extension, existing)
    if not is_new:
        findings += _flux_v1(call)
    changes, of_settings = _changes(call, resource)
    findings += of_settings
    facts["configurationChanges"] = changes
    states = _states(call)
    if not isinstance(call.request, OnboardRequest):
        facts["toRegister"] = [name for name, state in states.items() if state != REGISTERED]
    actions = [FLUX_CONFIGURATIONS.action("write")] if changes else []
    actions += [EXTENSIONS.action("write")] if facts["extensionChanges"] else []
    if actions and not is_new:
        missing = missing_in_group(call, (*actions, *registrations(states)), shared=shared)
        findings += permission_findings(call.request.subscription_id, states, missing)
    return {"findings": findings, "facts": facts}


def _changes(call: Call[Any], resource: Json | None) -> tuple[list[str], list[Json]]:
    """The names of what differs, and findings about protected settings."""
    configuration = call.request.configuration
    try:
        protected = read_protected_settings(call, configuration.protected_settings, SecretKind.GIT_CREDENTIAL)
    except ArcError as error:
        if error.retryable:
            raise
        return [], [finding(error.code, error.message)]
    changes = changes_of(configuration, resource, protected.written)
    return changes, lost_settings(configuration, resource) if changes else []


def _flux_v1(call: Call[Any]) -> list[Json]:
    """Configurations of Flux v1, as `az k8s-configuration flux create` refuses them, too."""
    names = sorted(item["name"] for item in FLUX_V1.list_in(call.installation.azure, call.request.cluster))
    if not names:
        return []
    message = f"The connected cluster has source control configurations (Flux v1): {listed(names, _NAMED)}."
    return [finding(Code.FLUX_V1_INSTALLED, message)]


def _of_deletion(
    call: Call[Any], cluster: Json, resource: Json | None, extension: Json | None, others: list[str], *, shared: bool
) -> Checked:
    with_extension = call.request.with_extension and extension is not None
    facts: Facts = {
        "configurationExists": resource is not None,
        "configurationChanges": ["configuration"] if resource else [],
        "configurationNamespace": str(resource["properties"].get("namespace")) if resource else None,
        "extensionExists": with_extension,
        "extensionName": extension["name"] if extension else FLUX.name,
        "extensionChanges": ["extension"] if with_extension else [],
    }
    findings = [] if call.request.force or (resource is None and not with_extension) else not_connected(cluster)
    if with_extension and others:
        message = f"Extension {facts['extensionName']} has other Flux configurations: {listed(sorted(others), _NAMED)}."
        findings.append(finding(Code.EXTENSION_IN_USE, message))
    actions = [FLUX_CONFIGURATIONS.action("delete")] if resource else []
    actions += [EXTENSIONS.action("delete")] if with_extension else []
    if actions:
        missing = missing_in_group(call, tuple(actions), shared=shared)
        findings += permission_findings(call.request.subscription_id, {}, missing)
    return {"findings": findings, "facts": facts}


def _states(call: Call[Any]) -> dict[str, str]:
    providers, shared = call.installation.azure.providers, is_member(call)
    return {NAMESPACE: providers.state(call.request.subscription_id, NAMESPACE, shared=shared)}
