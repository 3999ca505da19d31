"""The codes ARC-4xxx: Resource Manager, identity, Key Vault, Arc data plane."""

from arcway.domain.catalogue.kind import Kind

AZURE: dict[str, Kind] = {
    "ARC-4001": Kind(
        "The identity cannot get a token", "Check that the managed identity exists and AZURE_CLIENT_ID names it.", True
    ),
    "ARC-4002": Kind(
        "The identity lacks a permission in Azure",
        "Assign the role that docs/permissions.md names for this step to Arcway's identity.",
    ),
    "ARC-4003": Kind("Azure does not know the subscription", "Check subscriptionId and that the identity can see it."),
    "ARC-4004": Kind("The location is not offered", "Choose one of the locations that the message names."),
    "ARC-4005": Kind(
        "A provider namespace is not registered",
        "Ask an administrator to run `az provider register --namespace NAME`, then start a new run.",
    ),
    "ARC-4006": Kind(
        "The resource group does not exist", "Create the resource group, or set createResourceGroup to true."
    ),
    "ARC-4007": Kind("Azure asks to slow down", "Arcway waits as long as Azure asks and goes on by itself.", True),
    "ARC-4008": Kind(
        "Azure answered with a server error", "Arcway tries again; see Azure's status page if it lasts.", True
    ),
    "ARC-4009": Kind("Azure refused the request", "Read Azure's message, correct the request, start a new run."),
    "ARC-4010": Kind("Provisioning the connected cluster failed", "Read Azure's message, then start a new run."),
    "ARC-4011": Kind("Azure sent an answer that cannot be understood", "Start a new run; report it if it lasts.", True),
    "ARC-4012": Kind("The connected cluster does not exist", "Check subscription, resource group and name."),
    "ARC-4013": Kind(
        "The connected cluster was not deleted in time",
        "Look at the resource in Azure (locks, policies), then start a new run; it goes on from there.",
    ),
    "ARC-4014": Kind(
        "The authority that signs people in does not answer",
        "Check outbound access to ARCWAY_AUTHORITY; try again in a moment.",
        True,
    ),
    "ARC-4015": Kind("The resource is a provisioned cluster", "Manage it with `az aksarc`; choose another name here."),
    "ARC-4016": Kind(
        "The connected cluster belongs to another cluster",
        "Check that name and kubeconfig belong together. To connect: choose another name, disconnect the other cluster "
        "first, or set takeOver (--take-over). To disconnect: azureOnly (--azure-only) deletes the connected cluster, "
        "agentsOnly (--agents-only) removes this cluster's agents.",
    ),
    "ARC-4017": Kind(
        "The connected cluster is in another location",
        "Give the location that the message names; a connected cluster cannot be moved.",
    ),
    "ARC-4018": Kind(
        "Azure does not show what should be there",
        "Nothing has to be done: Azure is asked again, because a change is not seen everywhere at once.",
        True,
    ),
    "ARC-4019": Kind(
        "The connected cluster's identity has expired",
        "Disconnect the cluster and connect it again: arcway disconnect, then arcway connect.",
    ),
    "ARC-4020": Kind(
        "A policy of Azure forbids the change",
        "Change the request so that it complies with the policy that the message names, or ask whoever assigned the "
        "policy for an exemption; no role helps.",
    ),
    "ARC-4021": Kind(
        "A lock on the resource or above it forbids the change",
        "Ask an owner to remove the lock that the message names, then start a new run; no other role helps.",
    ),
    "ARC-4022": Kind(
        "The subscription is not enabled",
        "Enable the subscription again in the Azure portal (Cost Management + Billing), then start a new run.",
    ),
    "ARC-4023": Kind(
        "The resource group is being deleted",
        "Wait until it is gone and create it again, or name another resource group.",
    ),
    "ARC-4024": Kind(
        "A deny assignment forbids the change",
        "Ask whoever owns the managed application or the deployment stack that made the deny assignment; no role "
        "helps.",
    ),
    "ARC-4025": Kind(
        "A deleted secret of this name can still be recovered",
        "Recover or purge it: az keyvault secret recover (or purge) --vault-name VAULT --name NAME.",
    ),
    "ARC-4026": Kind(
        "The connected cluster is being deleted",
        "Nothing has to be done: it is waited for. If it lasts, look at the resource in Azure.",
        True,
    ),
    "ARC-4027": Kind(
        "Registering a provider namespace takes longer than usual",
        "Azure is still at it: see it with `az provider show --namespace NAME --query registrationState`, then start a "
        "new run.",
        True,
    ),
}
