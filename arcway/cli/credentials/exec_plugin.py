"""Runs the exec plug-in of a kubeconfig as kubectl does, on the user's machine, after showing and confirming the
command.

The protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins. What
the plug-in prints is a credential and is shown nowhere, not even in an error.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

import typer

from arcway.cli import output
from arcway.cli.client import FAILED, USAGE, CommandError
from arcway.cluster.access.plain_yaml import is_true
from arcway.domain.codes import Code
from arcway.domain.json_values import Json, read_json
from arcway.domain.secrets_held import hold
from arcway.domain.text import visible

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
LONGEST_SECONDS, _SECONDS_WITH_A_PERSON = 60.0, 300.0
_SIZE_LIMIT = 1024 * 1024
_EXTENSION = f"{_GROUP}/exec"
_CLUSTER_FIELDS = ("server", "tls-server-name", "certificate-authority-data", "disable-compression")


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential of a plug-in. Its repr contains no secret."""

    token: str | None = field(repr=False)
    certificate: str | None = field(repr=False)
    key: str | None = field(repr=False)


def run(spec: Json, cluster: Json, user_name: str, *, yes: bool) -> Credential:
    """Run the plug-in that `spec` describes, asking first unless `yes`. Raises `CommandError`."""
    version, command, interactive = _checked(spec)
    environment = {**os.environ, **_environment(spec)}
    _ask(command, sorted(_environment(spec)), user_name, yes=yes)
    exec_info: Json = {"interactive": interactive}
    if is_true(spec.get("provideClusterInfo")):
        exec_info["cluster"] = _described(cluster)
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": exec_info}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(info)
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own kubeconfig names it, and the user agreed
            command,
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # In a session of its own, one that asks could not read from the terminal.
            start_new_session=not interactive,
        )
    except OSError as error:
        hint = str(spec.get("installHint") or "").strip()
        message = f"{Code.EXEC_PLUGIN_FAILED}: {visible(command[0])} cannot be run: {error.strerror}."
        raise CommandError(message, FAILED, remedy=visible(hint) if hint else None) from error
    printed = _wait(process, _SECONDS_WITH_A_PERSON if interactive else LONGEST_SECONDS, own_session=not interactive)
    return _credential(printed, version)


def _checked(spec: Json) -> tuple[str, list[str], bool]:
    version, command, arguments = spec.get("apiVersion"), spec.get("command"), spec.get("args") or []
    if version not in _VERSIONS:
        raise _unusable(f"asks for version {visible(str(version))}, not for {' or '.join(_VERSIONS)}")
    if not isinstance(command, str) or not command:
        raise _unusable("names no command")
    if not isinstance(arguments, list) or not all(isinstance(item, str) for item in arguments):
        raise _unusable("has arguments that are not text")
    mode = spec.get("interactiveMode") or ("IfAvailable" if version.endswith("beta1") else None)
    if mode not in ("Never", "IfAvailable", "Always"):
        raise _unusable("must have an interactiveMode of Never, IfAvailable or Always")
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise _unusable("asks for input, and standard input is not a terminal")
    return version, [command, *arguments], mode != "Never" and terminal


def _environment(spec: Json) -> dict[str, str]:
    try:
        return {str(item["name"]): str(item["value"]) for item in spec.get("env") or []}
    except (TypeError, KeyError) as error:
        raise _unusable("has an env that is not a list of names and values") from error


def _ask(command: list[str], variables: list[str], user_name: str, *, yes: bool) -> None:
    """Values of variables may be secret, so that only their names are shown."""
    with_variables = f" (with {', '.join(map(visible, variables))} set)" if variables else ""
    prompt = f"The kubeconfig's user {visible(user_name)} gets its credential from a command{with_variables}:"
    output.stderr.print(f"{prompt}\n  {visible(shlex.join(command))}", markup=False)
    if yes:
        return
    if not sys.stdin.isatty():
        remedy = "Pass --yes in non-interactive sessions, once you have read the command."
        raise CommandError("Running the command requires confirmation.", USAGE, remedy=remedy)
    if not typer.confirm("Run it?", err=True):
        raise CommandError("Nothing was run.", USAGE)


def _described(cluster: Json) -> Json:
    described: Json = {name: cluster[name] for name in _CLUSTER_FIELDS if cluster.get(name)}
    if "disable-compression" in described:
        described["disable-compression"] = is_true(described["disable-compression"])
    for item in cluster.get("extensions") or []:
        if isinstance(item, dict) and item.get("name") == _EXTENSION:
            described["config"] = item.get("extension")
    return described


def _wait(process: "subprocess.Popen[bytes]", seconds: float, *, own_session: bool) -> bytes:
    """What it prints, if it ends well and in time; nothing of it stays when it does not."""
    pipe = process.stdout
    assert pipe is not None  # noqa: S101 - it was asked for
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read, args=(pipe, chunks), daemon=True)
    reader.start()
    try:
        reader.join(seconds)
        # One byte too many means that it keeps printing, and waits for a reader.
        if reader.is_alive() or sum(map(len, chunks)) > _SIZE_LIMIT:
            raise _failed(f"did not finish its output within {seconds:.0f} s and 1 MiB")
        if code := process.wait(seconds):
            raise _failed(f"exited with code {code}")
    except subprocess.TimeoutExpired:
        raise _failed(f"did not end within {seconds:.0f} s") from None
    finally:
        _end(process, own_session=own_session)
        reader.join(1)
        if not reader.is_alive():
            pipe.close()
    return b"".join(chunks)


def _read(pipe: IO[bytes], chunks: list[bytes]) -> None:
    chunks.append(pipe.read(_SIZE_LIMIT + 1))


def _end(process: "subprocess.Popen[bytes]", *, own_session: bool) -> None:
    """Children that it left behind hold the pipe open; in a session of its own they go with it."""
    try:
        if own_session and sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.poll() is None:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass  # everything in it has ended
    process.wait()


def _credential(printed: bytes, version: str) -> Credential:
    try:
        document = read_json(printed)
    except ValueError:
        raise _failed("printed something that is not JSON") from None
    if (
        not isinstance(document, dict)
        or not isinstance(status := document.get("status"), dict)
        or document.get("kind") != "ExecCredential"
    ):
        raise _failed("did not print an ExecCredential with a status")
    if document.get("apiVersion") != version:
        raise _failed(f"did not print the version {version}")
    values = [status.get(name) for name in ("token", "clientCertificateData", "clientKeyData")]
    if not all(value is None or isinstance(value, str) for value in values):
        raise _failed("printed a credential that is not text")
    token, certificate, key = (value or None for value in values)
    if bool(certificate) != bool(key) or not (token or certificate):
        raise _failed("printed neither a token nor a client certificate with its key")
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise _failed("printed a token with invalid characters")
    _check_time(status.get("expirationTimestamp"))
    hold(token, key)
    return Credential(token, certificate, key)


def _check_time(expires: object) -> None:
    if expires is None:
        return
    try:
        ended = datetime.fromisoformat(str(expires)) <= datetime.now(UTC)
    except (ValueError, TypeError):
        raise _failed("printed an expirationTimestamp that is not a time") from None
    if ended:
        raise _failed("printed a credential that has expired")


def _unusable(why: str) -> CommandError:
    return CommandError(f"{Code.EXEC_PLUGIN_FAILED}: The kubeconfig's exec plug-in {why}.", USAGE)


def _failed(why: str) -> CommandError:
    remedy = "Run the command in a terminal and fix the error that it reports; signing in again often helps."
    return CommandError(f"{Code.EXEC_PLUGIN_FAILED}: The exec plug-in {why}.", FAILED, remedy=remedy)
