"""Provides a credential for the service: creates it with the user's own, stores it, and names it in the request.

How every command obtains the credential of a cluster. What was made is removed again unless the service accepts the
request; from then on the run removes it at its end.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arcway.cli import output, requests
from arcway.cli.client import FAILED, USAGE, ArcwayClient, CommandError
from arcway.cli.credentials import exec_plugin, kubeconfig
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.credentials.store import Store, store_of
from arcway.cli.option_groups import Kubeconfig, Proxy
from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import open_cluster
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.access.temporary_account import SHORTEST_SECONDS
from arcway.cluster.checks.permissions import Permission, role_for
from arcway.domain.codes import Code, Family, family
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.phases import longest_seconds
from arcway.domain.secret_names import proxy_name, readable_part, temporary_name
from arcway.private_file import write_private

# One that is kept is used by whatever comes later.
_KEPT_NEEDS = tuple(
    dict.fromkeys(item for name in ("onboard", "update", "offboard", "agents") for item in role_for(name, network=True))
)

_BOUND_SECONDS = 20.0
_KEPT_SECONDS = 86400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(slots=True)
class ProvidedCredential:
    """The parts of the request about the cluster's credential and the proxy."""

    kubeconfig: Json | None
    proxy: Json | None
    _undo: ExitStack

    def accepted(self) -> None:
        """The service has accepted the request: from now on its run deletes what was created."""
        self._undo.pop_all()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a credential is for: an operation (or `agents`, which reads their state), and what else the run does."""

    operation: str
    network: bool = False
    force: bool = False
    features: Json | None = None
    """The features of the request."""
    gitops: bool = False

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The permissions that the run needs in the cluster."""
        return role_for(
            self.operation,
            network=self.network,
            force=self.force,
            gitops=self.gitops,
            custom_locations=self._has_custom_locations,
        )

    @property
    def _has_custom_locations(self) -> bool:
        return bool(((self.features or {}).get("customLocations") or {}).get("enabled"))

    @property
    def seconds(self) -> int:
        """The time limit of a run, in seconds."""
        if self.operation == "agents":
            return SHORTEST_SECONDS
        return longest_seconds(self.operation, gitops=self.gitops, features=self.features is not None)


@contextmanager
def provided_credential(
    server: ArcwayClient,
    name: str,
    credential_options: Kubeconfig | None,
    needs: Needs,
    proxy: Proxy | None = None,
    *,
    agents_look: bool = False,
) -> Iterator[ProvidedCredential]:
    """Make and store what the service needs of `credential_options` (None: no cluster) and `proxy` for cluster `name`.

    Removes it again at the end, unless `accepted` was called. `agents_look`: the simulated agents of an embedded stack
    need a way into the cluster, too, which real ones have. Raises `CommandError`.
    """
    plain, credentials = without_credentials(proxy or Proxy())
    proxy_body = requests.proxy(plain)
    names = _Names.new(
        name, keep=credential_options is None or bool(credential_options.secret) or credential_options.is_kept
    )
    with ExitStack() as undo:
        reference = None
        if credential_options is not None and credential_options.secret:
            reference = {"secret": credential_options.secret, "context": credential_options.context}
        elif credential_options is not None:
            reference = _hand_over(undo, server, credential_options, names, needs, name if agents_look else None)
        if credentials and proxy_body:
            _store_credentials(
                undo, store_of(server, credential_options.vault if credential_options else None), names, credentials
            )
            proxy_body["credentials"] = {"secret": names.proxy}
        yield ProvidedCredential(reference, proxy_body, undo)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of what is made for the request; `proof` shows that what is temporary is the user's."""

    kubeconfig: str
    proxy: str
    proof: str | None = field(repr=False)

    @classmethod
    def new(cls, cluster: str, *, keep: bool) -> "_Names":
        if not keep:
            proof = secrets.token_urlsafe(32)
            name = temporary_name(cluster, proof)
            return cls(name, proxy_name(name), proof)
        end = f"{readable_part(cluster)}-{secrets.token_hex(5)}"
        return cls(f"arcway-kubeconfig-{end}", f"arcway-proxy-{end}", None)

    @property
    def keep(self) -> bool:
        return self.proof is None


def _hand_over(
    undo: ExitStack,
    server: ArcwayClient,
    credential_options: Kubeconfig,
    names: _Names,
    needs: Needs,
    agents_of: str | None,
) -> Json:
    seconds = _seconds(credential_options, needs)
    store = store_of(server, credential_options.vault)
    own = _own_access(server, credential_options)
    access, expires = own, None
    if credential_options.credential == "as-is":
        _check(own)
    else:
        access, expires = _with_service_account(undo, own, names, credential_options, needs, seconds)
    undo.callback(_undone, f"secret {names.kubeconfig}", store.delete, names.kubeconfig)
    store.put(names.kubeconfig, access.as_kubeconfig(), expires)
    if server.stack and agents_of:
        file = Path(server.stack.clusters) / f"{re.sub(r'[^0-9A-Za-z]', '-', agents_of)[:60]}.yaml"
        if not file.exists():
            undo.callback(file.unlink, missing_ok=True)
        write_private(file, own.as_kubeconfig().encode())
    if names.keep:
        output.stderr.print(f"Kept as secret {names.kubeconfig}.", markup=False)
    reference: Json = {"secret": names.kubeconfig, "temporary": not names.keep}
    return reference if names.keep else {**reference, "proof": names.proof}


def _own_access(server: ArcwayClient, credential_options: Kubeconfig) -> Access:
    """What the user's kubeconfig gives, judged by the same rules as by the service."""
    chosen = kubeconfig.choose(credential_options.file, credential_options.context)
    access = chosen.access()
    if not chosen.has_static_credential and chosen.user.get("exec"):
        if credential_options.credential == "as-is":
            message = "--credential as-is sends a token or a client certificate; this user has an exec plug-in."
            raise CommandError(message, USAGE, remedy="Leave the option out, so that a ServiceAccount is created.")
        plugin_credential = exec_plugin.run(
            chosen.user["exec"], chosen.cluster, chosen.user_name, yes=credential_options.yes
        )
        access = replace(
            access, token=plugin_credential.token, certificate=plugin_credential.certificate, key=plugin_credential.key
        )
    with _as_command_errors(USAGE):
        return read_kubeconfig(access.as_kubeconfig(), None, allow_loopback=server.stack is not None)


def _check(own: Access) -> None:
    """Try a credential that is to be sent as it is, before anything is made. Raises `CommandError` when it is refused.

    An API server that this machine does not reach may be one that the service reaches.
    """
    try:
        with open_cluster(own) as api:
            api.may("get", "namespaces")
    except ArcError as error:
        if family(error.code) is not Family.NETWORK:
            with _as_command_errors(FAILED):
                raise


def _with_service_account(
    undo: ExitStack, own: Access, names: _Names, credential_options: Kubeconfig, needs: Needs, seconds: int
) -> tuple[Access, datetime]:
    name, needed = names.kubeconfig, _KEPT_NEEDS if names.keep else needs.permissions
    with _as_command_errors(FAILED):
        with open_cluster(own) as api:
            # Before the first is made: whatever ends this, even in the middle, removes what there is.
            undo.callback(_undone, f"ServiceAccount, role and binding {name}", _remove_account, own, name)
            token = temporary_account.make(api, name, seconds, needed, credential_options.role)
        access = replace(own, token=token.value, certificate=None, key=None)
        with open_cluster(access) as api:
            temporary_account.wait_until_bound(api, () if credential_options.role else needed, _BOUND_SECONDS)
    lifetime = (token.expires - datetime.now(UTC)).total_seconds()
    until = f"{token.expires:%Y-%m-%d %H:%M} UTC"
    shorter = ", earlier than requested with --credential-ttl" if lifetime < seconds * 0.9 else ""
    role = f"ClusterRole {credential_options.role}" if credential_options.role else "a ClusterRole of its own"
    message = f"Arcway uses ServiceAccount {token.namespace}/{name}, bound to {role}"
    output.stderr.print(f"{message}; its token expires {until}{shorter}.", markup=False)
    return access, token.expires


def _remove_account(own: Access, name: str) -> None:
    with _as_command_errors(FAILED), open_cluster(own) as api:
        temporary_account.delete(api, name)


def _store_credentials(undo: ExitStack, store: Store, names: _Names, credentials: str) -> None:
    undo.callback(_undone, f"secret {names.proxy}", store.delete, names.proxy)
    store.put(names.proxy, credentials, None)
    keeping = ", which is kept" if names.keep else ""
    lines = (
        f"The proxy's password is sent by reference, as secret {names.proxy}{keeping}. If you typed it, it is in your",
        "shell's history: next time set ARCWAY_PROXY_HTTPS, omit the password to be prompted, or use a stored secret.",
    )
    output.stderr.print("\n".join(lines), markup=False)


def _undone(description: str, undo: Callable[..., None], *arguments: Any) -> None:
    """Undo, and say what could not be undone: the error that led here counts more than this one."""
    try:
        undo(*arguments)
    except CommandError as error:
        output.stderr.print(f"Left in place: {description} ({error})", markup=False)


@contextmanager
def _as_command_errors(exit_code: int) -> Iterator[None]:
    try:
        yield
    except ArcError as error:
        message, details = f"{error.code}: {error.message}", error.details
        remedy = error.remedy
        if error.code == Code.CLUSTER_PERMISSION_MISSING:
            remedy = "Use a context of a cluster administrator, or send your own credential with --credential as-is."
        raise CommandError(message, exit_code, remedy=remedy, details=details) from error


def _seconds(credential_options: Kubeconfig, needs: Needs) -> int:
    """How long the token is to last: as long as the run may, or a day for one that is kept, unless the user says."""
    if credential_options.ttl is None:
        return _KEPT_SECONDS if credential_options.is_kept else needs.seconds
    duration = credential_options.ttl
    match = re.fullmatch(r"(\d{1,6})([smhd])", duration)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if seconds < SHORTEST_SECONDS:
        raise CommandError(f"--credential-ttl must be a time of at least 10m, such as 24h, not {duration}.", USAGE)
    return seconds
