"""The options that describe a Flux configuration, named as `az k8s-configuration flux` names them, and its file."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from arcway.cli.client import USAGE, CommandError
from arcway.cli.fleet_files import read_document
from arcway.domain.json_values import Json

_FLAGS = ("prune", "force", "wait")
_SECONDS = {
    "timeout": "timeoutInSeconds",
    "sync_interval": "syncIntervalInSeconds",
    "retry_interval": "retryIntervalInSeconds",
}


def read_configuration(file: str) -> Json:
    """The Flux configuration in a file of YAML or JSON, or on standard input for `-`. Raises `CommandError`."""
    document = read_document(file)
    if not isinstance(document, dict):
        raise CommandError(f"{file} does not have an object with name, a source and kustomizations.", USAGE)
    return document


@dataclass(frozen=True, slots=True)
class ConfigurationOptions:
    """What the Flux configuration is to be like: a file, and options that override it."""

    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="File with the configuration (YAML or JSON); - for standard input."),
    ] = None
    url: Annotated[
        str | None, typer.Option("--url", "-u", help="URL of the git repository: http, https, ssh or user@host:path.")
    ] = None
    branch: Annotated[str | None, typer.Option("--branch", help="Branch of the git repository.")] = None
    tag: Annotated[str | None, typer.Option("--tag", help="Tag of the git repository.")] = None
    semver: Annotated[str | None, typer.Option("--semver", help="Range of versions of the git repository's tags.")] = (
        None
    )
    commit: Annotated[str | None, typer.Option("--commit", help="Commit of the git repository.")] = None
    namespace: Annotated[
        str | None, typer.Option("--namespace", "--ns", help="Namespace of a new configuration. Default: default.")
    ] = None
    scope: Annotated[
        Literal["cluster", "namespace"] | None, typer.Option("--scope", help="Scope of a new configuration.")
    ] = None
    suspend: Annotated[
        bool | None, typer.Option("--suspend/--resume", help="Stop applying the source, or apply it again.")
    ] = None
    https_user: Annotated[str | None, typer.Option("--https-user", help="User of the git repository.")] = None
    https_key: Annotated[
        str | None,
        typer.Option("--https-key-secret", help="Name of the stored secret with the user's token (arcway-git-…)."),
    ] = None
    ssh_key: Annotated[
        str | None,
        typer.Option("--ssh-private-key-secret", help="Name of the stored secret with the private key (arcway-git-…)."),
    ] = None
    known_hosts: Annotated[
        Path | None, typer.Option("--known-hosts-file", help="File with the server's keys in the form of known_hosts.")
    ] = None
    certificate: Annotated[
        Path | None, typer.Option("--https-ca-cert-file", help="File with the server's CA certificate (PEM).")
    ] = None
    local_auth_ref: Annotated[
        str | None,
        typer.Option("--local-auth-ref", help="Secret in the configuration's namespace with the credentials."),
    ] = None
    kustomizations: Annotated[
        list[str] | None,
        typer.Option(
            "--kustomization",
            "-k",
            help="Kustomization as 'name=NAME path=PATH prune=true depends_on=OTHER,…'; may be repeated.",
        ),
    ] = None
    removed: Annotated[
        list[str] | None, typer.Option("--remove-kustomization", help="Kustomization to remove; may be repeated.")
    ] = None
    drop_protected: Annotated[
        bool,
        typer.Option("--drop-protected-settings", help="Drop the protected settings that this command does not name."),
    ] = False

    def body(self, name: str) -> Json:
        """The request's part about the configuration. Raises `CommandError`."""
        body = read_configuration(self.file) if self.file else {}
        fields: Json = {
            "namespace": self.namespace,
            "scope": self.scope,
            "suspend": self.suspend,
            "dropProtectedSettings": self.drop_protected or None,
        }
        keys = {"httpsKey": self.https_key, "sshPrivateKey": self.ssh_key}
        protected = {key: {"secret": secret} for key, secret in keys.items() if secret}
        merged = {**body, "name": name, **_named(fields)}
        return _with(
            merged, gitRepository=self._repository(), kustomizations=self._kustomizations(), protectedSettings=protected
        )

    def _repository(self) -> Json:
        fields = {
            "url": self.url,
            "branch": self.branch,
            "tag": self.tag,
            "semver": self.semver,
            "commit": self.commit,
            "httpsUser": self.https_user,
            "localAuthRef": self.local_auth_ref,
            "sshKnownHosts": _encoded(self.known_hosts),
            "httpsCACert": _encoded(self.certificate),
        }
        return _named(fields)

    def _kustomizations(self) -> Json:
        named = dict(_kustomization(text) for text in self.kustomizations or ())
        return {**named, **dict.fromkeys(self.removed or ())}


def _with(body: Json, **parts: Json) -> Json:
    """The body with these fields over those of its own."""
    merged = dict(body)
    for name, part in parts.items():
        if part:
            own = body.get(name)
            merged[name] = {**(own if isinstance(own, dict) else {}), **part}
    return merged


def _kustomization(text: str) -> tuple[str, Json]:
    """A kustomization as az writes one. Raises `CommandError`."""
    pairs = [item.partition("=") for item in text.split()]
    fields = {name.replace("-", "_"): value for name, _, value in pairs}
    wrong = [name for name, sign, _ in pairs if not sign]
    name = fields.pop("name", "")
    if wrong or not name:
        raise CommandError("--kustomization must be 'name=NAME field=value …'.", USAGE)
    kustomization: dict[str, Any] = {}
    for field, value in fields.items():
        if field in _FLAGS:
            kustomization[field] = _flag(field, value)
        elif field in _SECONDS:
            kustomization[_SECONDS[field]] = _number(field, value)
        elif field == "depends_on":
            kustomization["dependsOn"] = [item for item in value.split(",") if item]
        elif field == "path":
            kustomization["path"] = value
        else:
            raise CommandError(f"--kustomization has the unknown field {field}.", USAGE)
    return name, kustomization


def _flag(field: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise CommandError(f"--kustomization: {field} must be true or false.", USAGE)
    return value.lower() == "true"


def _number(field: str, value: str) -> int:
    if not value.isdecimal():
        raise CommandError(f"--kustomization: {field} must be a number of seconds.", USAGE)
    return int(value)


def _encoded(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error}.", USAGE) from error


def _named(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
