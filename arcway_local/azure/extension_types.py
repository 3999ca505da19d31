"""The extension types that the simulated Azure offers: their versions by release train, namespaces and Deployments."""

from dataclasses import dataclass, field
from typing import Any

from arcway_local.azure.refusals import Refusal

_NAMESPACE = "Microsoft.KubernetesConfiguration"


@dataclass(frozen=True, slots=True)
class ExtensionType:
    """One extension type.

    `workloads` are its Deployments: namespace (None: the release's) and name. `definitions` are its CRDs: plural name
    with the group, kind, version and scope.
    """

    name: str
    description: str
    default_namespace: str
    workloads: tuple[tuple[str | None, str], ...]
    trains: dict[str, tuple[str, ...]]
    """Versions by release train in lower case, the newest first."""
    needs_identity: bool = False
    definitions: tuple[tuple[str, str, str, str], ...] = ()
    scopes: tuple[str, ...] = ("cluster",)
    missing_in: frozenset[str] = field(default=frozenset())
    """Locations that do not have the type."""

    def offered(self, location: str) -> bool:
        """Whether the location has the type."""
        return location.replace(" ", "").lower() not in self.missing_in

    def resolve(self, train: str, version: str | None) -> str | None:
        """The version that is installed for what is asked for; None when there is none."""
        versions = self.trains.get(train.lower(), ())
        if version is None:
            return versions[0] if versions else None
        return version if version in versions else None

    def form(self, prefix: str) -> dict[str, Any]:
        """The type as a GET shows it; `prefix` is the id of what it is read of."""
        scope = {"allowMultipleInstances": False, "defaultReleaseNamespace": self.default_namespace}
        properties = {
            "description": self.description,
            "publisher": "Microsoft",
            "isSystemExtension": False,
            "isManagedIdentityRequired": self.needs_identity,
            "supportedClusterTypes": ["connectedClusters", "managedClusters"],
            "supportedScopes": {"defaultScope": self.scopes[0], "clusterScopeSettings": scope},
            "planInfo": None,
        }
        path = f"{prefix}/providers/{_NAMESPACE}/extensionTypes/{self.name}"
        return {"id": path, "name": self.name, "type": f"{_NAMESPACE}/extensionTypes", "properties": properties}

    def version_forms(self, prefix: str, train: str, major: str) -> list[dict[str, Any]]:
        """Its versions of a release train (empty: of all), of one major version if that is given."""
        path = f"{prefix}/providers/{_NAMESPACE}/extensionTypes/{self.name}/versions"
        trains = [train.lower()] if train else list(self.trains)
        versions = [version for name in trains for version in self.trains.get(name, ())]
        return [
            {
                "id": f"{path}/{version}",
                "name": version,
                "type": f"{_NAMESPACE}/extensionTypes/versions",
                "properties": {"version": version, "unsupportedKubernetesVersions": {"connectedCluster": []}},
            }
            for version in versions
            if not major or version.split(".")[0] == major
        ]


_FLUX = ("fluxconfig-agent", "fluxconfig-controller", "source-controller", "kustomize-controller", "helm-controller")
_FLUX_DEFINITIONS = (
    ("fluxconfigs.clusterconfig.azure.com", "FluxConfig", "v1alpha1", "Namespaced"),
    ("gitrepositories.source.toolkit.fluxcd.io", "GitRepository", "v1", "Namespaced"),
    ("buckets.source.toolkit.fluxcd.io", "Bucket", "v1", "Namespaced"),
    ("ocirepositories.source.toolkit.fluxcd.io", "OCIRepository", "v1", "Namespaced"),
    ("kustomizations.kustomize.toolkit.fluxcd.io", "Kustomization", "v1", "Namespaced"),
)
EXTENSION_TYPES: dict[str, ExtensionType] = {
    known.name: known
    for known in (
        ExtensionType(
            "microsoft.flux",
            "GitOps with Flux v2",
            "flux-system",
            tuple((None, name) for name in (*_FLUX, "notification-controller")),
            {"stable": ("1.18.2", "1.17.3", "1.16.11"), "preview": ("1.19.0-preview",)},
            definitions=_FLUX_DEFINITIONS,
        ),
        ExtensionType(
            "microsoft.policyinsights",
            "Azure Policy for Kubernetes",
            "kube-system",
            (
                ("kube-system", "azure-policy"),
                ("gatekeeper-system", "gatekeeper-audit"),
                ("gatekeeper-system", "gatekeeper-controller"),
            ),
            {"stable": ("1.15.1", "1.14.0")},
            needs_identity=True,
            definitions=(("constrainttemplates.templates.gatekeeper.sh", "ConstraintTemplate", "v1", "Cluster"),),
        ),
        ExtensionType(
            "microsoft.azuremonitor.containers",
            "Azure Monitor for containers",
            "azuremonitor-containers",
            ((None, "ama-logs-rs"),),
            {"stable": ("3.1.28", "3.1.27"), "preview": ("3.2.0-preview",)},
            needs_identity=True,
        ),
        ExtensionType(
            "microsoft.azuredefender.kubernetes",
            "Microsoft Defender for Containers",
            "mdc",
            ((None, "microsoft-defender-collector-misc"),),
            {"stable": ("0.9.41",)},
            needs_identity=True,
            scopes=("cluster", "namespace"),
            missing_in=frozenset({"brazilsouth"}),
        ),
    )
}


def find_type(name: str, location: str) -> ExtensionType:
    """The type as a location has it. Raises `Refusal` 404 ExtensionTypeNotFound."""
    known = EXTENSION_TYPES.get(name.lower())
    if known is None or not known.offered(location):
        message = f"The extension type '{name}' was not found in location '{location}'."
        raise Refusal(404, "ExtensionTypeNotFound", message, by_service=True)
    return known
