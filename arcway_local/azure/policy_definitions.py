"""A few built-in policy definitions for Kubernetes, with the ids, names and parameters of the public cloud.

Their rules are left out: nothing is evaluated here.
"""

from dataclasses import dataclass, field
from typing import Any

from arcway_local.azure.refusals import Refusal

TYPE = "Microsoft.Authorization/policyDefinitions"
_PREFIX = f"/providers/{TYPE}/"
_DATA_MODE = "Microsoft.Kubernetes.Data"


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """One built-in definition. `required` are parameters without a default, `optional` those with one."""

    id: str
    display_name: str
    effects: tuple[str, ...]
    mode: str = _DATA_MODE
    required: tuple[str, ...] = ()
    optional: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> set[str]:
        """The names of its parameters."""
        return {"effect", *self.required, *self.optional}

    @property
    def needs_identity(self) -> bool:
        """Whether an assignment deploys or changes something, for which it needs an identity."""
        return "DeployIfNotExists" in self.effects

    def form(self) -> dict[str, Any]:
        """The definition as a GET shows it."""
        effect = {"type": "String", "allowedValues": list(self.effects), "defaultValue": self.effects[0]}
        parameters = {"effect": effect, **{name: {"type": "String"} for name in self.required}}
        for name, default in self.optional.items():
            parameters[name] = {"type": "Array", "defaultValue": default}
        properties = {
            "displayName": self.display_name,
            "policyType": "BuiltIn",
            "mode": self.mode,
            "metadata": {"category": "Kubernetes"},
            "parameters": parameters,
            "policyRule": {"if": {"field": "type", "equals": "Microsoft.Kubernetes/connectedClusters"}},
        }
        return {"id": f"{_PREFIX}{self.id}", "name": self.id, "type": TYPE, "properties": properties}


_SYSTEM_NAMESPACES = ["kube-system", "gatekeeper-system", "azure-arc"]
_NAMESPACES = {"excludedNamespaces": _SYSTEM_NAMESPACES, "namespaces": []}
_DATA_EFFECTS = ("Audit", "Deny", "Disabled")

POLICY_DEFINITIONS: dict[str, PolicyDefinition] = {
    definition.id: definition
    for definition in (
        PolicyDefinition(
            "0adc5395-9169-4b9b-8687-af838d69410a",
            "Configure Azure Arc enabled Kubernetes clusters to install the Azure Policy extension",
            ("DeployIfNotExists", "AuditIfNotExists", "Disabled"),
            mode="Indexed",
        ),
        PolicyDefinition(
            "6b2122c1-8120-4ff5-801b-17625a355590",
            "Azure Arc enabled Kubernetes clusters should have the Azure Policy extension installed",
            ("AuditIfNotExists", "Disabled"),
            mode="Indexed",
        ),
        PolicyDefinition(
            "95edb821-ddaf-4404-9732-666045e056b4",
            "Kubernetes cluster should not allow privileged containers",
            ("Deny", "Audit", "Disabled"),
            optional=_NAMESPACES,
        ),
        PolicyDefinition(
            "47a1ee2f-2a2a-4576-bf2a-e0e36709c2b8",
            "Kubernetes cluster containers should not share host process ID or host IPC namespace",
            _DATA_EFFECTS,
            optional=_NAMESPACES,
        ),
        PolicyDefinition(
            "febd0533-8e55-448f-b837-bd0e06f16469",
            "Kubernetes cluster containers should only use allowed images",
            _DATA_EFFECTS,
            required=("allowedContainerImagesRegex",),
            optional=_NAMESPACES,
        ),
        PolicyDefinition(
            "e345eecc-fa47-480f-9e88-67dcc122b164",
            "Kubernetes cluster containers CPU and memory resource limits should not exceed the specified limits",
            _DATA_EFFECTS,
            required=("cpuLimit", "memoryLimit"),
            optional=_NAMESPACES,
        ),
    )
}


def find_definition(name: str) -> PolicyDefinition:
    """The built-in definition of this name. Raises `Refusal` 404 PolicyDefinitionNotFound."""
    definition = POLICY_DEFINITIONS.get(name.lower())
    if definition is None:
        message = f"The policy definition '{name[:80]}' could not be found."
        raise Refusal(404, "PolicyDefinitionNotFound", message, by_service=True)
    return definition


def find_by_id(definition_id: str) -> PolicyDefinition:
    """The definition of a resource id. Raises `Refusal` 404 PolicyDefinitionNotFound."""
    # Custom definitions are at a subscription or a management group; there are none of these.
    is_built_in = definition_id.lower().startswith(_PREFIX.lower())
    return find_definition(definition_id[len(_PREFIX) :] if is_built_in else definition_id)
