"""The names that the agents' chart and its release have in every cluster. Must not know how anything is found."""

NAMESPACE = "azure-arc"
SECRET = "azure-arc-connect-privatekey"  # noqa: S105 - a name
RELEASE = "azure-arc"
RELEASE_NAMESPACE = "azure-arc-release"
"""Where a new release goes; earlier clients have put theirs elsewhere."""
CHART = "azure-arc-k8sagents"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/azure-clusterconfig"
OWNER_NAME, OWNER_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
"""The annotations by which Helm says whose an object is."""
