"""The outbound proxy that the agents use. Must not know where credentials come from or how Helm takes values."""

from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from arcway.domain.model import Model, SecretReference


def _proxy_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user or password: put them in a secret and name it in credentials.secret")
    return text


type ProxyUrl = Annotated[str, Field(max_length=2048), AfterValidator(_proxy_url)]


class Proxy(Model):
    """What the agents need to reach Azure through a proxy."""

    https: ProxyUrl | None = None
    http: ProxyUrl | None = None
    skip_range: Annotated[str | None, Field(max_length=4096)] = None
    certificate: Annotated[str | None, Field(max_length=32768)] = None
    credentials: SecretReference | None = None


def with_credentials(url: str, credentials: str) -> str:
    """Return the proxy `url` with `user:password` from a secret put into it, percent-encoded."""
    user, _, password = credentials.strip().partition(":")
    parts = urlsplit(url)
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}").geturl()
