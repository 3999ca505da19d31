"""Helm through its own client: one process per call, killed at the deadline. The second adapter of the port.

Values and the kubeconfig go through pipes and anonymous files in memory, never on a command line or a disk (on Linux;
elsewhere the kubeconfig is a private file for the time of a call). What this adapter cannot do: show progress, cancel
a call otherwise than by killing it, or tell errors apart but by their text. A call costs a process of about 100 MB and
0.5 s of CPU, because discovery is read again each time.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arcway.cluster.access.kubeconfig import Access, reach
from arcway.cluster.helm.chart_cache import ChartCache, ca_bundle, work_folder
from arcway.cluster.helm.forwarder import forwarding
from arcway.cluster.helm.interface import ANSWER_BYTES, CALL_SECONDS, Release, Slots, refusal
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.private_file import private_file

_TIMEOUT = "--timeout=45s"
# Without the first, releases made by other Helm clients cannot be upgraded; without the second, an old installation's
# leftovers (CRDs) stop a new one.
_OWN = ("--force-conflicts", "--take-ownership")
_NOT_ASCII = re.compile("[\x7f-\uffff]")
_DIGEST = re.compile(r"^Digest: (sha256:[0-9a-f]{64})$", re.MULTILINE)
_LATE = ("context deadline exceeded", "context canceled", "timed out")


class HelmProgram:
    """The `Helm` that calls the program at `path`. `count` is how many calls may run at once, `variables` what its
    processes get from the environment.
    """

    def __init__(
        self, path: Path, work_dir: Path, count: int, ca_file: str | None, variables: Mapping[str, str] | None = None
    ) -> None:
        self._path = path
        self._work_dir = work_dir
        self._charts = ChartCache(work_dir / "charts")
        self._ca_file = ca_bundle(work_dir, ca_file)
        self._variables = dict(variables or {})
        self._slots = Slots(count)

    def check(self) -> None:
        """See `Helm.check`."""
        self._call(("version", "--short"), Code.HELM_FAILED)

    def digest_of(self, reference: str) -> str:
        """See `Helm.digest_of`."""
        path, _, version = reference.rpartition(":")
        return self._fetch(f"oci://{path}", f"--version={version}")[0]

    def pull(self, reference: str, digest: str) -> bytes:
        """See `Helm.pull`."""
        cached = self._charts.get(digest)
        if cached is not None:
            return cached
        digest_found, archive = self._fetch(f"oci://{reference.rpartition(':')[0]}@{digest}")
        if digest_found != digest:
            raise ArcError(Code.CHART_UNAVAILABLE, f"The registry returned a chart with another digest than {digest}.")
        return archive

    def release(self, access: Access, name: str, namespace: str, revision: int | None = None) -> Release | None:
        """See `Helm.release`."""
        which = ("--output=json", f"--revision={revision or 0}")
        try:
            # Not `status`, which asks the API server for every object of the release as well.
            metadata = _told(self._on_cluster(access, namespace, "get", "metadata", name, *which))
            values = _told(self._on_cluster(access, namespace, "get", "values", name, *which) or "null")
        except _NotFoundError:
            return None
        return Release.read(metadata.get("status"), metadata.get("revision"), metadata.get("version"), values)

    def install(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """See `Helm.install`."""
        self._apply(access, namespace, chart, values, "install", name, "--create-namespace")

    def upgrade(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """See `Helm.upgrade`."""
        self._apply(access, namespace, chart, values, "upgrade", name, "--reset-values", "--history-max=5")

    def roll_back(self, access: Access, name: str, namespace: str, revision: int) -> None:
        """See `Helm.roll_back`."""
        self._on_cluster(access, namespace, "rollback", name, str(revision), "--force-conflicts", _TIMEOUT)

    def uninstall(self, access: Access, name: str, namespace: str) -> None:
        """See `Helm.uninstall`."""
        self._on_cluster(access, namespace, "uninstall", name, "--no-hooks", "--ignore-not-found", _TIMEOUT)

    def _fetch(self, chart: str, *flags: str) -> tuple[str, bytes]:
        with tempfile.TemporaryDirectory(prefix="helm-", dir=work_folder(self._work_dir)) as folder:
            arguments = ("pull", chart, *flags, f"--destination={folder}")
            match = _DIGEST.search(self._call(arguments, Code.CHART_UNAVAILABLE, home=folder))
            archives = list(Path(folder).glob("*.tgz"))
            if match is None or len(archives) != 1:
                raise ArcError(Code.CHART_UNAVAILABLE, f"Helm reported no digest for {chart}.")
            archive = archives[0].read_bytes()
        self._charts.put(match[1], archive)
        return match[1], archive

    def _apply(
        self, access: Access, namespace: str, chart: bytes, values: dict[str, Any], verb: str, name: str, *flags: str
    ) -> None:
        with tempfile.NamedTemporaryFile(suffix=".tgz", dir=work_folder(self._work_dir)) as archive:
            archive.write(chart)
            archive.flush()
            arguments = (verb, name, archive.name, "--values=-", *_OWN, "--output=json", _TIMEOUT, *flags)
            self._on_cluster(access, namespace, *arguments, stdin=_as_yaml(values))

    def _on_cluster(self, access: Access, namespace: str, *arguments: str, stdin: str = "") -> str:
        with forwarding(access.server, reach(access)) as proxy, private_file(access.as_kubeconfig(proxy)) as path:
            # The anonymous file is this process's; the program reads it by this process's number.
            visible_path = path.replace("/proc/self/", f"/proc/{os.getpid()}/")
            return self._call(
                (*arguments, f"--namespace={namespace}"), Code.HELM_FAILED, kubeconfig=visible_path, stdin=stdin
            )

    def _call(
        self, arguments: tuple[str, ...], code: Code, *, kubeconfig: str = os.devnull, stdin: str = "", home: str = ""
    ) -> str:
        work_dir = work_folder(self._work_dir)
        with self._slots.slot(arguments[0]), tempfile.TemporaryDirectory(prefix="helm-", dir=work_dir) as own:
            environment = {"HOME": home or own, "PATH": os.defpath, "KUBECONFIG": kubeconfig, "HELM_QPS": "100"}
            environment |= self._variables
            if self._ca_file:
                environment["SSL_CERT_FILE"] = self._ca_file
            try:
                completed = subprocess.run(  # noqa: S603 - the program that the setting names, no shell
                    [str(self._path), *arguments],
                    input=stdin,
                    capture_output=True,
                    env=environment,
                    timeout=CALL_SECONDS,
                    encoding="utf-8",
                    errors="replace",  # one odd byte in what a server says must not hide the rest
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                message = f"Helm {arguments[0]} did not end within {CALL_SECONDS:.0f} s and was killed."
                raise ArcError(Code.HELM_TIMEOUT, message) from error
            except OSError as error:
                raise ArcError(Code.HELM_TIMEOUT, f"{self._path} cannot be started: {error.strerror}.") from error
        if completed.returncode:
            raise _refusal(completed.stderr, arguments[0], code)
        # `pull` tells the digest on one or the other, by version.
        return completed.stdout if kubeconfig != os.devnull else completed.stdout + completed.stderr


def _as_yaml(values: dict[str, Any]) -> str:
    """The values as JSON that is YAML as well: YAML knows no pairs of surrogates, and takes some characters for ends of
    lines (https://yaml.org/spec/1.2.2/#54-line-break-characters).
    """
    document = json.dumps(values, ensure_ascii=False)
    return _NOT_ASCII.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _told(output: str) -> dict[str, Any]:
    """The JSON object that Helm printed, an empty one for null. Raises `ArcError` ARC-2027."""
    try:
        document = json.loads(output) if len(output) <= ANSWER_BYTES else ()
    except (ValueError, RecursionError):
        document = ()
    if not isinstance(document, dict | None):
        raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, "Helm returned a release that Arcway cannot use.")
    return document or {}


class _NotFoundError(Exception):
    """There is no such release."""


def _refusal(output: str, verb: str, code: Code) -> Exception:
    if "release: not found" in output:
        return _NotFoundError()
    return refusal(output, verb, code, is_late=any(words in output for words in _LATE))
