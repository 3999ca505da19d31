"""The codes ARC-2xxx: kubeconfig and Kubernetes API."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

CLUSTER: dict[Code, Kind] = {
    Code.SECRET_UNUSABLE: Kind(
        "The secret cannot be used",
        "Store the kubeconfig as a secret under a name for kubeconfigs, such as arcway-kubeconfig-NAME "
        "(docs/permissions.md), and give that name in kubeconfig.secret.",
    ),
    Code.KUBECONFIG_INVALID: Kind(
        "The kubeconfig cannot be parsed",
        "Send a kubeconfig as `kubectl config view --raw --minify --flatten` prints it.",
    ),
    Code.KUBECONFIG_REFUSED: Kind(
        "The kubeconfig has something that the service refuses, or lacks something that it needs",
        "Embed a token or client certificate, and the CA unless it is a public one; exec plug-ins, file paths, "
        "proxies, impersonation and skipped TLS checks are refused.",
    ),
    Code.KUBECONFIG_CONTEXT_NOT_FOUND: Kind(
        "The kubeconfig context does not exist", "Name one of the contexts that the kubeconfig has, or none."
    ),
    Code.SERVER_ADDRESS_NOT_ALLOWED: Kind(
        "The API server's address is not allowed",
        "Use an https address that is not loopback, link-local, multicast or a metadata service.",
    ),
    Code.CLUSTER_CREDENTIAL_REFUSED: Kind(
        "The API server refused the credential", "Renew the token or client certificate in the kubeconfig."
    ),
    Code.SERVER_CERTIFICATE_UNTRUSTED: Kind(
        "The API server's certificate is not trusted",
        "Put the certificate of the cluster's CA in certificate-authority-data.",
    ),
    Code.CLUSTER_PERMISSION_MISSING: Kind(
        "The cluster credential lacks a permission",
        "Bind the user to cluster-admin for the time of onboarding, or grant the verbs named.",
    ),
    Code.KUBERNETES_VERSION_UNSUPPORTED: Kind(
        "The Kubernetes version is not supported", "Upgrade the cluster to a supported version."
    ),
    Code.NO_LINUX_NODE: Kind(
        "The cluster has no schedulable Linux node",
        "Add a Linux node, unless the cluster adds one by itself as soon as the agents wait for it.",
    ),
    Code.AGENTS_OF_ANOTHER_CONNECTED_CLUSTER: Kind(
        "The cluster's agents belong to another connected cluster",
        "Disconnect the cluster from the resource named, or check that the kubeconfig names the right cluster.",
    ),
    Code.NAMESPACE_TERMINATING: Kind(
        "A namespace of the agents is being deleted", "Wait until the namespace is gone.", True
    ),
    Code.KUBERNETES_API_ERROR: Kind(
        "The Kubernetes API answered with an error", "Read the message; try again when it is mended.", True
    ),
    Code.KUBERNETES_CHANGE_REFUSED: Kind(
        "The Kubernetes API refused the change", "Read the message and correct the cluster."
    ),
    Code.CLUSTER_LEASE_HELD: Kind(
        "Another Arcway installation works on the cluster",
        "Wait until its run has ended; a Lease whose holder died expires after five minutes.",
    ),
    Code.PROXY_BYPASS: Kind(
        "What the agents reach without the proxy", "Add what is missing with proxy.skipRange (--proxy-skip-range)."
    ),
    Code.NODE_ARCHITECTURE_UNSUPPORTED: Kind(
        "The agents do not run on a node's architecture", "Add Linux nodes that are amd64 or arm64."
    ),
    Code.LOW_MEMORY: Kind(
        "The nodes have little memory left", "Add a node, or free memory that other pods have requested."
    ),
    Code.NODE_NOT_READY: Kind(
        "A node is not ready", "See why with `kubectl describe node NAME`; nothing is scheduled there."
    ),
    Code.AGENT_LEFTOVERS: Kind(
        "Something is left of earlier agents", "Nothing: it is taken over (`arcway disconnect` removes it)."
    ),
    Code.SERVER_CERTIFICATE_EXPIRES_SOON: Kind(
        "The API server's certificate ends soon", "Renew it (`kubeadm certs renew apiserver`) before then."
    ),
    Code.KUBERNETES_VERSION_UNTESTED: Kind(
        "The Kubernetes version is newer than known ones", "Try it on a cluster that may fail first."
    ),
    Code.KUBECONFIG_UNKNOWN: Kind(
        "No kubeconfig of the cluster is known", "Name one: ?kubeconfig=SECRET or --kubeconfig-secret SECRET."
    ),
    Code.SECRET_NOT_STORED: Kind(
        "The kubeconfig cannot be kept",
        "Set ARCWAY_VAULTS to a Key Vault in which Arcway's identity may set secrets (docs/permissions.md).",
    ),
    Code.TEMPORARY_CREDENTIAL_GONE: Kind(
        "The credential that was made for one run is gone",
        "Give the kubeconfig again: the same command anew (`arcway connect … --kube-config FILE`) goes on from what is "
        "there; --keep-credential keeps the next one.",
    ),
    Code.EXEC_PLUGIN_FAILED: Kind(
        "The kubeconfig's exec plug-in gave no usable credential",
        "Run its command by hand, or `kubectl get --raw /version`, and correct what it complains about.",
    ),
    Code.KUBERNETES_RESPONSE_INVALID: Kind(
        "The Kubernetes API's answer is malformed or too large",
        "Check what answers at the API server's address: something between it and Arcway may change its answers.",
    ),
    Code.STEP_RESULT_TOO_LARGE: Kind(
        "A step's result is too large to keep",
        "Report it with the correlation id; what the cluster or Azure returned has more than 64 KiB.",
    ),
    Code.SECRET_NOT_OWNED: Kind(
        "The secret belongs to others",
        "Use a secret of your own, or ask one of its owners to add you to its tag arcway-owner.",
    ),
    Code.PROXY_CREDENTIALS_INVALID: Kind(
        "The proxy's credentials cannot be used",
        "Store them as one line user:password in a secret whose name starts with arcway-proxy-.",
    ),
    Code.NODES_TAINTED: Kind(
        "The nodes have taints that the agents do not tolerate",
        "Remove the taint from a node (`kubectl taint nodes NODE KEY-`), or add a node without one.",
    ),
    Code.ADMISSION_DENIED: Kind(
        "An admission policy of the cluster refused an object",
        "Except the agents' namespaces from what the message names, or change what it asks for.",
    ),
    Code.SERVER_CERTIFICATE_NAME_MISMATCH: Kind(
        "The API server's certificate is for another name",
        "Use an address in the kubeconfig that the certificate has, or name one of its names in tls-server-name.",
    ),
    Code.SERVER_CERTIFICATE_EXPIRED: Kind(
        "The API server's certificate has expired or is not valid yet",
        "Renew it (`kubeadm certs renew all`), or set the clock right of the machine that Arcway runs on.",
    ),
    Code.RELEASE_NOT_THE_AGENTS: Kind(
        "A release with the agents' name is not known to be theirs",
        "Arcway leaves it alone. If it is of earlier agents, remove it: "
        "`helm uninstall azure-arc --namespace NAMESPACE`.",
    ),
}
