"""One Helm worker: a process that reads requests as JSON lines, calls the embedded Helm, and writes responses.

Why a process: a Helm call can hang beyond its own time-out and can then only be killed, and the library's HOME and
SSL_CERT_FILE belong to a whole process. Secrets arrive through the pipe and are given to Helm through anonymous files
in memory. What this adapter cannot do: show progress of a call, or cancel one otherwise than by being killed.
Must not import anything that is slow or that it does not need.
"""

import base64
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from arcway.private_file import private_file

_TIMEOUT_SECONDS = 45


def main() -> None:
    """Serve until standard input ends; that also ends a call in progress, because the caller is gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the library prints must not get among the answers
    os.nice(10)  # the parent has other callers to serve in the meantime
    requests: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            requests.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    import helm_python  # noqa: F401 - loaded before the first request, it takes a while

    while True:
        answers.write(json.dumps(_answer(json.loads(requests.get()))) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from helm_python.errors import HelmError, HelmNotFoundError

    try:
        return {"ok": _OPERATIONS[request["operation"]](request)}
    except HelmNotFoundError:
        return {"missing": True}
    except HelmError as error:
        return {"failed": type(error).__name__, "message": str(error)}


def _digest_of(request: dict[str, Any]) -> str:
    from helm_python.registry import RegistryClient

    with RegistryClient() as client:
        return str(client.resolve(request["reference"])["digest"])


def _pull(request: dict[str, Any]) -> str:
    from helm_python.registry import RegistryClient

    # By digest: what a tag means may change from one request to the next.
    chart = f"oci://{request['repository']}@{request['digest']}"
    with RegistryClient() as client, tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        client.pull(chart, destination=folder)
        (archive,) = Path(folder).glob("*.tgz")
        return base64.b64encode(archive.read_bytes()).decode()


def _release(request: dict[str, Any]) -> dict[str, Any]:
    with private_file(request["kubeconfig"]) as path, _config(path, request) as config:
        # Not `status`, which asks the API server for every object of the release as well.
        revisions = config.get_all(request["name"], revision=request["revision"])
        summary = {name: revisions["summary"][name] for name in ("status", "revision", "chart_version")}
        return {**summary, "values": revisions["config"]}


def _install(request: dict[str, Any]) -> None:
    _apply("helm_install", request, create_namespace=True)


def _upgrade(request: dict[str, Any]) -> None:
    _apply("helm_upgrade", request, reset_values=True, max_history=5)


def _apply(call: str, request: dict[str, Any], **options: Any) -> None:
    """Apply a chart and make what it names the release's own.

    The Python layer hides two options: force_conflicts, without which releases made by other Helm clients cannot be
    upgraded, and take_ownership, without which an old installation's leftovers (CRDs) stop a new one.
    """
    from helm_python import _native
    from helm_python.chart import Chart

    none = _native.HANDLE(0)
    options_of_helm = {"namespace": request["namespace"], "timeout_seconds": _TIMEOUT_SECONDS, "force_conflicts": True}
    options_of_helm |= {"take_ownership": True, **options}
    with (
        private_file(request["kubeconfig"]) as path,
        _config(path, request) as config,
        Chart.load_archive(base64.b64decode(request["chart"])) as chart,
    ):
        _native.call_string(
            call,
            config._raw(),
            none,
            chart._raw(),
            None,
            request["name"],
            json.dumps(request["values"]),
            json.dumps(options_of_helm),
        )


def _roll_back(request: dict[str, Any]) -> None:
    """The Python layer hides force_conflicts here, too."""
    from helm_python import _native

    options = {"version": request["revision"], "timeout_seconds": _TIMEOUT_SECONDS, "force_conflicts": True}
    with private_file(request["kubeconfig"]) as path, _config(path, request) as config:
        _native.call_status("helm_rollback", config._raw(), request["name"], json.dumps(options))


def _uninstall(request: dict[str, Any]) -> None:
    """Without hooks: they are Jobs, which never end in a cluster whose nodes are gone."""
    from helm_python import _native

    options = {"disable_hooks": True, "timeout_seconds": _TIMEOUT_SECONDS, "ignore_not_found": True}
    with private_file(request["kubeconfig"]) as path, _config(path, request) as config:
        _native.call_string("helm_uninstall", config._raw(), request["name"], json.dumps(options))


def _config(path: str, request: dict[str, Any]) -> Any:
    from helm_python.config import Config

    return Config(kubeconfig_path=path, namespace=request["namespace"], qps=100, burst_limit=200)


def _check(_request: dict[str, Any]) -> None:
    """The library is loaded before the first request."""


_OPERATIONS = {
    "check": _check,
    "digest_of": _digest_of,
    "pull": _pull,
    "release": _release,
    "install": _install,
    "upgrade": _upgrade,
    "roll_back": _roll_back,
    "uninstall": _uninstall,
}

if __name__ == "__main__":
    main()
