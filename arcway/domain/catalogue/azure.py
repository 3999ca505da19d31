"""The codes ARC-4xxx: Resource Manager, identity, Key Vault, Arc data plane."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

AZURE: dict[Code, Kind] = {
    Code.AZURE_TOKEN_UNAVAILABLE: Kind(
        "Arcway's identity cannot get a token",
        "Check that the managed identity exists and that AZURE_CLIENT_ID is its client id.",
        True,
    ),
    Code.AZURE_PERMISSION_MISSING: Kind(
        "Arcway's identity lacks a permission in Azure",
        "Assign Arcway's identity the role that docs/permissions.md lists for this step.",
    ),
    Code.SUBSCRIPTION_NOT_FOUND: Kind(
        "The subscription does not exist or is not visible",
        "Check subscriptionId, and that Arcway's identity has a role in the subscription.",
    ),
    Code.LOCATION_NOT_OFFERED: Kind(
        "Azure Arc is not available in the location",
        "Choose one of the locations that the message lists.",
    ),
    Code.PROVIDER_NOT_REGISTERED: Kind(
        "A provider namespace is not registered",
        "Ask an administrator to run `az provider register --namespace NAME`, then start a new run.",
    ),
    Code.RESOURCE_GROUP_NOT_FOUND: Kind(
        "The resource group does not exist",
        "Create the resource group, or set createResourceGroup to true.",
    ),
    Code.AZURE_THROTTLED: Kind(
        "Azure is throttling requests",
        "No action needed: Arcway waits (Retry-After) and continues.",
        True,
    ),
    Code.AZURE_SERVER_ERROR: Kind(
        "Azure returned a server error",
        "No action needed: Arcway tries again. If it keeps failing, check https://azure.status.microsoft.",
        True,
    ),
    Code.AZURE_REQUEST_REFUSED: Kind(
        "Azure rejected the request",
        "Fix the cause given in Azure's message, then start a new run.",
    ),
    Code.PROVISIONING_FAILED: Kind(
        "Provisioning of the connected cluster failed",
        "Fix the cause given in Azure's message, then start a new run.",
    ),
    Code.AZURE_RESPONSE_INVALID: Kind(
        "Azure returned an invalid response",
        "Start a new run. If it keeps failing, report it with the correlation id.",
        True,
    ),
    Code.CONNECTED_CLUSTER_NOT_FOUND: Kind(
        "The connected cluster does not exist",
        "Check subscription, resource group and name.",
    ),
    Code.CONNECTED_CLUSTER_NOT_DELETED: Kind(
        "The connected cluster was not deleted in time",
        "Check the resource in Azure for locks and policies, then start a new run; it continues from the current "
        "state.",
    ),
    Code.SIGN_IN_AUTHORITY_UNREACHABLE: Kind(
        "The sign-in authority does not respond",
        "Check outbound access to ARCWAY_AUTHORITY, then try again.",
        True,
    ),
    Code.RESOURCE_IS_PROVISIONED_CLUSTER: Kind(
        "The resource is a provisioned cluster",
        "Manage it with `az aksarc`, or choose another name for this cluster.",
    ),
    Code.CONNECTED_CLUSTER_TAKEN: Kind(
        "The connected cluster is in use by another cluster",
        "Check that name and kubeconfig belong together. To connect: choose another name, disconnect the other "
        "cluster first, or set takeOver (--take-over). To disconnect: azureOnly (--azure-only) deletes the connected "
        "cluster, agentsOnly (--agents-only) removes this cluster's agents.",
    ),
    Code.LOCATION_MISMATCH: Kind(
        "The connected cluster is in another location",
        "Use the location given in the message; a connected cluster cannot be moved.",
    ),
    Code.AZURE_REPLICATION_PENDING: Kind(
        "Azure does not show a recent change yet",
        "No action needed: Arcway asks again, because changes take time to replicate in Azure.",
        True,
    ),
    Code.CONNECTED_CLUSTER_EXPIRED: Kind(
        "The connected cluster's identity has expired",
        "Disconnect the cluster and connect it again: `arcway disconnect`, then `arcway connect`.",
    ),
    Code.AZURE_POLICY_DENIED: Kind(
        "An Azure policy denies the change",
        "Change the request so that it complies with the policy that the message names, or ask the policy's owner for"
        " an exemption. No role assignment helps.",
    ),
    Code.RESOURCE_LOCKED: Kind(
        "A management lock prevents the change",
        "Ask an owner to remove the lock that the message names, then start a new run. No other role helps.",
    ),
    Code.SUBSCRIPTION_DISABLED: Kind(
        "The subscription is not enabled",
        "Enable the subscription again in the Azure portal (Cost Management + Billing), then start a new run.",
    ),
    Code.RESOURCE_GROUP_DELETING: Kind(
        "The resource group is being deleted",
        "Wait until it is deleted and create it again, or use another resource group.",
    ),
    Code.DENY_ASSIGNMENT: Kind(
        "A deny assignment prevents the change",
        "Ask the owner of the managed application or deployment stack that created the deny assignment. No role "
        "assignment helps.",
    ),
    Code.SECRET_SOFT_DELETED: Kind(
        "A soft-deleted secret has this name",
        "Recover or purge it: `az keyvault secret recover --vault-name VAULT --name NAME` (or `purge`).",
    ),
    Code.CONNECTED_CLUSTER_DELETING: Kind(
        "The connected cluster is being deleted",
        "No action needed: Arcway waits for the deletion. If it does not end, check the resource in Azure.",
        True,
    ),
    Code.PROVIDER_REGISTRATION_SLOW: Kind(
        "Registration of a provider namespace takes longer than usual",
        "Wait until `az provider show --namespace NAME --query registrationState` prints Registered, then start a new"
        " run.",
        True,
    ),
}
