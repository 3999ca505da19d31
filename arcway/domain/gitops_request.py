"""The requests about a Flux configuration of a connected cluster: apply one, delete one. Nothing is read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictStr, ValidationInfo, field_validator

from arcway.domain.cluster_request import ClusterRequest
from arcway.domain.fields import ConfigurationName
from arcway.domain.gitops_sources import AzureBlob, Bucket, GitRepository, ObjectName, OciRepository, Seconds, is_ssh
from arcway.domain.model import Model, SecretReference
from arcway.domain.phases import Scope
from arcway.domain.proxy import Proxy
from arcway.domain.references import KubeconfigReference, Problem
from arcway.domain.secret_names import SecretKind, kind_of

LONGEST_NAMES = 62
"""Characters that the names of a configuration and of its kustomization may have together."""
EXTENSION_TIMEOUT, COMPLIANCE_TIMEOUT = 1800, 900
"""Seconds, unless the request says otherwise."""
_MOST_KUSTOMIZATIONS, _MOST_VALUES = 100, 200

type KustomizationName = Annotated[str, Field(max_length=61, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
type ProtectedName = Literal["httpsKey", "sshPrivateKey", "bucketSecretKey"]
type _Namespace = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
type _Variable = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_][0-9A-Za-z_]*$")]
type _Value = Annotated[StrictStr, Field(max_length=4096)]

_SOURCES = ("git_repository", "bucket", "azure_blob", "oci_repository")


class SubstituteFrom(Model):
    """A ConfigMap or Secret in the configuration's namespace that has values of variables."""

    kind: Literal["ConfigMap", "Secret"]
    name: ObjectName
    optional: StrictBool = False


class PostBuild(Model):
    """The values of variables in what a kustomization builds. It is replaced as a whole."""

    substitute: Annotated[dict[_Variable, _Value], Field(max_length=_MOST_VALUES, default_factory=dict)]
    """Values by variable. They are not secrets: name a Secret of the cluster in substituteFrom for those."""
    substitute_from: Annotated[list[SubstituteFrom], Field(max_length=_MOST_VALUES, default_factory=list)]


class Kustomization(Model):
    """A part of the source that is applied. Omitted fields stay unchanged for an existing kustomization."""

    path: Annotated[str | None, Field(max_length=1000)] = None
    """Folder in the source. Default for a new kustomization: its root."""
    depends_on: Annotated[list[KustomizationName] | None, Field(max_length=_MOST_KUSTOMIZATIONS)] = None
    """The kustomizations that must be applied before."""
    timeout_in_seconds: Seconds | None = None
    sync_interval_in_seconds: Seconds | None = None
    retry_interval_in_seconds: Seconds | None = None
    prune: StrictBool | None = None
    """Remove from the cluster what is removed from the source. Default for a new kustomization: false."""
    force: StrictBool | None = None
    """Replace objects that cannot be changed. Default for a new kustomization: false."""
    wait: StrictBool | None = None
    """Wait until what is applied is healthy. Default for a new kustomization: true."""
    post_build: PostBuild | None = None


class Configuration(Model):
    """A Flux configuration as it is to be. Omitted fields stay unchanged for an existing configuration."""

    name: ConfigurationName
    namespace: _Namespace | None = None
    """Default for a new configuration: default. Cannot be changed."""
    scope: Literal["cluster", "namespace"] | None = None
    """Default for a new configuration: cluster. Cannot be changed."""
    suspend: StrictBool | None = None
    """Stop applying the source. Default for a new configuration: false."""
    git_repository: GitRepository | None = None
    bucket: Bucket | None = None
    azure_blob: AzureBlob | None = None
    oci_repository: OciRepository | None = None
    """One of the four sources; required for a new configuration. Another kind replaces the source."""
    kustomizations: Annotated[
        dict[KustomizationName, Kustomization | None], Field(max_length=_MOST_KUSTOMIZATIONS, default_factory=dict)
    ]
    """Kustomizations by name. Those that are not named stay; null removes one."""
    protected_settings: Annotated[
        dict[ProtectedName, SecretReference], Field(default_factory=dict, validate_default=True)
    ]
    """The credentials of the source, each as the name of a stored secret. A change must name all of them."""
    drop_protected_settings: StrictBool = False
    """Let a change drop the protected settings that it does not name."""

    @field_validator("bucket", "azure_blob", "oci_repository")
    @classmethod
    def _one_source[S](cls, source: S | None, info: ValidationInfo) -> S | None:
        others = [name for name in _SOURCES if name != info.field_name and info.data.get(name) is not None]
        if source is not None and others:
            raise ValueError(f"cannot be given together with {cls.model_fields[others[0]].alias}")
        return source

    @field_validator("kustomizations")
    @classmethod
    def _possible(
        cls, kustomizations: dict[str, Kustomization | None], info: ValidationInfo
    ) -> dict[str, Kustomization | None]:
        problems = list(_too_long(str(info.data.get("name", "")), kustomizations))
        dependencies = {name: item.depends_on or [] for name, item in kustomizations.items() if item is not None}
        removed = {name for name, item in kustomizations.items() if item is None}
        for name, items in dependencies.items():
            problems += [f"{name} depends on {item}, which is removed" for item in items if item in removed]
        if (circle := circle_of(dependencies)) is not None:
            problems.append(f"dependsOn has a circle: {' → '.join(circle)}")
        if problems:
            raise ValueError("; ".join(problems))
        return kustomizations

    @field_validator("protected_settings")
    @classmethod
    def _of_the_source(cls, protected: dict[str, SecretReference], info: ValidationInfo) -> dict[str, SecretReference]:
        for field in _SOURCES:
            source = info.data.get(field)
            if source is None:
                continue
            if (missing := _needed(source)) is not None and missing not in protected:
                raise ValueError(f"must have {missing}, which belongs to the user of the source")
            if protected and source.local_auth_ref is not None:
                raise ValueError(f"cannot be given together with localAuthRef of {cls.model_fields[field].alias}")
            if excess := sorted(protected.keys() - _allowed(source)):
                raise ValueError(f"has {', '.join(excess)}, which the source does not use")
        return protected


def _needed(source: object) -> ProtectedName | None:
    if isinstance(source, GitRepository) and source.https_user is not None:
        return "httpsKey"
    return "bucketSecretKey" if isinstance(source, Bucket) and source.access_key is not None else None


def _allowed(source: object) -> set[str]:
    if isinstance(source, Bucket):
        return {"bucketSecretKey"}
    if not isinstance(source, GitRepository):
        return set()
    if source.url is None:
        return {"httpsKey", "sshPrivateKey"}
    return {"sshPrivateKey"} if is_ssh(source.url) else {"httpsKey"}


def _too_long(configuration: str, kustomizations: Iterable[str]) -> Iterator[str]:
    for name in kustomizations:
        if len(configuration) + len(name) > LONGEST_NAMES:
            yield f"{name} and the configuration's name have more than {LONGEST_NAMES} characters together"


def circle_of(dependencies: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Names of which each depends on the next one and the last is the first again; None if there are none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        for item in dependencies.get(name, ()):
            if (circle := follow(item, [*way, name])) is not None:
                return circle
        done.add(name)
        return None

    return next((circle for name in dependencies if (circle := follow(name, [])) is not None), None)


class DeletedConfiguration(Model):
    """The Flux configuration to delete."""

    name: ConfigurationName


class ApplyGitopsRequest(ClusterRequest):
    """Create or change a Flux configuration of a connected cluster, or check what would change.

    The extension microsoft.flux is installed if the connected cluster has none.
    """

    operation: Literal["applyGitops", "check"] = "applyGitops"
    configuration: Configuration
    timeout: Annotated[int, Field(ge=60, le=3600)] = EXTENSION_TIMEOUT
    """Seconds until Azure must have installed the extension, if it is to be installed."""
    compliance_timeout: Annotated[int, Field(ge=60, le=3600)] = COMPLIANCE_TIMEOUT
    """Seconds until the configuration must be Compliant."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run waits until the Deployments of the extension are Ready, and says why they are not."""
    # Accepted so that a caller may send the same settings with every operation; Flux uses the agents' proxy.
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"


class DeleteGitopsRequest(ClusterRequest):
    """Delete a Flux configuration of a connected cluster, or check what would be deleted.

    What a kustomization with prune has applied is removed from the cluster.
    """

    operation: Literal["deleteGitops", "check"] = "deleteGitops"
    configuration: DeletedConfiguration
    with_extension: StrictBool = False
    """Delete the extension microsoft.flux, too; not possible while there are other Flux configurations."""
    force: StrictBool = False
    """Delete in Azure even if the cluster is not connected; what Flux has applied stays in the cluster."""
    kubeconfig: KubeconfigReference | None = None
    """With it the run waits until the Deployments of the extension are gone, if that is deleted."""
    proxy: Proxy | None = None

    @property
    def scope(self) -> Scope:
        """Without a kubeconfig the cluster is not read."""
        return "azure-only" if self.kubeconfig is None else "azure-first"


type GitopsRequest = ApplyGitopsRequest | DeleteGitopsRequest


def wrong_git_credentials(body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the references of protected settings, apart from what their model refuses."""
    return [problem for field in ("configuration", "gitops") for problem in _wrong(field, body.get(field))]


def _wrong(field: str, configuration: object) -> list[Problem]:
    protected = configuration.get("protectedSettings") if isinstance(configuration, dict) else None
    references = protected if isinstance(protected, dict) else {}
    message = "must be the name of a credential of a Flux source: arcway-git-NAME"
    return [
        {"field": f"{field}.protectedSettings.{name}.secret", "message": message}
        for name, reference in references.items()
        if isinstance(reference, dict)
        and isinstance(secret := reference.get("secret"), str)
        and kind_of(secret) is not SecretKind.GIT_CREDENTIAL
    ]
