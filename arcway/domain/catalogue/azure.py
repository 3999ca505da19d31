"""The codes ARC-4xxx: Resource Manager, identity, Key Vault, Arc data plane."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

AZURE: dict[Code, ErrorKind] = {
    Code.AZURE_TOKEN_UNAVAILABLE: ErrorKind(
        "Arcway's identity cannot get a token",
        "Check that the managed identity exists and that AZURE_CLIENT_ID is its client id.",
        True,
    ),
    Code.AZURE_PERMISSION_MISSING: ErrorKind(
        "Arcway's identity lacks a permission in Azure",
        "Assign Arcway's identity the role that docs/permissions.md lists for this step.",
    ),
    Code.SUBSCRIPTION_NOT_FOUND: ErrorKind(
        "The subscription does not exist or is not visible",
        "Check subscriptionId, and that Arcway's identity has a role in the subscription.",
    ),
    Code.LOCATION_NOT_OFFERED: ErrorKind(
        "Azure Arc is not available in the location",
        "Choose one of the locations that the message lists.",
    ),
    Code.PROVIDER_NOT_REGISTERED: ErrorKind(
        "A provider namespace is not registered",
        "Ask an administrator to run `az provider register --namespace NAME`, then start a new run.",
    ),
    Code.RESOURCE_GROUP_NOT_FOUND: ErrorKind(
        "The resource group does not exist",
        "Create the resource group, or set createResourceGroup to true.",
    ),
    Code.AZURE_THROTTLED: ErrorKind(
        "Azure is throttling requests",
        "No action needed: Arcway waits (Retry-After) and continues.",
        True,
    ),
    Code.AZURE_SERVER_ERROR: ErrorKind(
        "Azure returned a server error",
        "No action needed: Arcway tries again. If it keeps failing, check https://azure.status.microsoft.",
        True,
    ),
    Code.AZURE_REQUEST_REFUSED: ErrorKind(
        "Azure rejected the request",
        "Fix the cause given in Azure's message, then start a new run.",
    ),
    Code.PROVISIONING_FAILED: ErrorKind(
        "Provisioning of the connected cluster failed",
        "Fix the cause given in Azure's message, then start a new run.",
    ),
    Code.AZURE_RESPONSE_INVALID: ErrorKind(
        "Azure returned an invalid response",
        "Start a new run. If it keeps failing, report it with the correlation id.",
        True,
    ),
    Code.CONNECTED_CLUSTER_NOT_FOUND: ErrorKind(
        "The connected cluster does not exist",
        "Check subscription, resource group and name.",
    ),
    Code.CONNECTED_CLUSTER_NOT_DELETED: ErrorKind(
        "The connected cluster was not deleted in time",
        "Check the resource in Azure for locks and policies, then start a new run; it continues from the current "
        "state.",
    ),
    Code.SIGN_IN_AUTHORITY_UNREACHABLE: ErrorKind(
        "The sign-in authority does not respond",
        "Check outbound access to ARCWAY_AUTHORITY, then try again.",
        True,
    ),
    Code.RESOURCE_IS_PROVISIONED_CLUSTER: ErrorKind(
        "The resource is a provisioned cluster",
        "Manage it with `az aksarc`, or choose another name for this cluster.",
    ),
    Code.CONNECTED_CLUSTER_TAKEN: ErrorKind(
        "The connected cluster is in use by another cluster",
        "Check that name and kubeconfig belong together. To connect: choose another name, disconnect the other "
        "cluster first, or set takeOver (--take-over). To disconnect: azureOnly (--azure-only) deletes the connected "
        "cluster, agentsOnly (--agents-only) removes this cluster's agents.",
    ),
    Code.LOCATION_MISMATCH: ErrorKind(
        "The connected cluster is in another location",
        "Use the location given in the message; a connected cluster cannot be moved.",
    ),
    Code.AZURE_REPLICATION_PENDING: ErrorKind(
        "Azure does not show a recent change yet",
        "No action needed: Arcway asks again, because changes take time to replicate in Azure.",
        True,
    ),
    Code.CONNECTED_CLUSTER_EXPIRED: ErrorKind(
        "The connected cluster's identity has expired",
        "Disconnect the cluster and connect it again: `arcway disconnect`, then `arcway connect`.",
    ),
    Code.AZURE_POLICY_DENIED: ErrorKind(
        "An Azure policy denies the change",
        "Change the request so that it complies with the policy that the message names, or ask the policy's owner for"
        " an exemption. No role assignment helps.",
    ),
    Code.RESOURCE_LOCKED: ErrorKind(
        "A management lock prevents the change",
        "Ask an owner to remove the lock that the message names, then start a new run. No other role helps.",
    ),
    Code.SUBSCRIPTION_DISABLED: ErrorKind(
        "The subscription is not enabled",
        "Enable the subscription again in the Azure portal (Cost Management + Billing), then start a new run.",
    ),
    Code.RESOURCE_GROUP_DELETING: ErrorKind(
        "The resource group is being deleted",
        "Wait until it is deleted and create it again, or use another resource group.",
    ),
    Code.DENY_ASSIGNMENT: ErrorKind(
        "A deny assignment prevents the change",
        "Ask the owner of the managed application or deployment stack that created the deny assignment. No role "
        "assignment helps.",
    ),
    Code.SECRET_SOFT_DELETED: ErrorKind(
        "A soft-deleted secret has this name",
        "Recover or purge it: `az keyvault secret recover --vault-name VAULT --name NAME` (or `purge`).",
    ),
    Code.CONNECTED_CLUSTER_DELETING: ErrorKind(
        "The connected cluster is being deleted",
        "No action needed: Arcway waits for the deletion. If it does not end, check the resource in Azure.",
        True,
    ),
    Code.PROVIDER_REGISTRATION_SLOW: ErrorKind(
        "Registration of a provider namespace takes longer than usual",
        "Wait until `az provider show --namespace NAME --query registrationState` prints Registered, then start a new"
        " run.",
        True,
    ),
    Code.EXTENSION_NOT_FOUND: ErrorKind(
        "The extension does not exist",
        "Check the name: `arcway extension list` shows the extensions of the connected cluster.",
    ),
    Code.EXTENSION_VERSION_NOT_OFFERED: ErrorKind(
        "The extension's type, release train or version is not offered in the region",
        "Check all three; `az k8s-extension extension-types list-versions-by-location` lists what is offered.",
    ),
    Code.CLUSTER_NOT_CONNECTED: ErrorKind(
        "The connected cluster is not Connected",
        "Wait until `arcway list` shows Connected; `arcway agents` says why it is not. Then start a new run.",
        True,
    ),
    Code.EXTENSION_CHANGE_NOT_POSSIBLE: ErrorKind(
        "The type, scope or identity of an extension cannot be changed",
        "Omit what the message names, or delete the extension first: `arcway extension delete`.",
    ),
    Code.EXTENSION_TYPE_INSTALLED: ErrorKind(
        "The connected cluster has another extension of this type",
        "Use the name of the extension in the message: a cluster can have one extension of this type.",
    ),
    Code.PROTECTED_SETTINGS_NOT_NAMED: ErrorKind(
        "The change would drop protected settings",
        "Name all protected settings: Azure keeps none that a change does not name. To drop those in the message, set "
        "dropProtectedSettings (--drop-protected-settings).",
    ),
    Code.EXTENSION_IN_USE: ErrorKind(
        "The extension has Flux configurations",
        "Delete the Flux configurations first; without the extension their objects cannot be removed from the cluster.",
    ),
    Code.GITOPS_NOT_FOUND: ErrorKind(
        "The Flux configuration does not exist",
        "Check the name: `arcway gitops list` shows the Flux configurations of the connected cluster. A new one needs "
        "a source.",
    ),
    Code.GITOPS_NOT_VALID: ErrorKind(
        "The Flux configuration would not be valid",
        "Correct what the message names. Scope and namespace cannot be changed: for another one, delete the "
        "configuration first (`arcway gitops delete`).",
    ),
    Code.FLUX_V1_INSTALLED: ErrorKind(
        "The cluster has configurations of Flux v1",
        "Delete them (`az k8s-configuration delete`) and apply Flux configurations: a cluster cannot have both.",
    ),
    Code.GITOPS_APPLIES_ROOT: ErrorKind(
        "A new Flux configuration applies the root of its source",
        "Name a kustomization with its path (--kustomization) to apply a part of the source.",
    ),
    Code.SELF_HOSTED_ISSUER_MISSING: ErrorKind(
        "The distribution needs a self-hosted OIDC issuer",
        "Set features.oidcIssuer.selfHostedIssuerUrl (--self-hosted-issuer) to the cluster's own public issuer URL.",
    ),
    Code.FEATURE_NOT_SUPPORTED: ErrorKind(
        "The cluster does not support the feature",
        "Leave the feature out of the request.",
    ),
    Code.FEATURES_EXCLUDE: ErrorKind(
        "Two features exclude each other",
        "Change both in one request, as the message says, or leave the second one out.",
    ),
    Code.FEATURE_NEEDS_ADMINISTRATOR: ErrorKind(
        "A feature needs a change that only the cluster's administrator can make",
        "Follow docs/features.md after the run; Arcway cannot change the API server's settings.",
    ),
}
