"""Takes user and password out of the proxy URLs that the user gives. Must not store them nor show them."""

import sys
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import typer

from arcway.cli.client import USAGE, CommandError
from arcway.cli.option_groups import Proxy


def without_credentials(proxy: Proxy) -> tuple[Proxy, str | None]:
    """The proxy with plain URLs, and `user:password` if they had one. Raises `CommandError`.

    Arcway uses one pair of credentials for both proxies, so that both URLs must have the same.
    """
    urls = {name: url for name, url in (("https", proxy.https), ("http", proxy.http)) if url}
    split = {name: _split(url) for name, url in urls.items()}
    credentials_in_urls = {credentials for _, credentials in split.values()}
    if credentials_in_urls in (set(), {None}):
        return proxy, None
    if len(credentials_in_urls) > 1:
        raise CommandError("--proxy-https and --proxy-http must have the same user and password.", USAGE)
    if proxy.credentials_secret:
        message = "A proxy URL has a user, and --proxy-credentials-secret is set as well."
        raise CommandError(message, USAGE, remedy="Use only one of them.")
    plain = {name: url for name, (url, _) in split.items()}
    return replace(proxy, https=plain.get("https"), http=plain.get("http")), _with_password(
        credentials_in_urls.pop() or ""
    )


def _split(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise CommandError("A proxy's address is not a URL.", USAGE) from None
    if "@" in parts.path + parts.query + parts.fragment:
        # What looks like a path is the rest of a password that has one of these characters.
        remedy = "Percent-encode / ? # @ : in it as %2F %3F %23 %40 %3A."
        raise CommandError("A proxy URL's user or password is not percent-encoded.", USAGE, remedy=remedy)
    if "@" not in parts.netloc:
        return url, None
    pair, _, host = parts.netloc.rpartition("@")
    user, colon, password = (unquote(part) for part in pair.partition(":"))
    if ":" in user or not user or f"{user}:{password}".strip() != f"{user}:{password}":
        message = "A proxy's user must not contain a colon, and the password must not end with a space."
        raise CommandError(message, USAGE)
    return parts._replace(netloc=host).geturl(), f"{user}{colon}{password}"


def _with_password(credentials: str) -> str:
    if ":" in credentials:
        return credentials
    if not sys.stdin.isatty():
        raise CommandError(
            "A proxy URL has a user but no password.", USAGE, remedy="Use user:password@HOST, or a stored secret."
        )
    return f"{credentials}:{typer.prompt('Password for the proxy', hide_input=True, err=True)}"
