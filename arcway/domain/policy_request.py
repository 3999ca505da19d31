"""The requests about Azure Policy in a connected cluster: enable it, disable it. Nothing is read."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, StrictBool, ValidationInfo, field_validator

from arcway.domain.cluster_request import ClusterRequest
from arcway.domain.extension_request import (
    AutoUpgrade,
    Extension,
    ExtensionVersion,
    ReleaseTrain,
    SettingName,
)
from arcway.domain.fields import ExtensionName
from arcway.domain.ids import ClusterId
from arcway.domain.model import Model
from arcway.domain.phases import Scope
from arcway.domain.proxy import Proxy
from arcway.domain.references import KubeconfigReference

EXTENSION_TYPE = "microsoft.policyinsights"
EXTENSION_NAME = "azurepolicy"
"""What Microsoft's documentation calls the extension."""
_MOST_SETTINGS = 500
_MOST_PARAMETERS = 100
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DEFINITION = re.compile(
    rf"(/subscriptions/{_GUID}|/providers/Microsoft\.Management/managementGroups/[0-9A-Za-z_().-]{{1,90}})?"
    r"/providers/Microsoft\.Authorization/policy(Set)?Definitions/[0-9A-Za-z_.-]{1,128}",
    re.IGNORECASE,
)

# Without what a path or a query could mean otherwise; Azure's own limit is the same or longer at each of these scopes.
type AssignmentName = Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_-])?$")]
type AssignmentScope = Literal["cluster", "resourceGroup", "subscription"]
type ParameterName = Annotated[str, Field(min_length=1, max_length=200)]


class ParameterValue(Model):
    """A parameter of an assignment in Azure's own form."""

    value: JsonValue


class PolicyExtension(Model):
    """The extension of Azure Policy as it is to be. Omitted fields stay unchanged for an existing extension."""

    name: ExtensionName = EXTENSION_NAME
    """An existing extension of this type that has another name is used as it is."""
    release_train: ReleaseTrain | None = None
    """Default for a new extension: stable."""
    version: ExtensionVersion | None = None
    """A version ends automatic upgrades. Default for a new extension: the newest of the release train."""
    auto_upgrade: AutoUpgrade | None = None
    """Default for a new extension: none with a version, else compatible."""
    settings: Annotated[dict[SettingName, str], Field(max_length=_MOST_SETTINGS, default_factory=dict)]
    """Settings by name, such as a Helm value's dotted name; those that are not named stay."""

    @field_validator("auto_upgrade")
    @classmethod
    def _not_with_a_version(cls, mode: str | None, info: ValidationInfo) -> str | None:
        if mode not in (None, "none") and info.data.get("version") is not None:
            raise ValueError("must be none with a version: automatic upgrades would replace it")
        return mode


class AssignmentReference(Model):
    """Names a policy assignment."""

    name: AssignmentName
    scope: AssignmentScope = "cluster"
    """What the policy applies to: this connected cluster, or all in its resource group or subscription."""

    def scope_id(self, cluster: ClusterId) -> str:
        """The resource id of the scope, which this cluster belongs to."""
        subscription = f"/subscriptions/{cluster.subscription_id}"
        by_scope = {
            "cluster": cluster.resource_id,
            "resourceGroup": f"{subscription}/resourceGroups/{cluster.resource_group}",
            "subscription": subscription,
        }
        return by_scope[self.scope]

    def resource_id(self, cluster: ClusterId) -> str:
        """The resource id of the assignment."""
        return f"{self.scope_id(cluster)}/providers/Microsoft.Authorization/policyAssignments/{self.name}"


class Assignment(AssignmentReference):
    """The assignment of a policy or initiative. Omitted fields stay unchanged for an existing assignment."""

    definition_id: Annotated[str, Field(max_length=400)]
    """The resource id of the policy definition or of the initiative (policySetDefinitions), built-in or custom. An
    existing assignment keeps its own."""
    display_name: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=_MOST_PARAMETERS, default_factory=dict)]
    """Parameters by name; those that are not named stay. Everyone who may read the assignment sees them."""
    enforcement_mode: Literal["Default", "DoNotEnforce"] | None = None
    """DoNotEnforce: report only. Default for a new assignment: Default."""

    @field_validator("definition_id")
    @classmethod
    def _is_a_definition(cls, definition_id: str) -> str:
        if not _DEFINITION.fullmatch(definition_id):
            raise ValueError("must be the resource id of a policy definition or of an initiative")
        return definition_id

    @property
    def is_initiative(self) -> bool:
        """Whether the definition is a set of policies."""
        return "/policysetdefinitions/" in self.definition_id.lower()


class EnablePolicyRequest(ClusterRequest):
    """Install the extension of Azure Policy and assign a policy, or check what would change."""

    operation: Literal["enablePolicy", "check"] = "enablePolicy"
    extension: PolicyExtension = PolicyExtension(settings={})
    assignment: Assignment | None = None
    """Without one the extension enforces nothing unless a policy is assigned elsewhere."""
    timeout: Annotated[int, Field(ge=60, le=3600)] = 1800
    """Seconds until Azure must have installed the extension."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run looks for a Gatekeeper of the cluster's own and waits until the Deployments are Ready."""
    check_network: Annotated[StrictBool, Field(validate_default=True)] = False
    """Try from the cluster whether the addresses that Azure Policy needs can be reached; needs a kubeconfig."""
    proxy: Proxy | None = None
    """What the network check uses; the extension itself gets the proxy of the agents."""

    @field_validator("check_network")
    @classmethod
    def _in_the_cluster(cls, check: bool, info: ValidationInfo) -> bool:
        if check and info.data.get("kubeconfig") is None:
            raise ValueError("needs a kubeconfig: the network is tried from the cluster")
        return check

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"

    def wanted_extension(self, name: str | None) -> Extension:
        """The extension as it is to be; `name` is that of the extension of this type that exists.

        Of one that has another name than the request's only the type and the identity are asked for.
        """
        fields: Mapping[str, Any] = vars(self.extension)
        if name is not None and name.lower() != self.extension.name.lower():
            fields = {"name": name, "settings": {}}
        return Extension(**fields, type=EXTENSION_TYPE, identity="SystemAssigned", protected_settings={})


class DisablePolicyRequest(ClusterRequest):
    """Delete a policy assignment and the extension of Azure Policy, or check what would be deleted."""

    operation: Literal["disablePolicy", "check"] = "disablePolicy"
    assignment: AssignmentReference | None = None
    """The assignment to delete; others stay."""
    force: StrictBool = False
    """Delete the extension in Azure even if the cluster is not connected; its release stays in the cluster."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run waits until the Deployments of the extension are gone."""
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"


type PolicyRequest = EnablePolicyRequest | DisablePolicyRequest


def is_policy_extension(resource: Mapping[str, Any]) -> bool:
    """Whether this extension of a connected cluster is that of Azure Policy."""
    return str(resource["properties"].get("extensionType")).lower() == EXTENSION_TYPE
