"""Gets the bearer token that a command sends to an Arcway which asks for one.

The scope comes from the user alone (ARCWAY_SCOPE, such as `api://CLIENT-ID/.default`) and never from the server: a
hostile server could name the scope of another resource, Azure Resource Manager say, and would be sent a token for that.
For the same reason a token goes to https or loopback only.
"""

import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arcway.cli.embedded import Stack
from arcway.domain.urls import is_loopback

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

_EARLY_SECONDS = 300


class SignInError(Exception):
    """No token is available, or it must not be sent; one sentence."""


class UserCredential:
    """The user's own identity in Azure, from the first source that has it. For an SDK's client."""

    def __init__(self, credentials: "list[TokenCredential]") -> None:
        self._credentials = credentials

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """A token for an SDK. Raises the last source's error when none has one."""
        from azure.core.exceptions import ClientAuthenticationError

        *first_credentials, last = self._credentials
        for credential in first_credentials:
            try:
                return credential.get_token(*scopes, **options)
            except ClientAuthenticationError:
                continue
        return last.get_token(*scopes, **options)


class SignIn:
    """Tokens of one scope, each cached until shortly before it expires."""

    def __init__(self, scope: str, credentials: "list[TokenCredential]") -> None:
        self._scope = scope
        self._credentials = credentials
        self._token: AccessToken | None = None

    def header(self) -> dict[str, str]:
        """The Authorization header. Raises `SignInError`."""
        if self._token is None or self._token.expires_on - _EARLY_SECONDS < time.time():
            self._token = self._ask()
        return {"Authorization": f"Bearer {self._token.token}"}

    def _ask(self) -> "AccessToken":
        from azure.core.exceptions import AzureError

        reasons = []
        for credential in self._credentials:
            try:
                return credential.get_token(self._scope)
            except AzureError as error:
                reasons.append(str(error).strip().partition("\n")[0])
        raise SignInError(f"No token for {self._scope} is available: {' '.join(reasons)}")


def of_user(url: str, default_scope: str | None = None) -> SignIn | None:
    """The user's own sign-in for the Arcway at `url`; None without a scope. ARCWAY_SCOPE comes before the default.

    Raises `SignInError`.
    """
    scope = os.environ.get("ARCWAY_SCOPE") or default_scope
    if not scope:
        return None
    if urlsplit(url).scheme != "https" and not is_loopback_url(url):
        raise SignInError(f"Tokens are sent only to https or loopback addresses, not to {url}.")
    return SignIn(scope, credentials_in_order(ca_file()))


def user_credential() -> UserCredential:
    """The user's own identity, as Azure's SDK takes it."""
    return UserCredential(credentials_in_order(ca_file()))


def of_stack(stack: Stack) -> SignIn | None:
    """The sign-in of the embedded stack's owner; None when the stack requires none."""
    if not stack.options.sign_in:
        return None
    from azure.identity import ClientSecretCredential

    azure = stack.azure
    credential = ClientSecretCredential(
        azure["tenantId"],
        azure["commandLineClientId"],
        azure["commandLineClientSecret"],
        authority=azure["endpoint"],
        disable_instance_discovery=True,
        connection_verify=azure["caFile"],
    )
    return SignIn(f"api://{azure['apiClientId']}/.default", [credential])


def is_loopback_url(url: str) -> bool:
    """Whether an http or https address is this machine's alone."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname)
    except ValueError:
        return False


def ca_file() -> str | None:
    """ARCWAY_CA_FILE: a CA to trust beside the public ones."""
    return os.environ.get("ARCWAY_CA_FILE") or None


def credentials_in_order(ca: str | None) -> "list[TokenCredential]":
    """What is there without asking, and only then, at a terminal, a browser or a code."""
    from azure.identity import DefaultAzureCredential, DeviceCodeCredential, InteractiveBrowserCredential

    trust: dict[str, Any] = {"connection_verify": ca} if ca else {}
    if os.environ.get("AZURE_AUTHORITY_HOST"):
        # Only the public authority knows which others there are, and it does not know a private one.
        trust["disable_instance_discovery"] = True
    credentials: list[TokenCredential] = [
        DefaultAzureCredential(
            exclude_shared_token_cache_credential=True,
            exclude_visual_studio_code_credential=True,
            exclude_developer_cli_credential=True,
            exclude_powershell_credential=True,
            exclude_broker_credential=True,
            **trust,
        )
    ]
    if sys.stdin.isatty() and sys.stderr.isatty():
        if tenant := os.environ.get("AZURE_TENANT_ID"):
            trust["tenant_id"] = tenant
        credentials += [InteractiveBrowserCredential(**trust), DeviceCodeCredential(prompt_callback=_tell, **trust)]
    return credentials


def _tell(address: str, code: str, until: datetime) -> None:
    sys.stderr.write(f"Open {address} and enter the code {code}.\n")
