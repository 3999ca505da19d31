"""The codes ARC-4xxx: Resource Manager, identity, Key Vault, Arc data plane."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

AZURE: dict[Code, Kind] = {
    Code.AZURE_TOKEN_UNAVAILABLE: Kind(
        "The identity cannot get a token", "Check that the managed identity exists and AZURE_CLIENT_ID names it.", True
    ),
    Code.AZURE_PERMISSION_MISSING: Kind(
        "The identity lacks a permission in Azure",
        "Assign the role that docs/permissions.md names for this step to Arcway's identity.",
    ),
    Code.SUBSCRIPTION_NOT_FOUND: Kind(
        "Azure does not know the subscription", "Check subscriptionId and that the identity can see it."
    ),
    Code.LOCATION_NOT_OFFERED: Kind(
        "The location is not offered", "Choose one of the locations that the message names."
    ),
    Code.PROVIDER_NOT_REGISTERED: Kind(
        "A provider namespace is not registered",
        "Ask an administrator to run `az provider register --namespace NAME`, then start a new run.",
    ),
    Code.RESOURCE_GROUP_NOT_FOUND: Kind(
        "The resource group does not exist", "Create the resource group, or set createResourceGroup to true."
    ),
    Code.AZURE_THROTTLED: Kind(
        "Azure asks to slow down", "Arcway waits as long as Azure asks and goes on by itself.", True
    ),
    Code.AZURE_SERVER_ERROR: Kind(
        "Azure answered with a server error", "Arcway tries again; see Azure's status page if it lasts.", True
    ),
    Code.AZURE_REQUEST_REFUSED: Kind(
        "Azure refused the request", "Read Azure's message, correct the request, start a new run."
    ),
    Code.PROVISIONING_FAILED: Kind(
        "Provisioning the connected cluster failed", "Read Azure's message, then start a new run."
    ),
    Code.AZURE_RESPONSE_INVALID: Kind(
        "Azure sent an answer that cannot be understood", "Start a new run; report it if it lasts.", True
    ),
    Code.CONNECTED_CLUSTER_NOT_FOUND: Kind(
        "The connected cluster does not exist", "Check subscription, resource group and name."
    ),
    Code.CONNECTED_CLUSTER_NOT_DELETED: Kind(
        "The connected cluster was not deleted in time",
        "Look at the resource in Azure (locks, policies), then start a new run; it goes on from there.",
    ),
    Code.SIGN_IN_AUTHORITY_UNREACHABLE: Kind(
        "The authority that signs people in does not answer",
        "Check outbound access to ARCWAY_AUTHORITY; try again in a moment.",
        True,
    ),
    Code.RESOURCE_IS_PROVISIONED_CLUSTER: Kind(
        "The resource is a provisioned cluster", "Manage it with `az aksarc`; choose another name here."
    ),
    Code.CONNECTED_CLUSTER_TAKEN: Kind(
        "The connected cluster belongs to another cluster",
        "Check that name and kubeconfig belong together. To connect: choose another name, disconnect the other cluster "
        "first, or set takeOver (--take-over). To disconnect: azureOnly (--azure-only) deletes the connected cluster, "
        "agentsOnly (--agents-only) removes this cluster's agents.",
    ),
    Code.LOCATION_MISMATCH: Kind(
        "The connected cluster is in another location",
        "Give the location that the message names; a connected cluster cannot be moved.",
    ),
    Code.AZURE_REPLICATION_PENDING: Kind(
        "Azure does not show what should be there",
        "Nothing has to be done: Azure is asked again, because a change is not seen everywhere at once.",
        True,
    ),
    Code.CONNECTED_CLUSTER_EXPIRED: Kind(
        "The connected cluster's identity has expired",
        "Disconnect the cluster and connect it again: arcway disconnect, then arcway connect.",
    ),
    Code.AZURE_POLICY_DENIED: Kind(
        "A policy of Azure forbids the change",
        "Change the request so that it complies with the policy that the message names, or ask whoever assigned the "
        "policy for an exemption; no role helps.",
    ),
    Code.RESOURCE_LOCKED: Kind(
        "A lock on the resource or above it forbids the change",
        "Ask an owner to remove the lock that the message names, then start a new run; no other role helps.",
    ),
    Code.SUBSCRIPTION_DISABLED: Kind(
        "The subscription is not enabled",
        "Enable the subscription again in the Azure portal (Cost Management + Billing), then start a new run.",
    ),
    Code.RESOURCE_GROUP_DELETING: Kind(
        "The resource group is being deleted",
        "Wait until it is gone and create it again, or name another resource group.",
    ),
    Code.DENY_ASSIGNMENT: Kind(
        "A deny assignment forbids the change",
        "Ask whoever owns the managed application or the deployment stack that made the deny assignment; no role "
        "helps.",
    ),
    Code.SECRET_SOFT_DELETED: Kind(
        "A deleted secret of this name can still be recovered",
        "Recover or purge it: az keyvault secret recover (or purge) --vault-name VAULT --name NAME.",
    ),
    Code.CONNECTED_CLUSTER_DELETING: Kind(
        "The connected cluster is being deleted",
        "Nothing has to be done: it is waited for. If it lasts, look at the resource in Azure.",
        True,
    ),
    Code.PROVIDER_REGISTRATION_SLOW: Kind(
        "Registering a provider namespace takes longer than usual",
        "Azure is still at it: see it with `az provider show --namespace NAME --query registrationState`, then start a "
        "new run.",
        True,
    ),
}
