"""The codes ARC-5xxx: Helm, chart and agents."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

AGENTS: dict[Code, Kind] = {
    Code.CHART_UNAVAILABLE: Kind(
        "The agents' chart cannot be fetched", "Check access to the chart's registry, then start a new run.", True
    ),
    Code.CHART_REGISTRY_NOT_ALLOWED: Kind(
        "The agents' chart comes from a registry that is not allowed",
        "Add the registry to ARCWAY_REGISTRIES if you trust it.",
    ),
    Code.HELM_FAILED: Kind(
        "Helm could not install the agents", "Read Helm's message, correct the cluster, start a new run."
    ),
    Code.HELM_TIMEOUT: Kind(
        "Helm did not finish in time", "Arcway tries again; check the API server's health if it lasts.", True
    ),
    Code.IMAGE_PULL_FAILED: Kind(
        "An image of the agents cannot be pulled",
        "Let the nodes reach the registry named (proxy, firewall, DNS, disk).",
    ),
    Code.POD_UNSCHEDULABLE: Kind(
        "A pod of the agents cannot be scheduled",
        "Add capacity, or remove the taints or selectors that the message names.",
    ),
    Code.CRASH_LOOP: Kind(
        "A container of the agents keeps crashing", "Read the container's log: `kubectl logs -n azure-arc POD`."
    ),
    Code.AGENTS_NOT_READY: Kind(
        "The agents are not ready in time",
        "Look at `kubectl get pods -n azure-arc`, correct the cluster, start a new run.",
    ),
    Code.CLUSTER_NOT_REPORTING: Kind(
        "The cluster did not report to Azure in time",
        "Check the agents' outbound network (docs/errors.md lists the addresses), then start a new run.",
    ),
    Code.RELEASE_LOCKED: Kind(
        "The release is locked by an operation that never ended",
        "Run `helm rollback azure-arc -n azure-arc-release` or `helm uninstall`, then start a new run.",
    ),
    Code.PRIVATE_KEY_UNUSABLE: Kind(
        "The private key in the cluster cannot be used", "Delete the Secret named and start a new run."
    ),
    Code.AGENTS_NOT_INSTALLED: Kind(
        "The cluster has no agents", "Make sure that the kubeconfig names the cluster that is to be disconnected."
    ),
    Code.AGENTS_NOT_REMOVED: Kind(
        "The agents were not removed in time",
        "Look at what left names; force (--force) removes the finalizers that hold it.",
    ),
    Code.AUTO_UPGRADE_ON: Kind(
        "The agents upgrade by themselves",
        "Turn that off with `arcway update --auto-upgrade false`, then start a new run.",
    ),
    Code.AGENTS_NEWER_THAN_REQUESTED: Kind(
        "The agents are newer than the version asked for",
        "Ask for a newer version, or none for the newest; to go back, disconnect and connect with the older version.",
    ),
    Code.RELEASE_API_MISSING: Kind(
        "The release names an API that the cluster does not have",
        "If it is in the chart, choose another version of the agents; what the release has from before is mended by "
        "itself. When disconnecting, force (--force) removes the agents without Helm.",
    ),
    Code.RELEASE_SUPERSEDED: Kind(
        "The release was changed by somebody else meanwhile",
        "Look at `helm history azure-arc -n NAMESPACE`; nothing was rolled back, because that is not this run's work.",
    ),
    Code.PODS_REFUSED: Kind(
        "The cluster refuses the agents' pods",
        "Correct the quota, limit, security standard or policy that the message names; the pods come by themselves.",
    ),
    Code.POD_NOT_STARTING: Kind(
        "A pod of the agents cannot be started",
        "Correct what the message names; `kubectl describe pod -n azure-arc POD` says more.",
    ),
}
