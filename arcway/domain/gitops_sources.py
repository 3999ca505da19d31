"""Where a Flux configuration gets its content from, as a request names it: git repository, bucket, blobs, OCI.

Nothing here is a secret: credentials are named by stored secrets or by a Secret in the cluster. Names follow Azure's
API (https://learn.microsoft.com/rest/api/kubernetesconfiguration/flux-configurations).
"""

import base64
import binascii
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, ValidationInfo, field_validator, model_validator

from arcway.domain.model import Model
from arcway.domain.urls import UserInfoError, parse_url

_LONGEST_SECONDS = 7 * 86_400
_LONGEST_TEXT = 64 * 1024
_USER = re.compile(r"[0-9A-Za-z_.-]+")
_SHORT_SSH = re.compile(r"[0-9A-Za-z_.-]+@[0-9A-Za-z_.-]+:[^/\s@?#\\][^\s@?#\\]*")
# https://man.openbsd.org/sshd.8#SSH_KNOWN_HOSTS_FILE_FORMAT
_KNOWN_HOST = re.compile(
    r"(@(cert-authority|revoked) +)?[^\s#]+ +(ssh|ecdsa|sk)-[0-9A-Za-z@.-]+ +[0-9A-Za-z+/]+={0,2}( .*)?"
)


def is_ssh(url: str) -> bool:
    """Whether a git repository is reached by SSH."""
    return not url.lower().startswith(("http://", "https://"))


def _plain_url(url: str, *schemes: str) -> str:
    """The URL; what could hide a token in it is refused, in words that do not repeat it."""
    try:
        parts = parse_url(url, *schemes)
    except UserInfoError:
        raise ValueError("must not contain a user or password: name a stored secret in protectedSettings") from None
    if parts.query or parts.fragment:
        raise ValueError("must not have a query or fragment")
    return url


def _web_url(url: str) -> str:
    return _plain_url(url, "http", "https")


def _oci_url(url: str) -> str:
    return _plain_url(url, "oci")


def _git_url(url: str) -> str:
    wrong = "must be an http, https or ssh URL, or user@host:path"
    if url.lower().startswith(("http://", "https://")):
        return _web_url(url)
    if not url.lower().startswith("ssh://"):
        if not _SHORT_SSH.fullmatch(url):
            raise ValueError(f"{wrong}, without a password")
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises, too, when it is out of range
    except ValueError:
        raise ValueError(wrong) from None
    if parts.password is not None:
        raise ValueError("must not contain a password: name a stored secret in protectedSettings")
    is_plain = parts.username is None or _USER.fullmatch(parts.username)
    if not parts.hostname or not is_plain or not parts.path.strip("/") or not url.isprintable() or " " in url:
        raise ValueError(wrong)
    if parts.query or parts.fragment or "\\" in url or "@" in parts.path:
        raise ValueError("must not have a query, fragment, backslash or second @")
    return url


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (ValueError, binascii.Error):
        raise ValueError("must be base64 of text") from None


def _known_hosts(value: str) -> str:
    lines = [line.strip() for line in _decoded(value).splitlines()]
    hosts = [line for line in lines if line and not line.startswith("#")]
    if not hosts or not all(_KNOWN_HOST.fullmatch(line) for line in hosts):
        raise ValueError("must be base64 of lines in the form of known_hosts: host, type of the key, key")
    return value


def _certificate(value: str) -> str:
    text = _decoded(value)
    if "-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text:
        raise ValueError("must be base64 of certificates in PEM form")
    return value


type Seconds = Annotated[int, Field(ge=1, le=_LONGEST_SECONDS, strict=True)]
type ObjectName = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
type _Word = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S+$")]
type _GitUrl = Annotated[str, Field(max_length=2000), AfterValidator(_git_url)]
type _WebUrl = Annotated[str, Field(max_length=2000), AfterValidator(_web_url)]
type _OciUrl = Annotated[str, Field(max_length=2000), AfterValidator(_oci_url)]
type _KnownHosts = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_known_hosts)]
type _Certificates = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_certificate)]
type _SemanticRange = Annotated[str, Field(min_length=1, max_length=255)]


class _Fetched(Model):
    """What all sources have."""

    timeout_in_seconds: Seconds | None = None
    """Default for a new source: 600."""
    sync_interval_in_seconds: Seconds | None = None
    """Default for a new source: 600."""
    local_auth_ref: ObjectName | None = None
    """A Secret in the configuration's namespace that has the credentials, instead of protected settings."""


class GitRepository(_Fetched):
    """A git repository. Omitted fields stay unchanged for an existing configuration."""

    url: _GitUrl | None = None
    """http, https, ssh or user@host:path; without a password. Required for a new source."""
    branch: _Word | None = None
    tag: _Word | None = None
    semver: _SemanticRange | None = None
    commit: Annotated[str | None, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")] = None
    """branch, tag, semver or commit: one of them, or a commit of a branch. Required for a new source."""
    provider: Literal["Generic", "Azure", "GitHub"] | None = None
    https_user: _Word | None = None
    """Together with the protected setting httpsKey."""
    https_ca_cert: Annotated[_Certificates | None, Field(alias="httpsCACert")] = None
    """Base64 of the certificates (PEM) of the authority of an https server."""
    ssh_known_hosts: _KnownHosts | None = None
    """Base64 of lines in the form of known_hosts."""

    @field_validator("tag", "semver", "commit")
    @classmethod
    def _one_reference(cls, value: str | None, info: ValidationInfo) -> str | None:
        others = ("tag", "semver") if info.field_name == "commit" else ("branch", "tag", "semver")
        named = [name for name in others if name != info.field_name and info.data.get(name) is not None]
        if value is not None and named:
            raise ValueError(f"cannot be given together with {named[0]}")
        return value

    @field_validator("https_user", "https_ca_cert", "ssh_known_hosts")
    @classmethod
    def _of_the_scheme(cls, value: str | None, info: ValidationInfo) -> str | None:
        url = info.data.get("url")
        is_of_ssh = info.field_name == "ssh_known_hosts"
        if value is not None and url is not None and is_ssh(url) != is_of_ssh:
            raise ValueError(f"is only allowed with a repository over {'SSH' if is_of_ssh else 'HTTP or HTTPS'}")
        return value

    @field_validator("https_user")
    @classmethod
    def _not_with_a_secret_of_the_cluster(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("local_auth_ref") is not None:
            raise ValueError("cannot be given together with localAuthRef")
        return value


class Bucket(_Fetched):
    """A bucket of an S3 service. Omitted fields stay unchanged for an existing configuration."""

    url: _WebUrl | None = None
    """Required for a new source."""
    bucket_name: _Word | None = None
    """Required for a new source."""
    insecure: StrictBool | None = None
    """Use HTTP."""
    access_key: _Word | None = None
    """The name of the key, which is public; together with the protected setting bucketSecretKey."""


class ManagedIdentity(Model):
    """The identity that reads the blobs."""

    client_id: Annotated[str, Field(max_length=100, pattern=r"^[0-9A-Fa-f-]+$")]


class AzureBlob(_Fetched):
    """A container of Azure blobs, read with a managed identity or a Secret of the cluster (localAuthRef)."""

    url: _WebUrl | None = None
    """Required for a new source."""
    container_name: _Word | None = None
    """Required for a new source."""
    managed_identity: ManagedIdentity | None = None


class LayerSelector(Model):
    """Which layer of an OCI artifact is used."""

    media_type: _Word | None = None
    operation: Literal["extract", "copy"] | None = None


class OidcIdentity(Model):
    """Who may have signed: regular expressions."""

    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    subject: Annotated[str, Field(min_length=1, max_length=500)]


class Verification(Model):
    """How the signature of an OCI artifact is verified."""

    provider: Annotated[str | None, Field(max_length=60)] = None
    verification_config: Annotated[dict[str, Annotated[str, Field(max_length=8192)]] | None, Field(max_length=20)] = (
        None
    )
    """Public keys of trusted authors, by name."""
    match_oidc_identity: Annotated[list[OidcIdentity] | None, Field(max_length=20)] = None


class TlsConfig(Model):
    """How the registry's certificate is verified."""

    ca_certificate: _Certificates
    """Base64 of certificates (PEM)."""


class OciRepository(_Fetched):
    """An OCI repository, read anonymously, with a workload identity or a Secret of the cluster (localAuthRef)."""

    url: _OciUrl | None = None
    """Begins with oci://. Required for a new source."""
    tag: _Word | None = None
    semver: _SemanticRange | None = None
    digest: Annotated[str | None, Field(pattern=r"^sha256:[0-9a-f]{64}$")] = None
    layer_selector: LayerSelector | None = None
    verify: Verification | None = None
    insecure: StrictBool | None = None
    """Use HTTP."""
    use_workload_identity: StrictBool | None = None
    service_account_name: ObjectName | None = None
    tls_config: TlsConfig | None = None

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if sum(value is not None for value in (self.tag, self.semver, self.digest)) > 1:
            raise ValueError("has more than one of tag, semver and digest")
        return self
