"""Finds the user's kubeconfig as kubectl does, and takes one context out of it with the files that it names.

The rules are client-go's (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/):
`--kube-config`, else the files of KUBECONFIG, else ~/.kube/config; the first file that sets a value or a named entry
wins; a relative path is relative to the file that it is in. No other cluster's credential leaves this module. Must not
run anything that a kubeconfig names.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arcway.cli.client import USAGE, CommandError
from arcway.cluster.access import pem
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.plain_yaml import PlainYamlError, read_yaml
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.text import decoded

# The user's own files may be large; what the service is sent is one context of them.
_SIZE, _PARTS = 16 * 1024 * 1024, 1_000_000
_KINDS = ("cluster", "user", "context")
_PATHS = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}
_REFUSED = {
    "cluster": ("insecure-skip-tls-verify", "proxy-url"),
    "user": ("auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"),
}
_CONTEXTS = "See `kubectl config get-contexts`."


@dataclass(frozen=True, slots=True)
class Chosen:
    """One context: its cluster and user as they are in the file, paths made absolute."""

    cluster: Json
    user: Json = field(repr=False)
    user_name: str

    @property
    def has_static_credential(self) -> bool:
        """Whether the credential is in the kubeconfig itself or in files."""
        return any(
            self.user.get(name) for name in ("token", "tokenFile", "client-certificate", "client-certificate-data")
        )

    def access(self) -> Access:
        """All that its text and files say, credential included if there is one. Raises `CommandError`."""
        ca = _pem(self.cluster, "certificate-authority", pem.certificates) or ""
        certificate = _pem(self.user, "client-certificate", pem.certificates)
        token = _read(self.user["tokenFile"]).strip() if self.user.get("tokenFile") else self.user.get("token")
        return Access(
            server=str(self.cluster.get("server", "")).rstrip("/"),
            ca=ca,
            token=token or None,
            certificate=certificate,
            key=_pem(self.user, "client-key", pem.private_key),
            tls_server_name=self.cluster.get("tls-server-name") or None,
        )


def choose(file: Path | None, context: str | None) -> Chosen:
    """Return the context that the user names, or the current one.

    Raises `CommandError` when it is not there, or when it asks for what Arcway does not do even here.
    """
    merged = _merged(_files(file))
    name = context or merged["current-context"]
    if not name:
        raise CommandError(
            f"{Code.KUBECONFIG_CONTEXT_NOT_FOUND}: The kubeconfig has no current context.", USAGE, remedy=_CONTEXTS
        )
    chosen = _entry(merged, "context", name)
    cluster = _entry(merged, "cluster", str(chosen.get("cluster", "")))
    user_name = str(chosen.get("user", ""))
    user = _entry(merged, "user", user_name)
    _refuse(cluster, user)
    return Chosen(cluster, user, user_name)


def context_names(file: Path | None) -> list[tuple[str, str]]:
    """The names of all contexts, each with the name of its cluster. Raises `CommandError` for an unreadable file."""
    contexts = _merged(_files(file))["context"]
    return [(name, str(entry.get("cluster", ""))) for name, entry in contexts.items()]


def _files(named: Path | None) -> list[Path]:
    if named is not None:
        return [named]
    if listed := os.environ.get("KUBECONFIG"):
        paths = [Path(name) for name in dict.fromkeys(listed.split(os.pathsep)) if name]
        existing = [path for path in paths if path.exists()]
        if existing or not paths:
            return existing
        raise _unreadable(", ".join(map(str, paths)), "it does not exist")
    return [Path.home() / ".kube" / "config"]


def _merged(files: list[Path]) -> Json:
    merged: Json = {"current-context": "", **{kind: {} for kind in _KINDS}}
    for path in files:
        document = _document(path)
        merged["current-context"] = merged["current-context"] or str(document.get("current-context") or "")
        for kind in _KINDS:
            for name, entry in _entries(path, document, kind).items():
                merged[kind].setdefault(name, entry)
    return merged


def _document(path: Path) -> Json:
    try:
        document = read_yaml(decoded(path.read_bytes()), _SIZE, _PARTS)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(path), str(error)) from error
    except PlainYamlError as error:
        where = f", in line {error.line}" if error.line else ""
        raise _unreadable(str(path), f"it is not valid YAML for Arcway ({error}{where})") from None
    if document is None:
        return {}
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise _unreadable(str(path), "it is not a kubeconfig")
    return document


def _entries(path: Path, document: Json, kind: str) -> dict[str, Json]:
    entries: dict[str, Json] = {}
    listed = document.get(f"{kind}s") or []
    if not isinstance(listed, list):
        raise _unreadable(str(path), f"its {kind}s are not a list")
    for item in listed:
        if not isinstance(item, dict) or not isinstance(item.get(kind) or {}, dict):
            raise _unreadable(str(path), f"its {kind}s are not a list of named entries")
        name = str(item.get("name", ""))
        if name in entries:
            raise _unreadable(str(path), f"it has two {kind}s named {name}")
        entries[name] = _with_absolute_paths(kind, item.get(kind) or {}, path.absolute().parent)
    return entries


def _with_absolute_paths(kind: str, entry: Json, folder: Path) -> Json:
    resolved: Json = {name: str(folder / entry[name]) for name in _PATHS.get(kind, ()) if entry.get(name)}
    command = (entry.get("exec") or {}).get("command") if isinstance(entry.get("exec"), dict) else None
    if isinstance(command, str) and os.sep in command:
        # A bare name is looked for in PATH.
        resolved["exec"] = {**entry["exec"], "command": str(folder / command)}
    return {**entry, **resolved}


def _entry(merged: Json, kind: str, name: str) -> Json:
    try:
        entry: Json = merged[kind][name]
    except KeyError:
        code = Code.KUBECONFIG_CONTEXT_NOT_FOUND if kind == "context" else Code.KUBECONFIG_INVALID
        raise CommandError(f"{code}: The kubeconfig has no {kind} {name!r}.", USAGE, remedy=_CONTEXTS) from None
    return entry


def _refuse(cluster: Json, user: Json) -> None:
    fields = [f"cluster.{name}" for name in _REFUSED["cluster"] if cluster.get(name) not in (None, "", "false")]
    fields += [f"user.{name}" for name in _REFUSED["user"] if user.get(name)]
    if fields:
        details = [{"field": name, "message": "is not accepted"} for name in fields]
        message = (
            f"{Code.KUBECONFIG_REFUSED}: The kubeconfig has fields that Arcway does not accept: {', '.join(fields)}."
        )
        remedy = "Use a context with a CA, and with a token, a client certificate or an exec plug-in."
        raise CommandError(message, USAGE, remedy=remedy, details=details)


def _pem(entry: Json, name: str, read: Callable[[bytes], str]) -> str | None:
    """What a field holds in base64, or the file that the field of its name without -data has."""
    if encoded := entry.get(f"{name}-data"):
        try:
            return read(pem.from_base64(encoded))
        except ValueError:
            raise CommandError(
                f"{Code.KUBECONFIG_INVALID}: {name}-data of the kubeconfig is not PEM in base64.", USAGE
            ) from None
    return read(_bytes(entry[name])) if entry.get(name) else None


def _read(path: str) -> str:
    try:
        return decoded(_bytes(path))
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{Code.KUBECONFIG_INVALID}: {path}, named in the kubeconfig, cannot be read: {error}.", USAGE
        ) from error


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(
            f"{Code.KUBECONFIG_INVALID}: {path}, named in the kubeconfig, cannot be read: {error}.", USAGE
        ) from error


def _unreadable(path: str, why: str) -> CommandError:
    return CommandError(
        f"{Code.KUBECONFIG_INVALID}: {path} cannot be used as a kubeconfig: {why}.", USAGE, remedy=_CONTEXTS
    )
