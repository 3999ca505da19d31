"""Reads a secret by name, only inside the step that needs it; stores secrets that a caller provides.

In Azure a secret is in one of the configured Key Vaults; on one machine it may be a file of the secret folder: a bare
name, a regular file, readable by its owner only. A secret is read as one kind only (`arcway.domain.secret_names`), by
those whom its owner tag names, and until it expires.
"""

from datetime import UTC, datetime

from azure.core.exceptions import ResourceNotFoundError

from arcway.azure import secret_folder
from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.secret_folder import Stored
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.secret_names import SecretKind, kind_of
from arcway.domain.secrets_held import hold
from arcway.settings import Settings

_OWNER_TAG = "arcway-owner"
_MADE_BY_TAG = "managed-by"
_PAGE = "arcway-page"
_RECOVERY_SECONDS = 60


class Secrets:
    """The secrets of one installation."""

    def __init__(self, settings: Settings, azure: AzureClients) -> None:
        self._settings = settings
        self._azure = azure

    def read(
        self, name: str, *kinds: SecretKind, user: SecretUser | None, code_when_gone: Code = Code.SECRET_UNUSABLE
    ) -> str:
        """Return the secret's text, for `user`, or for the service itself if that is None.

        Raises `ArcError`: ARC-2001 when it may not be used as one of `kinds` or not any more, ARC-2040 when `user` is
        not one of its owners, `code_when_gone` when there is none.
        """
        return self.read_with_time(name, *kinds, user=user, code_when_gone=code_when_gone)[0]

    def read_with_time(
        self, name: str, *kinds: SecretKind, user: SecretUser | None, code_when_gone: Code = Code.SECRET_UNUSABLE
    ) -> tuple[str, datetime | None]:
        """The secret's text as `read` returns it, and when it was last changed, None if that is not known."""
        _check(name, *kinds)
        stored = self._find(name)
        if stored is None:
            raise ArcError(code_when_gone, f"Secret {name} does not exist.")
        hold(stored.value)
        if user is not None and not user.owns(stored.owners):
            raise ArcError(Code.SECRET_NOT_OWNED, f"Secret {name} has owners, and the caller is not one of them.")
        # A temporary one may have expired; what its token is still good for is for the API server to say.
        if stored.expires and stored.expires <= datetime.now(UTC) and kind_of(name) is not SecretKind.TEMPORARY:
            raise ArcError(Code.SECRET_UNUSABLE, f"Secret {name} expired on {stored.expires:%Y-%m-%d %H:%M} UTC.")
        return stored.value, stored.changed_at

    def delete(self, name: str, *kinds: SecretKind) -> None:
        """Delete a secret of one of `kinds` wherever it is; harmless when there is none.

        In a vault with soft delete it can be recovered until the vault's retention is over
        (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview). Raises `ArcError`: ARC-2001 for a
        name of another kind, ARC-3xxx and ARC-4xxx when the vault does not do it.
        """
        _check(name, *kinds)
        if (folder := self._settings.secrets_dir) is not None:
            secret_folder.delete(folder, name)
        # Looked for first: the identity need not be allowed to delete in vaults that only hold what is kept.
        for vault in self._settings.vaults:
            if self._from_vault(vault, name) is not None:
                self._delete_from_vault(vault, name)

    def store(self, name: str, value: str, expires: datetime) -> bool:
        """Keep a kubeconfig as a secret until `expires`: in the secret folder if there is one, else in the first vault.

        One that was stored with owners or without expiry stays as it is, also when it was deleted and had to be
        recovered. Returns whether there was none before. Raises `ArcError`: ARC-2001 the name is none, ARC-2024 there
        is neither, ARC-4002 the vault does not allow it, ARC-4025 it keeps a deleted one that cannot be recovered, or
        what else Azure answers.
        """
        _check(name, SecretKind.KUBECONFIG)
        stored = self._find(name)
        if _is_to_stay(stored):
            return False
        if (folder := self._settings.secrets_dir) is not None:
            secret_folder.write(folder, name, value, expires)
        elif self._settings.vaults:
            self._store_in_vault(self._settings.vaults[0], name, value, expires)
        else:
            raise ArcError(Code.SECRET_NOT_STORED, "Neither ARCWAY_VAULTS nor ARCWAY_SECRETS_DIR is set.")
        return stored is None

    def _store_in_vault(self, vault: str, name: str, value: str, expires: datetime) -> None:
        try:
            self._set_in_vault(vault, name, value, expires)
        except ArcError as error:
            if error.code != Code.SECRET_SOFT_DELETED:
                raise
            # The name is made from the content, so what the nightly deletion left in the vault's bin is this secret.
            with azure_errors():
                self._azure.vault(vault).begin_recover_deleted_secret(name).wait(_RECOVERY_SECONDS)
            if not _is_to_stay(self._from_vault(vault, name)):
                self._set_in_vault(vault, name, value, expires)

    def _set_in_vault(self, vault: str, name: str, value: str, expires: datetime) -> None:
        with azure_errors():
            self._azure.vault(vault).set_secret(name, value, expires_on=expires, tags={_MADE_BY_TAG: _PAGE})

    def replace(self, name: str, value: str, expires: datetime) -> None:
        """Replace the text of a temporary secret; does nothing if it does not exist. Raises `ArcError`."""
        _check(name, SecretKind.TEMPORARY)
        folder = self._settings.secrets_dir
        if folder is not None and secret_folder.read(folder, name) is not None:
            secret_folder.replace(folder, name, value)
            return
        for vault in self._settings.vaults:
            with azure_errors():
                try:
                    tags = self._azure.vault(vault).get_secret(name).properties.tags
                except ResourceNotFoundError:
                    continue
                self._azure.vault(vault).set_secret(name, value, expires_on=expires, tags=tags)
            return

    def delete_expired(self, now: datetime) -> list[str]:
        """Delete what `store` stored and what has expired by `now`; returns the names. Raises `ArcError`."""
        if (folder := self._settings.secrets_dir) is not None:
            return secret_folder.delete_expired(folder, now)
        if not self._settings.vaults:
            return []
        vault = self._settings.vaults[0]
        with azure_errors():
            expired = [
                str(item.name)
                for item in self._azure.vault(vault).list_properties_of_secrets()
                if (item.tags or {}).get(_MADE_BY_TAG) == _PAGE and item.expires_on and item.expires_on <= now
            ]
        for name in expired:
            self._delete_from_vault(vault, name)
        return expired

    def _find(self, name: str) -> Stored | None:
        folder = self._settings.secrets_dir
        if folder is not None and (stored := secret_folder.read(folder, name)) is not None:
            return stored
        return next(
            (secret for vault in self._settings.vaults if (secret := self._from_vault(vault, name)) is not None), None
        )

    def _from_vault(self, vault: str, name: str) -> Stored | None:
        with azure_errors():
            try:
                secret = self._azure.vault(vault).get_secret(name)
            except ResourceNotFoundError:
                return None
        properties = secret.properties
        return Stored(
            secret.value or "",
            (properties.tags or {}).get(_OWNER_TAG),
            properties.expires_on,
            changed_at=properties.updated_on,
        )

    def _delete_from_vault(self, vault: str, name: str) -> None:
        with azure_errors():
            try:
                self._azure.vault(vault).begin_delete_secret(name)
            except ResourceNotFoundError:
                return


def _is_to_stay(stored: Stored | None) -> bool:
    return stored is not None and (stored.owners is not None or stored.expires is None)


def _check(name: str, *kinds: SecretKind) -> None:
    kind = kind_of(name)
    if kind is None:
        raise ArcError(
            Code.SECRET_UNUSABLE,
            "The secret's name must start with arcway- and consist of letters, digits and hyphens.",
        )
    if kind not in kinds:
        raise ArcError(
            Code.SECRET_UNUSABLE,
            f"The name of secret {name} is for another kind ({kind}); expected: {' or '.join(kinds)}.",
        )
