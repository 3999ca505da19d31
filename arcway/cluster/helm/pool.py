"""A few Helm workers: started when first needed, used again, killed at the deadline of a call.

Each has a HOME of its own and is started through a link named `helm`, because Helm takes its name among field
managers from the program's name (one name keeps releases made by Helm's own client upgradable).
"""

import atexit
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from arcway.cluster.access.kubeconfig import Access, reach
from arcway.cluster.helm.chart_cache import ChartCache, ca_bundle, checked_digest, work_folder
from arcway.cluster.helm.forwarder import forwarding
from arcway.cluster.helm.interface import ANSWER_BYTES, CALL_SECONDS, Release, Slots, refusal
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact

# Every call leaves some memory behind in the library, whose clients are made for programs that end.
_CALLS_LIMIT = 200
# Of what a worker wrote to its standard error.
_LAST_LINES, _LINE_BYTES = 5, 4096
# Of the library's Go runtime. One call at a time needs one thread that runs Go. Its heap may grow to five times its
# size, but to 256 MiB at most, before it is collected: that spares a fifth of a call's CPU.
_GO_RUNTIME = {"GOMAXPROCS": "1", "GOGC": "400", "GOMEMLIMIT": "256MiB"}


class Worker:
    """One process and the pipe to it."""

    def __init__(self, work_dir: Path, ca_file: str | None, variables: Mapping[str, str]) -> None:
        self.calls = 0
        self._home = Path(tempfile.mkdtemp(prefix="helm-", dir=work_folder(work_dir)))
        program = self._home / "helm"
        program.symlink_to(Path(sys.executable).resolve())
        environment = {
            "HOME": str(self._home),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            "PYTHONSAFEPATH": "1",
            **_GO_RUNTIME,
            **variables,
        }
        if ca_file:
            environment["SSL_CERT_FILE"] = ca_file
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [str(program), "-m", "arcway.cluster.helm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        # Read all the time: a worker that writes into a full pipe would stand still.
        self._reader = threading.Thread(target=self._read_errors, name="helm-stderr", daemon=True)
        self._reader.start()

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises TimeoutError at the deadline, EOFError if the worker died, `ValueError` if its answer cannot be read.
        """
        deadline = time.monotonic() + seconds
        self.calls += 1
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        data = b""
        source = self._answers.fileno()
        while not data.endswith(b"\n"):
            readable, _, _ = select.select([source], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise TimeoutError
            chunk = os.read(source, 1 << 20)
            if not chunk:
                raise EOFError
            data += chunk
            if len(data) > ANSWER_BYTES:
                raise ValueError("the response is too large")
        # Helm keeps 9 MB of discovery per API server; the next call is most likely for another one. The charts that it
        # keeps are in our own cache, which checks them.
        for name in (".kube", ".cache"):
            shutil.rmtree(self._home / name, ignore_errors=True)
        try:
            answer: dict[str, Any] = json.loads(data)
        except RecursionError as error:
            raise ValueError("the response is nested too deeply") from error
        return answer

    def _read_errors(self) -> None:
        with cast("IO[bytes]", self._process.stderr) as stream:
            is_start = True
            while line := stream.readline(_LINE_BYTES):
                is_end = line.endswith(b"\n")
                # Without part of a line: half of a secret would not be recognized.
                if is_start and is_end:
                    self._lines.append(line.strip())
                is_start = is_end

    def last_lines(self) -> str:
        """What a worker that died wrote to its standard error, the last line first, redacted; empty for nothing."""
        self._reader.join(timeout=1.0)
        return redact(" | ".join(line.decode(errors="replace") for line in reversed(self._lines.copy()) if line), 300)

    def kill(self) -> None:
        """Kill the process; a caller that waits for its answer sees its end."""
        self._process.kill()

    def stop(self) -> None:
        """Kill the process and remove its folder; no caller may be waiting for its answer."""
        self.kill()
        with suppress(BrokenPipeError):  # what was not sent yet is of no use any more
            self._requests.close()
        self._answers.close()
        self._process.wait()
        self._reader.join(timeout=1.0)
        shutil.rmtree(self._home, ignore_errors=True)


class WorkerPool:
    """The `Helm` that works through the embedded library. `count` is how many calls may run at once,
    `variables` what its processes get from the environment.
    """

    def __init__(
        self, work_dir: Path, count: int, ca_file: str | None, variables: Mapping[str, str] | None = None
    ) -> None:
        self._work_dir = work_dir
        self._charts = ChartCache(work_dir / "charts")
        self._ca_file = ca_bundle(work_dir, ca_file)
        self._variables = dict(variables or {})
        self._slots = Slots(count)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._closed = False
        atexit.register(self.close)

    def close(self) -> None:
        """Stop all workers permanently; a call in progress ends with ARC-5004, and its caller removes the worker."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for worker in self._workers.difference(idle):
                worker.kill()
            self._workers.difference_update(idle)
        for worker in idle:
            worker.stop()

    def check(self) -> None:
        """See `Helm.check`."""
        self._call({"operation": "check"}, Code.HELM_FAILED)

    def digest_of(self, reference: str) -> str:
        """See `Helm.digest_of`."""
        return checked_digest(
            str(self._call({"operation": "digest_of", "reference": reference}, Code.CHART_UNAVAILABLE))
        )

    def pull(self, reference: str, digest: str) -> bytes:
        """See `Helm.pull`."""
        archive = self._charts.get(digest)
        if archive is not None:
            return archive
        request = {"operation": "pull", "repository": reference.rpartition(":")[0], "digest": digest}
        data = base64.b64decode(self._call(request, Code.CHART_UNAVAILABLE))
        self._charts.put(digest, data)
        return data

    def release(self, access: Access, name: str, namespace: str, revision: int | None = None) -> Release | None:
        """See `Helm.release`."""
        document = self._on_cluster("release", access, name, namespace, revision=revision)
        if document is None:
            return None
        return Release.read(document["status"], document["revision"], document["chart_version"], document["values"])

    def install(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """See `Helm.install`."""
        self._on_cluster("install", access, name, namespace, chart=base64.b64encode(chart).decode(), values=values)

    def upgrade(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """See `Helm.upgrade`."""
        self._on_cluster("upgrade", access, name, namespace, chart=base64.b64encode(chart).decode(), values=values)

    def roll_back(self, access: Access, name: str, namespace: str, revision: int) -> None:
        """See `Helm.roll_back`."""
        self._on_cluster("roll_back", access, name, namespace, revision=revision)

    def uninstall(self, access: Access, name: str, namespace: str) -> None:
        """See `Helm.uninstall`."""
        self._on_cluster("uninstall", access, name, namespace)

    def _on_cluster(self, operation: str, access: Access, name: str, namespace: str, **extra: Any) -> Any:
        with forwarding(access.server, reach(access)) as proxy:
            request = {"operation": operation, "kubeconfig": access.as_kubeconfig(proxy)}
            return self._call({**request, "name": name, "namespace": namespace, **extra}, Code.HELM_FAILED)

    def _call(self, request: dict[str, Any], code: Code) -> Any:
        with self._slots.slot(request["operation"]):
            worker = self._take(request["operation"])
            try:
                answer = worker.ask(request, CALL_SECONDS)
            except TimeoutError as error:
                self._drop(worker)
                message = f"Helm {request['operation']} did not end within {CALL_SECONDS:.0f} s and was killed."
                raise ArcError(Code.HELM_TIMEOUT, message) from error
            except EOFError as error:
                reason = worker.last_lines()
                self._drop(worker)
                message = f"The Helm worker died during {request['operation']}{f': {reason}' if reason else '.'}"
                raise ArcError(Code.HELM_TIMEOUT, message) from error
            except ValueError as error:
                self._drop(worker)
                raise ArcError(
                    Code.KUBERNETES_RESPONSE_INVALID,
                    f"Helm {request['operation']} returned data that Arcway cannot use.",
                ) from error
            self._give_back(worker)
        if "failed" in answer:
            is_late = answer["failed"] == "HelmCancelledError"
            raise refusal(answer["message"], request["operation"], code, is_late=is_late)
        return answer.get("ok")

    def _take(self, operation: str) -> Worker:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle and idle.calls < _CALLS_LIMIT:
            return idle
        if idle:
            self._drop(idle)
        worker = Worker(self._work_dir, self._ca_file, self._variables)
        with self._lock:
            if not self._closed:
                self._workers.add(worker)
                return worker
        worker.stop()
        raise ArcError(Code.HELM_TIMEOUT, f"Helm was stopped before {operation}.")

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        self._drop(worker)

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._workers.discard(worker)
        worker.stop()
