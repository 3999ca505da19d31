"""The codes ARC-405x and ARC-505x: Azure Policy in connected clusters."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

POLICY_IN_AZURE: dict[Code, ErrorKind] = {
    Code.POLICY_DEFINITION_NOT_FOUND: ErrorKind(
        "The policy definition does not exist",
        "Check assignment.definitionId: `az policy definition list` and `az policy set-definition list` show the ids.",
    ),
    Code.POLICY_NOT_FOR_CLUSTERS: ErrorKind(
        "The policy does not check what runs in clusters",
        "Assign a definition with mode Microsoft.Kubernetes.Data; the category Kubernetes has those that are built in.",
    ),
    Code.POLICY_ASSIGNMENT_OF_ANOTHER_DEFINITION: ErrorKind(
        "The policy assignment assigns another definition",
        "Use another assignment.name, or delete the existing assignment first.",
    ),
    Code.POLICY_NEEDS_IDENTITY: ErrorKind(
        "The policy assignment needs an identity with roles",
        "Create the assignment with an identity (`az policy assignment create --mi-system-assigned --location LOCATION "
        "--role Contributor --identity-scope SCOPE`), then start a new run, or choose the effect Audit.",
    ),
    Code.POLICY_DENIES_IN_SYSTEM_NAMESPACES: ErrorKind(
        "The policy denies pods in system namespaces",
        "Set the parameter excludedNamespaces to kube-system, gatekeeper-system and azure-arc, and to other namespaces "
        "that the cluster needs.",
    ),
    Code.POLICY_NOT_ASSIGNED: ErrorKind(
        "The request assigns no policy",
        "No action needed if a policy is assigned elsewhere. Otherwise set assignment (--assignment, --policy).",
    ),
    Code.POLICY_EXTENSION_HAS_ANOTHER_NAME: ErrorKind(
        "The extension of Azure Policy has another name",
        "No action needed: Arcway uses the extension as it is. To change it: `arcway extension apply`.",
    ),
    Code.POLICY_PARAMETERS_INVALID: ErrorKind(
        "The parameters do not fit the policy definition",
        "Correct assignment.parameters; `az policy definition show --name NAME --query parameters` lists them.",
    ),
}
POLICY_IN_CLUSTERS: dict[Code, ErrorKind] = {
    Code.GATEKEEPER_OF_OTHERS: ErrorKind(
        "The cluster has a Gatekeeper that is not part of Azure Policy",
        "Remove what the message names, with its CRDs, then start a new run: Azure Policy installs its own Gatekeeper.",
    ),
    Code.POLICY_ASSIGNMENT_NOT_DELETED: ErrorKind(
        "The policy assignment was not deleted in time",
        "Check the assignment in Azure for locks, then start a new run; it continues.",
    ),
}
