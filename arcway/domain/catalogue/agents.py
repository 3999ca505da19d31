"""The codes ARC-5xxx: Helm, chart and agents."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

AGENTS: dict[Code, ErrorKind] = {
    Code.CHART_UNAVAILABLE: ErrorKind(
        "The agents' Helm chart cannot be pulled",
        "Check that Arcway can reach the chart's registry, then start a new run.",
        True,
    ),
    Code.CHART_REGISTRY_NOT_ALLOWED: ErrorKind(
        "The agents' Helm chart comes from a registry that is not allowed",
        "If you trust the registry, add it to ARCWAY_REGISTRIES.",
    ),
    Code.HELM_FAILED: ErrorKind(
        "Helm could not install the agents",
        "Fix the cause given in Helm's message, then start a new run.",
    ),
    Code.HELM_TIMEOUT: ErrorKind(
        "Helm did not finish in time",
        "No action needed: Arcway tries again. If it keeps failing, check the API server's health.",
        True,
    ),
    Code.IMAGE_PULL_FAILED: ErrorKind(
        "An agent image cannot be pulled",
        "Make sure that the nodes can reach the registry in the message (proxy, firewall, DNS) and have disk space.",
    ),
    Code.POD_UNSCHEDULABLE: ErrorKind(
        "An agent pod cannot be scheduled",
        "Add nodes or free capacity, or remove the taints or selectors that the message names.",
    ),
    Code.CRASH_LOOP: ErrorKind(
        "An agent container is in a crash loop",
        "Read the log of the crashed container: `kubectl logs --previous -n azure-arc POD -c CONTAINER`.",
    ),
    Code.AGENTS_NOT_READY: ErrorKind(
        "The agents did not become ready in time",
        "Run `kubectl get pods -n azure-arc`, fix what keeps the pods from being ready, then start a new run.",
    ),
    Code.CLUSTER_NOT_REPORTING: ErrorKind(
        "The cluster did not report to Azure in time",
        "Check the agents' outbound network (endpoints: docs/errors.md), then start a new run.",
    ),
    Code.RELEASE_LOCKED: ErrorKind(
        "The Helm release is locked by an unfinished operation",
        "Run `helm rollback azure-arc -n azure-arc-release` or `helm uninstall`, then start a new run.",
    ),
    Code.PRIVATE_KEY_UNUSABLE: ErrorKind(
        "The private key in the cluster cannot be used",
        "Delete the Secret that the message names, then start a new run.",
    ),
    Code.AGENTS_NOT_INSTALLED: ErrorKind(
        "The cluster has no agents",
        "Check that the kubeconfig names the right cluster.",
    ),
    Code.AGENTS_NOT_REMOVED: ErrorKind(
        "The agents were not removed in time",
        "Check the leftovers of the run. To remove the finalizers that block them, set force (--force).",
    ),
    Code.AUTO_UPGRADE_ON: ErrorKind(
        "Auto-upgrade of the agents is on",
        "Turn it off with `arcway update --auto-upgrade false`, then start a new run.",
    ),
    Code.AGENTS_NEWER_THAN_REQUESTED: ErrorKind(
        "The agents are newer than the requested version",
        "Request a newer version, or leave it out for the newest. To downgrade, disconnect the cluster and connect it"
        " with the older version.",
    ),
    Code.RELEASE_API_MISSING: ErrorKind(
        "The Helm release uses an API that the cluster does not serve",
        "If the chart uses the API, choose another version of the agents. Arcway repairs manifests that earlier "
        "versions left in the release. When disconnecting, force (--force) removes the agents without Helm.",
    ),
    Code.RELEASE_SUPERSEDED: ErrorKind(
        "The Helm release was changed during the run",
        "Check `helm history azure-arc -n NAMESPACE`. Nothing was rolled back, because the current revision is not "
        "this run's.",
    ),
    Code.PODS_REFUSED: ErrorKind(
        "The cluster rejects the agent pods",
        "Change the quota, limit range, pod security standard or policy that the message names. Kubernetes then "
        "creates the pods without further action.",
    ),
    Code.POD_NOT_STARTING: ErrorKind(
        "An agent pod cannot be started",
        "Fix the cause given in the message; `kubectl describe pod -n azure-arc POD` shows the events.",
    ),
    Code.EXTENSION_FAILED: ErrorKind(
        "The installation of an extension failed",
        "Fix the cause given in Azure's message, then apply the extension again.",
    ),
    Code.EXTENSION_INSTALL_TIMEOUT: ErrorKind(
        "Helm removed an extension that did not become Ready in time",
        "Find out why its pods did not start (images, resources, pod security), then apply the extension again.",
    ),
    Code.EXTENSION_PODS_NOT_READY: ErrorKind(
        "A Deployment of an extension did not become Ready",
        "Check the pods of the Deployment in the message: resources, images, pod security rules.",
    ),
    Code.EXTENSION_NOT_CONFIGURED: ErrorKind(
        "The agents cannot create an extension's configuration in the cluster",
        "Check that the agents are Ready (`arcway agents`) and no policy forbids their objects; apply it again.",
    ),
    Code.EXTENSION_NOT_REPORTED: ErrorKind(
        "The extension manager does not report",
        "Check that the agents are Ready (`arcway agents`) and can reach Azure, then apply the extension again.",
    ),
    Code.EXTENSION_INSTALLED_BY_OTHERS: ErrorKind(
        "What an extension installs is in the cluster already",
        "Remove the installation that the message names, then apply the extension again.",
    ),
    Code.EXTENSION_NOT_FINISHED: ErrorKind(
        "An extension is not installed in time",
        "Check the agents (`arcway agents`), then apply the extension again: that continues to wait.",
    ),
    Code.EXTENSION_NOT_REMOVED: ErrorKind(
        "An extension is not removed in time",
        "Check the agents (`arcway agents`), then delete it again. To delete it in Azure only, set force (--force).",
    ),
    Code.GITOPS_FAILED: ErrorKind(
        "Azure could not apply a Flux configuration",
        "Fix the cause given in Azure's message, then apply the configuration again.",
    ),
    Code.GITOPS_NOT_FINISHED: ErrorKind(
        "A Flux configuration is not in the cluster in time",
        "Check the agents (`arcway agents`) and the extension, then apply the configuration again: that continues to "
        "wait.",
    ),
    Code.GITOPS_NOT_COMPLIANT: ErrorKind(
        "A Flux configuration is not Compliant in time",
        "Fix the cause given in the message. Flux tries again without further action; `arcway gitops show` shows it.",
    ),
    Code.GITOPS_AUTHENTICATION_FAILED: ErrorKind(
        "The source of a Flux configuration rejects the credentials",
        "Check httpsUser and httpsKey, the deploy key in the repository, or the Secret of localAuthRef.",
    ),
    Code.GITOPS_SOURCE_NOT_FOUND: ErrorKind(
        "The source of a Flux configuration, or what is used of it, does not exist",
        "Check the URL and the branch, tag or commit. Some servers answer so, too, if credentials are missing.",
    ),
    Code.GITOPS_SOURCE_UNREACHABLE: ErrorKind(
        "The cluster cannot reach the source of a Flux configuration",
        "Make sure that the cluster reaches the server in the message (DNS, firewall, proxy); check its certificate.",
    ),
    Code.GITOPS_BUILD_FAILED: ErrorKind(
        "A kustomization cannot be built",
        "Fix the path, or the files in the source that the message names. Flux then applies them.",
    ),
    Code.GITOPS_HEALTH_CHECK_FAILED: ErrorKind(
        "What a kustomization applies does not become healthy",
        "Find out why the objects in the message are not ready: `kubectl describe` shows their events.",
    ),
    Code.GITOPS_DEPENDENCY_NOT_READY: ErrorKind(
        "A kustomization waits for another one",
        "Make the kustomization in the message ready first, or correct dependsOn.",
    ),
    Code.GITOPS_RECONCILIATION_FAILED: ErrorKind(
        "The cluster rejects what a kustomization applies",
        "Fix what the message names in the source: a missing CRD or namespace, a policy, or a field that cannot change "
        "(force replaces such objects).",
    ),
    Code.GITOPS_ARTIFACT_FAILED: ErrorKind(
        "Flux has no content of a source",
        "Check the source of the configuration, and that source-controller is Ready in namespace flux-system.",
    ),
    Code.GITOPS_HELM_RELEASE_FAILED: ErrorKind(
        "A HelmRelease of a Flux configuration failed",
        "Fix the chart or its values in the source. After too many failures, `flux reconcile helmrelease --reset` "
        "starts again.",
    ),
    Code.GITOPS_NOT_REMOVED: ErrorKind(
        "A Flux configuration is not removed in time",
        "Check the agents (`arcway agents`) and the extension, then delete it again. To delete it in Azure only, set "
        "force (--force).",
    ),
    Code.GITOPS_PUBLIC_KEY: ErrorKind(
        "Flux has made a key pair for the repository",
        "Add the public key in the message to the repository as a deploy key, unless it has it. It is not a secret.",
    ),
    Code.FEATURES_FAILED: ErrorKind(
        "The agents could not set up the features",
        "Fix the cause given in the agents' message, then start a new run.",
    ),
    Code.FEATURES_NOT_REPORTED: ErrorKind(
        "The agents did not report in time that the features are set up",
        "Check that the agents are Ready (`arcway agents`) and can reach Azure, then start a new run; it continues.",
    ),
}
