"""The outbound proxy that the agents use, and what they reach without it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.model import Model, SecretReference
from arcway.domain.secrets_held import hold
from arcway.domain.urls import UserInfoError, parse_url

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# What no cluster's agents reach through a proxy, whatever its address ranges are.
IN_CLUSTER_HOSTS = ("localhost", "127.0.0.1", ".svc", ".svc.cluster.local", "kubernetes.default.svc")
_CREDENTIALS_LENGTH = 512
_ARC_SUFFIXES = (".his.arc.azure.", ".dp.kubernetesconfiguration.azure.", ".guestconfiguration.azure.")


def _proxy_url(url: str) -> str:
    try:
        parse_url(url, "http", "https")
    except UserInfoError as error:
        raise ValueError(f"{error}: store them in a secret and give its name in credentials.secret") from None
    return url


def _ca_certificates(pem: str) -> str:
    if "PRIVATE KEY" in pem:
        raise ValueError("must not contain a private key")
    for certificate in _certificates(pem):
        if not _is_ca(certificate):
            raise ValueError(f"must contain CA certificates only; {certificate.subject.rfc4514_string()} is not one")
    return pem


type ProxyUrl = Annotated[str, Field(max_length=2048), AfterValidator(_proxy_url)]
type CaCertificates = Annotated[str, Field(max_length=32768), AfterValidator(_ca_certificates)]


class Proxy(Model):
    """The outbound proxy of the agents."""

    https: ProxyUrl | None = None
    http: ProxyUrl | None = None
    skip_range: Annotated[str | None, Field(max_length=4096)] = None
    certificate: CaCertificates | None = None
    credentials: SecretReference | None = None

    def expired(self, now: datetime) -> str | None:
        """What is wrong with the certificate's time of validity at `now` (aware); None when nothing is."""
        for certificate in _certificates(self.certificate) if self.certificate else ():
            name = certificate.subject.rfc4514_string()
            if certificate.not_valid_after_utc <= now:
                return f"has expired: {name} was valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
            if certificate.not_valid_before_utc > now:
                return f"is not valid yet: {name} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}"
        return None


def proxy_credentials(name: str, credentials: str) -> str:
    """`user:password` from the text of secret `name`, whose last line end does not count.

    Raises `ArcError` ARC-2041, without any of the text, when it is not one printable line of that form.
    """
    line = credentials.removesuffix("\n").removesuffix("\r")
    user, colon, _ = line.partition(":")
    if not (user and colon and line.isprintable() and len(line) <= _CREDENTIALS_LENGTH):
        limit = f"one printable line user:password of at most {_CREDENTIALS_LENGTH} characters"
        raise ArcError(Code.PROXY_CREDENTIALS_INVALID, f"Secret {name} is not {limit}.")
    return line


def with_credentials(url: str, credentials: str) -> str:
    """Return the proxy `url` with `user:password` from a secret put into it, percent-encoded."""
    user, _, password = credentials.partition(":")
    hold(credentials, password)
    parts = urlsplit(url)
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}").geturl()


def no_proxy_list(requested: str | None, learnt: Iterable[str], cloud_domain: str) -> str:
    """The whole skip range: what was given, then the cluster's own addresses, each once.

    The word `Arc`, whatever its case, stands for the Arc services of the cloud, as with `az connectedk8s`;
    `cloud_domain` is what their addresses end with (`com`, `us`, `cn`).
    """
    entries: list[str] = []
    for entry in (item.strip() for item in (requested or "").split(",")):
        entries += [suffix + cloud_domain for suffix in _ARC_SUFFIXES] if entry.lower() == "arc" else [entry]
    once: dict[str, str] = {}
    for entry in [*entries, *learnt]:
        once.setdefault(entry.lower(), entry)
    return ",".join(entry for entry in once.values() if entry)


def is_skipped(host: str, skip_range: str) -> bool:
    """Whether a host is reached without the proxy: it is named in the skip range, or is below a domain that is."""
    names = [entry.strip().lower().lstrip(".") for entry in skip_range.split(",")]
    return any(name and (host.lower() == name or host.lower().endswith(f".{name}")) for name in names)


def _certificates(pem: str) -> "list[Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise ValueError("must be one or more certificates in PEM form") from error


def _is_ca(certificate: "Certificate") -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
