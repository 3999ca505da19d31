"""The codes ARC-2xxx: kubeconfig and Kubernetes API."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

CLUSTER: dict[Code, ErrorKind] = {
    Code.SECRET_UNUSABLE: ErrorKind(
        "The secret cannot be used",
        "Store the kubeconfig as a secret whose name starts with arcway-kubeconfig- (docs/permissions.md), and give "
        "that name in kubeconfig.secret.",
    ),
    Code.KUBECONFIG_INVALID: ErrorKind(
        "The kubeconfig cannot be parsed",
        "Send the kubeconfig as `kubectl config view --raw --minify --flatten` prints it.",
    ),
    Code.KUBECONFIG_REFUSED: ErrorKind(
        "The kubeconfig has fields that are not accepted, or lacks required ones",
        "Embed a token or client certificate, and the CA unless it is a public one. Exec plug-ins, file paths, "
        "proxies, impersonation and insecure-skip-tls-verify are not accepted.",
    ),
    Code.KUBECONFIG_CONTEXT_NOT_FOUND: ErrorKind(
        "The kubeconfig context does not exist",
        "Use one of the kubeconfig's contexts (`kubectl config get-contexts`), or leave the context out for the "
        "current one.",
    ),
    Code.SERVER_ADDRESS_NOT_ALLOWED: ErrorKind(
        "The API server's address is not allowed",
        "Use an https address that is not loopback, link-local, multicast or a metadata service.",
    ),
    Code.CLUSTER_CREDENTIAL_REFUSED: ErrorKind(
        "The API server rejected the credential",
        "Renew the token or client certificate in the kubeconfig.",
    ),
    Code.SERVER_CERTIFICATE_UNTRUSTED: ErrorKind(
        "The API server's certificate is not trusted",
        "Put the CA certificate of the cluster into certificate-authority-data of the kubeconfig.",
    ),
    Code.CLUSTER_PERMISSION_MISSING: ErrorKind(
        "The cluster credential lacks a permission",
        "Bind the user to cluster-admin while the cluster is being connected, or grant the verbs that the message "
        "lists.",
    ),
    Code.KUBERNETES_VERSION_UNSUPPORTED: ErrorKind(
        "The Kubernetes version is not supported",
        "Upgrade the cluster to a supported Kubernetes version.",
    ),
    Code.NO_LINUX_NODE: ErrorKind(
        "The cluster has no schedulable Linux node",
        "Add a Linux node, unless the cluster's autoscaler adds one as soon as the agent pods are pending.",
    ),
    Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER: ErrorKind(
        "The cluster's agents belong to another connected cluster",
        "Check that the kubeconfig names the right cluster, or first disconnect it from the resource in the message.",
    ),
    Code.NAMESPACE_TERMINATING: ErrorKind(
        "A namespace of the agents is terminating",
        "Wait until the namespace is deleted, then start a new run.",
        True,
    ),
    Code.KUBERNETES_API_ERROR: ErrorKind(
        "The Kubernetes API returned an error",
        "Fix the cause given in the message, then try again.",
        True,
    ),
    Code.KUBERNETES_CHANGE_REFUSED: ErrorKind(
        "The Kubernetes API rejected the change",
        "Fix the cause given in the message, then start a new run.",
    ),
    Code.CLUSTER_LEASE_HELD: ErrorKind(
        "Another Arcway installation is changing the cluster",
        "Wait until its run has ended. The Lease of an installation that stopped expires after five minutes.",
    ),
    Code.PROXY_BYPASS: ErrorKind(
        "Addresses that bypass the proxy",
        "Add missing ones with proxy.skipRange (--proxy-skip-range).",
    ),
    Code.NODE_ARCHITECTURE_UNSUPPORTED: ErrorKind(
        "A node has an architecture that the agents do not support",
        "Add Linux nodes of architecture amd64 or arm64.",
    ),
    Code.LOW_MEMORY: ErrorKind(
        "The nodes have too little free memory",
        "Add a node, or reduce the memory requests of other pods (`kubectl describe nodes` lists them).",
    ),
    Code.NODE_NOT_READY: ErrorKind(
        "A node is not ready",
        "Check its conditions with `kubectl describe node NAME`; no pods are scheduled on it.",
    ),
    Code.AGENT_LEFTOVERS: ErrorKind(
        "Leftovers of an earlier agent installation",
        "No action needed: Arcway adopts them (`arcway disconnect` removes them).",
    ),
    Code.SERVER_CERTIFICATE_EXPIRES_SOON: ErrorKind(
        "The API server's certificate expires soon",
        "Renew it before then, for example with `kubeadm certs renew apiserver`.",
    ),
    Code.KUBERNETES_VERSION_UNTESTED: ErrorKind(
        "Arcway has not been tested with this Kubernetes version",
        "Try a test cluster first.",
    ),
    Code.KUBECONFIG_UNKNOWN: ErrorKind(
        "No kubeconfig of the cluster is known",
        "Name a stored kubeconfig: ?kubeconfig=SECRET, or --kubeconfig-secret SECRET.",
    ),
    Code.SECRET_NOT_STORED: ErrorKind(
        "The kubeconfig cannot be stored",
        "Set ARCWAY_VAULTS to a Key Vault in which Arcway's identity can set secrets (docs/permissions.md).",
    ),
    Code.TEMPORARY_CREDENTIAL_GONE: ErrorKind(
        "The temporary credential of the run has been removed",
        "Run the command again with the kubeconfig (`arcway connect … --kube-config FILE`): it continues from the "
        "current state. --keep-credential keeps the credential after the run.",
    ),
    Code.EXEC_PLUGIN_FAILED: ErrorKind(
        "The kubeconfig's exec plug-in returned no usable credential",
        "Run the plug-in's command or `kubectl get --raw /version` in a terminal, and fix the error that it reports.",
    ),
    Code.KUBERNETES_RESPONSE_INVALID: ErrorKind(
        "The Kubernetes API's response is invalid or too large",
        "Check what listens at the API server's address: a proxy between it and Arcway may change the responses.",
    ),
    Code.STEP_RESULT_TOO_LARGE: ErrorKind(
        "A step's result is too large to store",
        "Report it with the correlation id: the cluster or Azure returned more than 64 KiB.",
    ),
    Code.SECRET_NOT_OWNED: ErrorKind(
        "The caller is not an owner of the secret",
        "Use a secret of your own, or ask one of its owners to add you to its tag arcway-owner.",
    ),
    Code.PROXY_CREDENTIALS_INVALID: ErrorKind(
        "The proxy's credentials cannot be used",
        "Store one line, user:password, in a secret whose name starts with arcway-proxy-.",
    ),
    Code.NODES_TAINTED: ErrorKind(
        "Every node has a taint that the agents do not tolerate",
        "Remove the taint from a node (`kubectl taint nodes NODE KEY-`), or add a node without such a taint.",
    ),
    Code.ADMISSION_DENIED: ErrorKind(
        "An admission policy of the cluster rejected an object",
        "Exempt the agents' namespaces from the policy or webhook that the message names, or change the policy.",
    ),
    Code.SERVER_CERTIFICATE_NAME_MISMATCH: ErrorKind(
        "The API server's certificate is for another name",
        "In the kubeconfig, use an address that the certificate lists, or set tls-server-name to a name that it lists.",
    ),
    Code.SERVER_CERTIFICATE_EXPIRED: ErrorKind(
        "The API server's certificate has expired or is not valid yet",
        "Renew it (`kubeadm certs renew all`), or correct the clock of the machine that Arcway runs on.",
    ),
    Code.RELEASE_NOT_THE_AGENTS: ErrorKind(
        "A Helm release has the agents' name but is not theirs",
        "No action needed: Arcway does not change it. If it belongs to earlier agents, remove it with "
        "`helm uninstall azure-arc --namespace NAMESPACE`.",
    ),
}
