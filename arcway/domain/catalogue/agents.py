"""The codes ARC-5xxx: Helm, chart and agents."""

from arcway.domain.catalogue.kind import Kind

AGENTS: dict[str, Kind] = {
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
        "Look at what leftovers names; force (--force) removes the finalizers that hold it.",
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
}
