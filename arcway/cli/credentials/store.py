"""Where a secret for the service is put: the secret folder of the embedded stack, or a Key Vault."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from arcway.cli import sign_in
from arcway.cli.client import FAILED, USAGE, ArcwayClient, CommandError
from arcway.domain.codes import Code
from arcway.domain.urls import is_url
from arcway.private_file import write_private

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient


class Store(Protocol):
    """Holds secrets by name. Both methods raise `CommandError`."""

    def put(self, name: str, value: str, expires: datetime | None) -> None:
        """Store it, so that the service can read it until `expires` (an aware time)."""

    def delete(self, name: str) -> None:
        """Delete it; does nothing if it does not exist."""


def store_of(server: ArcwayClient, vault: str | None) -> Store:
    """The vault that the user names, else the folder of the embedded stack. Raises `CommandError`: there is neither."""
    if vault:
        if not is_url(vault, "https"):
            raise CommandError("--key-vault must be an address such as https://NAME.vault.azure.net.", USAGE)
        return _Vault(vault)
    if server.stack is None:
        remedy = "Set --key-vault or ARCWAY_KEY_VAULT to a Key Vault that Arcway can read, or use a stored secret."
        raise CommandError("A remote Arcway reads secrets from a Key Vault only.", USAGE, remedy=remedy)
    return _Folder(Path(server.stack.secrets))


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, value: str, expires: datetime | None) -> None:
        try:
            write_private(self._folder / name, value.encode())
        except OSError as error:
            raise CommandError(f"The secret cannot be stored in {self._folder}: {error.strerror}.", FAILED) from error

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class _Vault:
    def __init__(self, address: str) -> None:
        self._address = address

    def put(self, name: str, value: str, expires: datetime | None) -> None:
        from azure.core.exceptions import AzureError

        try:
            with self._client() as client:
                client.set_secret(name, value, expires_on=expires, tags={"managed-by": "arcway"})
        except AzureError as error:
            # Not its whole text: an error of the service may repeat what it was sent.
            if _is_recoverable(error):
                raise self._recoverable(name) from None
            raise self._failed("Storing the secret", error) from None

    def delete(self, name: str) -> None:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            with self._client() as client:
                client.begin_delete_secret(name)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise self._failed(f"Deleting secret {name}", error) from None

    def _client(self) -> "SecretClient":
        from azure.keyvault.secrets import SecretClient

        return SecretClient(
            self._address,
            sign_in.user_credential(),
            retry_total=1,
            # A vault on loopback is not under a vault domain, so its challenge can be verified only in Azure.
            verify_challenge_resource=not sign_in.is_loopback_url(self._address),
            **({"connection_verify": ca} if (ca := sign_in.ca_file()) else {}),
        )

    def _recoverable(self, name: str) -> CommandError:
        vault = str(urlsplit(self._address).hostname).partition(".")[0]
        command = f"az keyvault secret recover --vault-name {vault} --name {name}"
        remedy = f"Recover it (`{command}`) or purge it; until then no secret of this name can be stored."
        message = f"{Code.SECRET_SOFT_DELETED}: Secret {name} was deleted in {self._address} and can be recovered."
        return CommandError(message, FAILED, remedy=remedy)

    def _failed(self, action: str, error: Exception) -> CommandError:
        status = getattr(error, "status_code", None)
        why = f"it returned {status}" if status else str(error).partition("\n")[0][:200]
        remedy = "Sign in with `az login` as a user who can set and delete secrets there (docs/permissions.md)."
        return CommandError(f"{action} in {self._address} failed: {why}.", FAILED, remedy=remedy)


def _is_recoverable(error: Exception) -> bool:
    """Whether the vault keeps a deleted secret of the name: its own code is in the inner error of a Conflict."""
    body = getattr(error, "error", None)
    inner = getattr(body, "innererror", None)
    return isinstance(inner, dict) and inner.get("code") == "ObjectIsDeletedButRecoverable"
