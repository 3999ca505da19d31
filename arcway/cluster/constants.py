"""The names that the agents' chart and its release have in every cluster."""

import re

NAMESPACE = "azure-arc"
SECRET = "azure-arc-connect-privatekey"  # noqa: S105 - a name
RELEASE = "azure-arc"
RELEASE_NAMESPACE = "azure-arc-release"
"""Where a new release goes; earlier clients have put theirs elsewhere."""
CHART = "azure-arc-k8sagents"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/azure-clusterconfig"
OWNER_NAME, OWNER_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
"""The annotations by which Helm says whose an object is."""
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
# What `az connectedk8s delete --force` sweeps; the suffix is the cloud's. Other definitions in these groups belong to
# extensions.
KNOWN_DEFINITION = re.compile(
    r"(arccertificates|azureclusteridentityrequests|azureextensionidentities|customlocationsettings|extensionconfigs"
    r"|gitconfigs)\.clusterconfig\.azure\..+|connectedclusters\.arc\.azure\..+"
)
