"""The codes ARC-2xxx: kubeconfig and Kubernetes API."""

from arcway.domain.catalogue.kind import Kind

CLUSTER: dict[str, Kind] = {
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
    "ARC-2046": Kind(
        "A release with the agents' name is not known to be theirs",
        "Arcway leaves it alone. If it is of earlier agents, remove it: "
        "`helm uninstall azure-arc --namespace NAMESPACE`.",
    ),
}
