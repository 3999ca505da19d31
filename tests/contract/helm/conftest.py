"""Both adapters of the Helm port against a real API server, and the charts they install.

The tests are the same for both adapters, unless their names have one.
"""

import gzip
import io
import json
import secrets
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.helm import Helm
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api, rest_client

WORKERS = 4

_OBJECTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  value: {{ .Values.value | quote }}
---
apiVersion: v1
kind: Service
metadata: {name: agents}
spec: {selector: {app: agents}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: agents}
"""
_HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: clean-up
  annotations: {"helm.sh/hook": pre-delete}
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {example.com/nobody: has-this}
      containers: [{name: main, image: "example.com/clean:1"}]
"""


def packed(version: str = "1.0.0", **templates: str) -> bytes:
    """A chart's archive."""
    files = {
        "Chart.yaml": json.dumps({"apiVersion": "v2", "name": "agents", "version": version}),
        "values.yaml": "value: none\n",
        **{f"templates/{name}.yaml": line for name, line in templates.items()},
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, line in files.items():
            entry = tarfile.TarInfo(f"agents/{name}")
            entry.size = len(line.encode())
            archive.addfile(entry, io.BytesIO(line.encode()))
    return gzip.compress(buffer.getvalue())


THREE_OBJECTS = packed(objects=_OBJECTS)
WITH_HOOK = packed(objects=_OBJECTS, hook=_HOOK)


@pytest.fixture(scope="session")
def kubeconfig(control_plane: Path) -> Json:
    """The administrator's kubeconfig of the real control plane."""
    import yaml

    document: Json = yaml.safe_load(control_plane.read_text())
    return document


@pytest.fixture(scope="session")
def access(kubeconfig: Json) -> Access:
    return read_kubeconfig(json.dumps(kubeconfig), None, allow_loopback=True)


@pytest.fixture
def api(kubeconfig: Json) -> Iterator[Api]:
    """The API with a namespace of the test's own, which is deleted afterwards."""
    namespace = f"test-{secrets.token_hex(4)}"
    with rest_client(kubeconfig) as http:
        yield Api(kubeconfig, http, namespace)
        http.delete(f"/api/v1/namespaces/{namespace}")


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Json]:
    """A simulated Azure, for its chart registry."""
    folder = tmp_path_factory.mktemp("azure")
    command = [sys.executable, "-m", "arcway_local.azure", "--dir", str(folder)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(timeout=240)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, azure: Json) -> Iterator[WorkerPool]:
    """The embedded library in worker processes."""
    pool = WorkerPool(tmp_path_factory.mktemp("library"), WORKERS, azure["caFile"])
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory, azure: Json, helm_program: Path) -> HelmProgram:
    """Helm's own client."""
    return HelmProgram(helm_program, tmp_path_factory.mktemp("program"), WORKERS, azure["caFile"])


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that is taken by a process that does not listen, so that connecting is refused."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture(params=["library", "program"])
def helm(request: pytest.FixtureRequest) -> Helm:
    """One adapter after the other."""
    result: Helm = request.getfixturevalue(request.param)
    return result
