"""The table of all error codes: what each always means, its remedy, and whether trying again can help.

`docs/errors.md` has one section for each code; a test keeps them equal.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code always means: its title, its remedy and whether trying again can help."""

    title: str
    remedy: str
    retryable: bool = False


_SAME_REQUEST = "Correct the fields named in details and send the request again."

CATALOGUE: dict[str, Kind] = {
    "ARC-1001": Kind("The request has invalid fields", _SAME_REQUEST),
    "ARC-1002": Kind("The body is not a JSON object", "Send one JSON object with content type application/json."),
    "ARC-1003": Kind("The body is too large", "Keep the request under 1 MiB; send a kubeconfig by reference."),
    "ARC-1004": Kind("There is no such path", "See /api/openapi.json or docs/api.html for the paths Arcway serves."),
    "ARC-1005": Kind("The method is not allowed here", "Use one of the methods in the Allow header."),
    "ARC-1006": Kind("The path or query has invalid parameters", "Correct the parameters named in details."),
    "ARC-1007": Kind(
        "The caller is not signed in",
        "Send a bearer token of Arcway's tenant for its API; `arcway` takes the API's scope from ARCWAY_SCOPE.",
    ),
    "ARC-1008": Kind(
        "The caller lacks a role", "Ask an administrator to assign the app role named (docs/permissions.md)."
    ),
    "ARC-1009": Kind("The sign-in did not complete", "Open the page again and sign in anew."),
    "ARC-1010": Kind(
        "The request comes from another site", "Use Arcway's own page, opened at its own address, and reload it first."
    ),
    "ARC-1011": Kind("The content type is not JSON", "Send the body as application/json in UTF-8."),
    "ARC-2001": Kind(
        "The secret cannot be used",
        "Store the kubeconfig as a secret under a name for kubeconfigs, such as arcway-kubeconfig-NAME "
        "(docs/permissions.md), and give that name in kubeconfig.secret.",
    ),
    "ARC-2002": Kind(
        "The kubeconfig cannot be parsed",
        "Send a kubeconfig as `kubectl config view --raw --minify --flatten` prints it.",
    ),
    "ARC-2003": Kind(
        "The kubeconfig has something that the service refuses, or lacks something that it needs",
        "Embed a token or client certificate, and the CA unless it is a public one; exec plug-ins, file paths, "
        "proxies, impersonation and skipped TLS checks are refused.",
    ),
    "ARC-2004": Kind(
        "The kubeconfig context does not exist", "Name one of the contexts that the kubeconfig has, or none."
    ),
    "ARC-2005": Kind(
        "The API server's address is not allowed",
        "Use an https address that is not loopback, link-local, multicast or a metadata service.",
    ),
    "ARC-2006": Kind(
        "The API server refused the credential", "Renew the token or client certificate in the kubeconfig."
    ),
    "ARC-2007": Kind(
        "The API server's certificate is not trusted",
        "Put the certificate of the cluster's CA in certificate-authority-data.",
    ),
    "ARC-2008": Kind(
        "The cluster credential lacks a permission",
        "Bind the user to cluster-admin for the time of onboarding, or grant the verbs named.",
    ),
    "ARC-2009": Kind("The Kubernetes version is not supported", "Upgrade the cluster to a supported version."),
    "ARC-2010": Kind(
        "The cluster has no schedulable Linux node",
        "Add a Linux node, unless the cluster adds one by itself as soon as the agents wait for it.",
    ),
    "ARC-2011": Kind(
        "The cluster's agents belong to another connected cluster",
        "Disconnect the cluster from the resource named, or check that the kubeconfig names the right cluster.",
    ),
    "ARC-2012": Kind("A namespace of the agents is being deleted", "Wait until the namespace is gone.", True),
    "ARC-2013": Kind(
        "The Kubernetes API answered with an error", "Read the message; try again when it is mended.", True
    ),
    "ARC-2014": Kind("The Kubernetes API refused the change", "Read the message and correct the cluster."),
    "ARC-2015": Kind(
        "Another Arcway installation works on the cluster",
        "Wait until its run has ended; a Lease whose holder died expires after five minutes.",
    ),
    "ARC-2016": Kind(
        "What the agents reach without the proxy", "Add what is missing with proxy.skipRange (--proxy-skip-range)."
    ),
    "ARC-2017": Kind("The agents do not run on a node's architecture", "Add Linux nodes that are amd64 or arm64."),
    "ARC-2018": Kind("The nodes have little memory left", "Add a node, or free memory that other pods have requested."),
    "ARC-2019": Kind("A node is not ready", "See why with `kubectl describe node NAME`; nothing is scheduled there."),
    "ARC-2020": Kind(
        "Something is left of earlier agents", "Nothing: it is taken over (`arcway disconnect` removes it)."
    ),
    "ARC-2021": Kind(
        "The API server's certificate ends soon", "Renew it (`kubeadm certs renew apiserver`) before then."
    ),
    "ARC-2022": Kind("The Kubernetes version is newer than known ones", "Try it on a cluster that may fail first."),
    "ARC-2023": Kind(
        "No kubeconfig of the cluster is known", "Name one: ?kubeconfig=SECRET or --kubeconfig-secret SECRET."
    ),
    "ARC-2024": Kind(
        "The kubeconfig cannot be kept",
        "Set ARCWAY_VAULTS to a Key Vault in which Arcway's identity may set secrets (docs/permissions.md).",
    ),
    "ARC-2025": Kind(
        "The credential that was made for one run is gone",
        "Give the kubeconfig again: the same command anew (`arcway connect … --kube-config FILE`) goes on from what is "
        "there; --keep-credential keeps the next one.",
    ),
    "ARC-2026": Kind(
        "The kubeconfig's exec plug-in gave no usable credential",
        "Run its command by hand, or `kubectl get --raw /version`, and correct what it complains about.",
    ),
    "ARC-2027": Kind(
        "The Kubernetes API's answer is malformed or too large",
        "Check what answers at the API server's address: something between it and Arcway may change its answers.",
    ),
    "ARC-2028": Kind(
        "A step's result is too large to keep",
        "Report it with the correlation id; what the cluster or Azure returned has more than 64 KiB.",
    ),
    "ARC-2040": Kind(
        "The secret belongs to others",
        "Use a secret of your own, or ask one of its owners to add you to its tag arcway-owner.",
    ),
    "ARC-2041": Kind(
        "The proxy's credentials cannot be used",
        "Store them as one line user:password in a secret whose name starts with arcway-proxy-.",
    ),
    "ARC-2042": Kind(
        "The nodes have taints that the agents do not tolerate",
        "Remove the taint from a node (`kubectl taint nodes NODE KEY-`), or add a node without one.",
    ),
    "ARC-2043": Kind(
        "An admission policy of the cluster refused an object",
        "Except the agents' namespaces from what the message names, or change what it asks for.",
    ),
    "ARC-2044": Kind(
        "The API server's certificate is for another name",
        "Use an address in the kubeconfig that the certificate has, or name one of its names in tls-server-name.",
    ),
    "ARC-2045": Kind(
        "The API server's certificate has expired or is not valid yet",
        "Renew it (`kubeadm certs renew all`), or set the clock right of the machine that Arcway runs on.",
    ),
    "ARC-3001": Kind(
        "The API server cannot be reached",
        "Check that the address in the kubeconfig is reachable from where Arcway runs.",
        True,
    ),
    "ARC-3002": Kind(
        "The API server does not answer in time", "Check the API server's health and the network in between.", True
    ),
    "ARC-3003": Kind("Azure cannot be reached", "Check outbound network access and DNS of the function app.", True),
    "ARC-3004": Kind(
        "The Arc data plane cannot be reached",
        "Check outbound access to *.dp.kubernetesconfiguration.azure.com of the cluster's region.",
        True,
    ),
    "ARC-3005": Kind(
        "The event broker cannot be reached",
        "Check the Service Bus namespace, the topic and the identity's Sender role; the event is kept and sent later.",
        True,
    ),
    "ARC-3006": Kind(
        "An address that the agents need cannot be reached from the cluster",
        "Open it in firewall, proxy and DNS for the cluster's pods, or name a proxy with proxy.https (--proxy-https).",
    ),
    "ARC-3007": Kind(
        "The network could not be checked from inside the cluster",
        "Correct what the message names and check again, or go on without --check-network.",
    ),
    "ARC-3008": Kind(
        "The event cannot be sent",
        "Raise the topic's limit if the event is too large for it; the run's result is in /api/runs/{id}.",
    ),
    "ARC-3009": Kind(
        "The API server redirected to another address",
        "Name the API server's own address in the kubeconfig; redirects are not followed.",
    ),
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
    "ARC-5001": Kind(
        "The agents' chart cannot be fetched", "Check access to the chart's registry, then start a new run.", True
    ),
    "ARC-5002": Kind(
        "The agents' chart comes from a registry that is not allowed",
        "Add the registry to ARCWAY_REGISTRIES if you trust it.",
    ),
    "ARC-5003": Kind("Helm could not install the agents", "Read Helm's message, correct the cluster, start a new run."),
    "ARC-5004": Kind(
        "Helm did not finish in time", "Arcway tries again; check the API server's health if it lasts.", True
    ),
    "ARC-5005": Kind(
        "An image of the agents cannot be pulled",
        "Let the nodes reach the registry named (proxy, firewall, DNS, disk).",
    ),
    "ARC-5006": Kind(
        "A pod of the agents cannot be scheduled",
        "Add capacity, or remove the taints or selectors that the message names.",
    ),
    "ARC-5007": Kind(
        "A container of the agents keeps crashing", "Read the container's log: `kubectl logs -n azure-arc POD`."
    ),
    "ARC-5008": Kind(
        "The agents are not ready in time",
        "Look at `kubectl get pods -n azure-arc`, correct the cluster, start a new run.",
    ),
    "ARC-5009": Kind(
        "The cluster did not report to Azure in time",
        "Check the agents' outbound network (docs/errors.md lists the addresses), then start a new run.",
    ),
    "ARC-5010": Kind(
        "The release is locked by an operation that never ended",
        "Run `helm rollback azure-arc -n azure-arc-release` or `helm uninstall`, then start a new run.",
    ),
    "ARC-5011": Kind("The private key in the cluster cannot be used", "Delete the Secret named and start a new run."),
    "ARC-5012": Kind(
        "The cluster has no agents", "Make sure that the kubeconfig names the cluster that is to be disconnected."
    ),
    "ARC-5013": Kind(
        "The agents were not removed in time",
        "Look at what left names; force (--force) removes the finalizers that hold it.",
    ),
    "ARC-5014": Kind(
        "The agents upgrade by themselves",
        "Turn that off with `arcway update --auto-upgrade false`, then start a new run.",
    ),
    "ARC-5015": Kind(
        "The agents are newer than the version asked for",
        "Ask for a newer version, or none for the newest; to go back, disconnect and connect with the older version.",
    ),
    "ARC-5016": Kind(
        "The release names an API that the cluster does not have",
        "If it is in the chart, choose another version of the agents; what the release has from before is mended by "
        "itself. When disconnecting, force (--force) removes the agents without Helm.",
    ),
    "ARC-5017": Kind(
        "The release was changed by somebody else meanwhile",
        "Look at `helm history azure-arc -n NAMESPACE`; nothing was rolled back, because that is not this run's work.",
    ),
    "ARC-5018": Kind(
        "The cluster refuses the agents' pods",
        "Correct the quota, limit, security standard or policy that the message names; the pods come by themselves.",
    ),
    "ARC-5019": Kind(
        "A pod of the agents cannot be started",
        "Correct what the message names; `kubectl describe pod -n azure-arc POD` says more.",
    ),
    "ARC-6001": Kind("There is no such run", "List the runs: GET /api/runs."),
    "ARC-6002": Kind("A later run replaced this one", "Follow the link to the later run."),
    "ARC-6003": Kind("Another run works on this cluster", "Wait for the run named, then try again.", True),
    "ARC-6004": Kind(
        "The run was terminated from outside", "Start a new run; it reads the world and goes on from there."
    ),
    "ARC-6005": Kind("The phase took longer than its limit", "See the phase's detail, then start a new run.", True),
    "ARC-6006": Kind(
        "Arcway failed in a way it did not expect", "Start a new run; report it with the correlation id.", True
    ),
    "ARC-6007": Kind("The workflow engine cannot be reached", "Try again in a moment.", True),
    "ARC-6008": Kind("The run is no check that succeeded", "Check the cluster again, then connect it."),
    "ARC-6009": Kind(
        "The idempotency key was used for another request",
        "Send the request with a new Idempotency-Key (or message id); repeat a key only with the same request.",
    ),
}
