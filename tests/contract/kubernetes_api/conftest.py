"""The API server under test, as a kubeconfig and a REST helper: a simulated cluster, then a real control plane.

The tests are the same for both.
"""

import base64
import json
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from arcway.domain.json_values import Json

DEADLINE_SECONDS = 240.0


@dataclass(frozen=True)
class Api:
    """A server to talk to: `kubeconfig` for client libraries, `http` (relative paths) for the bare protocol."""

    kubeconfig: Json
    http: httpx.Client
    namespace: str

    @property
    def tls(self) -> ssl.SSLContext:
        """Trust in the server, and no client certificate."""
        return ssl.create_default_context(cadata=_authority(self.kubeconfig))

    def with_token(self, token: str) -> httpx.Client:
        """A client that has nothing but a token: a client certificate would count before it."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.http.base_url, verify=self.tls, headers=headers, timeout=240, trust_env=False)

    def limited(self, rules: list[Json]) -> httpx.Client:
        """A client as a new ServiceAccount `limited`, which may do what the rules say in the test's namespace."""
        rbac = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": "limited", "namespace": self.namespace}
        role = {"apiGroup": rbac, "kind": "Role", "name": "limited"}
        for path, body in (
            (self.path("serviceaccounts"), {}),
            (self.path("roles", group=rbac), {"rules": rules}),
            (self.path("rolebindings", group=rbac), {"roleRef": role, "subjects": [subject]}),
        ):
            response = self.http.post(path, json={"metadata": {"name": "limited"}, **body})
            assert response.status_code == 201, response.text
        request = {"spec": {"expirationSeconds": 600}}
        token = self.http.post(self.path("serviceaccounts", "limited/token"), json=request).json()["status"]["token"]
        return self.with_token(token)

    def path(self, plural: str, name: str = "", *, group: str = "", version: str = "v1") -> str:
        """The path of a resource in the test's namespace."""
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def apply(self, path: str, body: Json, manager: str, **query: str) -> httpx.Response:
        """Server-side apply."""
        return self.http.patch(
            path,
            content=json.dumps(body),
            params={"fieldManager": manager, **query},
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def patch(self, path: str, body: object, kind: str, **query: str) -> httpx.Response:
        """A patch of a kind: merge-patch, strategic-merge-patch or json-patch."""
        headers = {"Content-Type": f"application/{kind}+json"}
        return self.http.patch(path, content=json.dumps(body), params=query, headers=headers)

    def events(self, path: str, **query: str) -> list[Json]:
        """All events of a watch that ends by its timeoutSeconds."""
        parameters = {"watch": "true", "timeoutSeconds": "1", **query}
        with self.http.stream("GET", path, params=parameters) as response:
            assert response.status_code == 200, response.read()
            return [json.loads(line) for line in response.iter_lines()]

    def eventually[T](self, look: Callable[[], T]) -> T:
        """The first true result of look; fails after a deadline."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        never = threading.Event()
        while not (result := look()):
            assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s"
            never.wait(0.05)
        return result


def _authority(kubeconfig: Json) -> str:
    encoded: str = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    return base64.b64decode(encoded).decode()


def rest_client(kubeconfig: Json) -> httpx.Client:
    """A client for the kubeconfig's current context (embedded authority, token or client certificate)."""
    context = next(c["context"] for c in kubeconfig["contexts"] if c["name"] == kubeconfig["current-context"])
    cluster = next(c["cluster"] for c in kubeconfig["clusters"] if c["name"] == context["cluster"])
    user = next(u["user"] for u in kubeconfig["users"] if u["name"] == context["user"])
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-key-data", "client-certificate-data"):
                file.write(base64.b64decode(user[part]))
            file.flush()
            tls.load_cert_chain(file.name)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return httpx.Client(base_url=cluster["server"], verify=tls, headers=headers, timeout=240, trust_env=False)


def define_links(api: Api) -> str:
    """Define a custom resource `links` in a group of the test's own; returns the path of its objects."""
    group = f"{api.namespace}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "links", "kind": "Link", "singular": "link"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    response = api.http.post(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json={"metadata": {"name": f"links.{group}"}, "spec": spec},
    )
    assert response.status_code == 201, response.text
    path = api.path("links", group=group)
    api.eventually(lambda: api.http.get(path).status_code == 200)
    return path


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Json]:
    """The kubeconfig of a simulated cluster of our own."""
    directory = tmp_path_factory.mktemp("clusters")
    command = [sys.executable, "-W", "error", "-m", "arcway_local.cluster", "--count", "1", "--dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3], text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield yaml.safe_load(Path(ready["kubeconfigs"][0]).read_text())
        finally:
            process.terminate()
            process.wait(timeout=240)


@pytest.fixture(scope="session")
def real(control_plane: Path) -> Json:
    """The kubeconfig of a real control plane."""
    document: Json = yaml.safe_load(control_plane.read_text())
    return document


@pytest.fixture(params=["simulated", "real"])
def kubeconfig(request: pytest.FixtureRequest) -> Json:
    """One kubeconfig after the other: where the two differ, the simulated one is wrong."""
    result: Json = request.getfixturevalue(request.param)
    return result


@pytest.fixture
def api(kubeconfig: Json) -> Iterator[Api]:
    """A server with an empty namespace of the test's own, which is deleted afterwards."""
    namespace = f"test-{secrets.token_hex(4)}"
    with rest_client(kubeconfig) as http:
        created = http.post("/api/v1/namespaces", json={"metadata": {"name": namespace}})
        assert created.status_code == 201, created.text
        yield Api(kubeconfig, http, namespace)
        http.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/links.{namespace}.example.com")
        http.delete(f"/api/v1/namespaces/{namespace}")
