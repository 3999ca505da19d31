"""The requests about an extension of a connected cluster: apply one, delete one. Nothing is read."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator

from arcway.domain.cluster_request import ClusterRequest
from arcway.domain.fields import ExtensionName
from arcway.domain.model import Model, SecretReference
from arcway.domain.phases import Scope
from arcway.domain.proxy import Proxy
from arcway.domain.references import KubeconfigReference, Problem
from arcway.domain.secret_names import SecretKind, kind_of

_MOST_SETTINGS = 500


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


type ExtensionType = Annotated[
    str, BeforeValidator(_lower), Field(max_length=200, pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)+$")
]
type Namespace = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
type SettingName = Annotated[str, Field(min_length=1, max_length=500)]
type ReleaseTrain = Annotated[str, Field(max_length=60, pattern=r"^[0-9A-Za-z-]+$")]
type ExtensionVersion = Annotated[str, Field(max_length=60, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]+)?$")]
type AutoUpgrade = Literal["compatible", "patch", "none"]


class Plan(Model):
    """The Marketplace plan of a paid extension."""

    name: Annotated[str, Field(min_length=1)]
    publisher: Annotated[str, Field(min_length=1)]
    product: Annotated[str, Field(min_length=1)]


class Extension(Model):
    """An extension as it is to be. Omitted fields stay unchanged for an existing extension."""

    name: ExtensionName
    type: ExtensionType | None = None
    """Required for a new extension; cannot be changed."""
    scope: Literal["cluster", "namespace"] | None = None
    """Default for a new extension: cluster. Cannot be changed."""
    release_namespace: Namespace | None = None
    """The namespace of the release of an extension with scope cluster. Default: the type's own."""
    target_namespace: Namespace | None = None
    """The only namespace of an extension with scope namespace."""
    release_train: ReleaseTrain | None = None
    """Default for a new extension: stable."""
    version: ExtensionVersion | None = None
    """A version ends automatic upgrades. Default for a new extension: the newest of the release train."""
    auto_upgrade: AutoUpgrade | None = None
    """Default for a new extension: none with a version, else compatible."""
    settings: Annotated[dict[SettingName, str], Field(max_length=_MOST_SETTINGS, default_factory=dict)]
    """Settings by name, such as a Helm value's dotted name; those that are not named stay."""
    protected_settings: Annotated[
        dict[SettingName, SecretReference], Field(max_length=_MOST_SETTINGS, default_factory=dict)
    ]
    """Protected settings by name, each as the name of a stored secret. A change must name all of them."""
    drop_protected_settings: StrictBool = False
    """Let a change drop the protected settings that it does not name."""
    identity: Literal["SystemAssigned", "None"] | None = None
    """Default for a new extension: SystemAssigned. Cannot be changed."""
    plan: Plan | None = None
    """The Marketplace plan of a new extension."""

    @field_validator("release_namespace")
    @classmethod
    def _of_scope_cluster(cls, namespace: str | None, info: ValidationInfo) -> str | None:
        if namespace is not None and info.data.get("scope") == "namespace":
            raise ValueError("is only allowed with scope cluster; scope namespace has targetNamespace")
        return namespace

    @field_validator("target_namespace")
    @classmethod
    def _of_scope_namespace(cls, namespace: str | None, info: ValidationInfo) -> str | None:
        if namespace is not None and info.data.get("scope") != "namespace":
            raise ValueError("is only allowed with scope namespace")
        return namespace

    @field_validator("auto_upgrade")
    @classmethod
    def _not_with_a_version(cls, mode: str | None, info: ValidationInfo) -> str | None:
        if mode not in (None, "none") and info.data.get("version") is not None:
            raise ValueError("must be none with a version: automatic upgrades would replace it")
        return mode


class DeletedExtension(Model):
    """The extension to delete."""

    name: ExtensionName


class ApplyExtensionRequest(ClusterRequest):
    """Create or change an extension of a connected cluster, or check what would change."""

    operation: Literal["applyExtension", "check"] = "applyExtension"
    extension: Extension
    timeout: Annotated[int, Field(ge=60, le=3600)] = 1800
    """Seconds until Azure must have installed the extension."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run waits until the Deployments of the extension are Ready, and says why they are not."""
    # Accepted so that a caller may send the same settings with every operation; extensions use the agents' proxy.
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"


class DeleteExtensionRequest(ClusterRequest):
    """Delete an extension of a connected cluster and its release, or check what would be deleted."""

    operation: Literal["deleteExtension", "check"] = "deleteExtension"
    extension: DeletedExtension
    force: StrictBool = False
    """Delete it in Azure even if the cluster is not connected; its release stays in the cluster."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run waits until the Deployments of the extension are gone."""
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"


type ExtensionRequest = ApplyExtensionRequest | DeleteExtensionRequest


def wrong_protected_settings(body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the references of protected settings, apart from what their model refuses."""
    extension = body.get("extension")
    protected = extension.get("protectedSettings") if isinstance(extension, dict) else None
    references = protected if isinstance(protected, dict) else {}
    message = "must be the name of a protected setting: arcway-extension-NAME"
    return [
        {"field": f"extension.protectedSettings.{name}.secret", "message": message}
        for name, reference in references.items()
        if isinstance(reference, dict)
        and isinstance(secret := reference.get("secret"), str)
        and kind_of(secret) is not SecretKind.EXTENSION_SETTING
    ]
