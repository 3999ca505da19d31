"""A whole embedded stack per test process, and the handles by which a test drives it."""

import json
import os
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx
import pytest

from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.private_file import write_private
from arcway_local import processes
from arcway_local import stack as embedded
from arcway_local.stack import Options, Stack

if TYPE_CHECKING:
    from tests.e2e.signed import Signed

type Command = Callable[..., subprocess.CompletedProcess[str]]

_ROOT = Path(__file__).parents[2]
_READY_KEYS = Path(__file__).parent / "ready_keys"

_RUN_SECONDS = 240
# Looking costs the host and the tests beside this one more than it brings.
_LOOK_SECONDS = 0.1
_REMOVAL_SECONDS = 240


class Control:
    """The test controls of one simulated part."""

    def __init__(self, base: str, ca_file: str) -> None:
        self.http = httpx.Client(base_url=base, verify=ssl.create_default_context(cafile=ca_file), timeout=240)

    def put(self, path: str, body: Any) -> None:
        self.http.put(f"/control/{path}", json=body).raise_for_status()


class SimulatedCluster:
    """One simulated cluster: its kubeconfig, its objects, its controls."""

    def __init__(self, control: Control, stack: Stack) -> None:
        response = control.http.post("/control/clusters", json={})
        response.raise_for_status()
        described = response.json()
        self.name: str = described["name"]
        self.file = Path(described["kubeconfig"])
        self.kubeconfig: Json = _load(self.file)
        self._control = control
        self._stack = stack
        self.secret = self.store(json.dumps(self.kubeconfig))

    def store(self, message: str, mode: int = 0o600, prefix: str = "arcway-") -> str:
        """Put a text into the secret folder and return its name."""
        name = f"{prefix}{uuid.uuid4().hex[:12]}"
        write_private(Path(self._stack.secrets) / name, message.encode())
        (Path(self._stack.secrets) / name).chmod(mode)
        return name

    def get(self, path: str) -> Json:
        """Read from the cluster's API as its administrator."""
        cluster = self.kubeconfig["clusters"][0]["cluster"]
        token = self.kubeconfig["users"][0]["user"]["token"]
        answer = self._control.http.get(f"{cluster['server']}{path}", headers={"Authorization": f"Bearer {token}"})
        body: Json = answer.json()
        return body

    def send(self, method: str, path: str, body: Any) -> int:
        """Change something in the cluster as its administrator; returns the status."""
        cluster = self.kubeconfig["clusters"][0]["cluster"]
        token = self.kubeconfig["users"][0]["user"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return self._control.http.request(method, f"{cluster['server']}{path}", headers=headers, json=body).status_code

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use a control of this cluster."""
        answer = self._control.http.request(method, f"/control/clusters/{self.name}/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def objects(self) -> set[str]:
        """Names of everything that onboarding could leave behind."""
        collected = set()
        for path in (
            "/api/v1/namespaces",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            "/api/v1/secrets",
            "/api/v1/configmaps",
            "/apis/apps/v1/deployments",
        ):
            for item in self.get(path)["items"]:
                collected.add(f"{path}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}")
        return collected

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Until it is so: the garbage collector needs a moment."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def wait_for_objects(self, expected: set[str]) -> None:
        """Until exactly these are there: a namespace goes only after what is in it."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while (result := self.objects()) != expected:
            assert time.monotonic() < deadline, f"more: {result - expected}, fewer: {expected - result}"
            time.sleep(_LOOK_SECONDS)

    def revisions(self) -> list[str]:
        """The revisions of the agents' release."""
        items = self.get("/api/v1/namespaces/azure-arc-release/secrets")["items"]
        return sorted(item["metadata"]["name"] for item in items if item["type"] == "helm.sh/release.v1")


class Arcway:
    """The product as its users see it, with a subscription of the test's own."""

    def __init__(self, stack: Stack, azure: Control) -> None:
        self.stack = stack
        self.azure = azure
        self.patience = _RUN_SECONDS
        self.subscription = str(uuid.uuid4())
        azure.put(f"subscriptions/{self.subscription}", {})
        self.http = httpx.Client(base_url=f"{stack.url}/api", timeout=240)

    def request(self, cluster: SimulatedCluster, **changes: Any) -> Json:
        """A request for this cluster."""
        return {
            "subscriptionId": self.subscription,
            "resourceGroup": "clusters",
            "createResourceGroup": True,
            "name": f"c-{cluster.name}",
            "location": "eastus",
            "kubeconfig": {"secret": cluster.secret},
            **changes,
        }

    def start(self, body: Json, **options: Any) -> httpx.Response:
        """Start a run."""
        return self.http.post("/onboardings", json=body, **options)

    def finish(self, run_id: str) -> Json:
        """The run when it is over."""
        return self.wait_until(run_id, lambda run: bool(run["finishedAt"]), _LOOK_SECONDS)

    def wait_until(self, run_id: str, condition: Callable[[Json], bool], pause: float = 0.03) -> Json:
        """The run as soon as it meets the condition, which may not hold for long."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            run: Json = self.http.get(f"/runs/{run_id}").raise_for_status().json()
            if condition(run):
                return run
            time.sleep(pause)
        raise AssertionError(f"not met in {self.patience} s: {run}")

    def connect(self, cluster: SimulatedCluster, **changes: Any) -> Json:
        """Start a run and wait for its end."""
        answer = self.start(self.request(cluster, **changes))
        assert answer.status_code == 202, answer.text
        return self.finish(answer.json()["id"])

    def offboarding(self, cluster: SimulatedCluster, **changes: Any) -> Json:
        """A request to disconnect this cluster."""
        body = self.request(cluster)
        fields = ("subscriptionId", "resourceGroup", "name", "kubeconfig")
        return {**{key: body[key] for key in fields}, **changes}

    def disconnect(self, cluster: SimulatedCluster, **changes: Any) -> Json:
        """Start disconnecting and wait for the end."""
        answer = self.http.post("/offboardings", json=self.offboarding(cluster, **changes))
        assert answer.status_code == 202, answer.text
        return self.finish(answer.json()["id"])

    def resource(self, cluster: SimulatedCluster) -> Json | None:
        """The connected cluster in Azure, None when there is none."""
        answer = self.http.get(f"/connectedClusters/{self.subscription}/clusters/c-{cluster.name}")
        return answer.json() if answer.status_code == 200 else None

    def say(self, cluster: SimulatedCluster, connectivity: str) -> None:
        """Have Azure show that the agents of this cluster do not report any more."""
        resource_id = ClusterId(self.subscription, "clusters", f"c-{cluster.name}").resource_id
        self.azure.put("connectivity", {resource_id: connectivity})

    @property
    def management_key(self) -> dict[str, str]:
        """The header by which the engine's management API takes a call."""
        return {"x-functions-key": (Path(self.stack.secrets).parent / "management.key").read_text()}

    def arm(
        self, method: str, resource_id: str, body: Json | None = None, version: str | None = None
    ) -> httpx.Response:
        """Speak with Azure behind Arcway's back."""
        http, azure = self.azure.http, self.stack.azure
        header, query = {"X-IDENTITY-HEADER": azure["identityHeader"]}, {"resource": azure["endpoint"]}
        token = http.get("/msi/token", params=query, headers=header).json()["access_token"]
        version = version or ("2022-11-01" if "/Microsoft.KubernetesConfiguration/" in resource_id else "2026-05-01")
        url, authorization = f"{resource_id}?api-version={version}", {"Authorization": f"Bearer {token}"}
        return http.request(method, url, json=body, headers=authorization)

    def asked(self, path: str) -> list[Json]:
        """What Azure was asked about paths that contain `path` and this test's subscription."""
        body = self.azure.http.get("/control/requests").json()
        return [item for item in body if path.lower() in item["path"].lower() and self.subscription in item["path"]]


def phase(run: Json, name: str) -> Json:
    """One phase of a run."""
    result: Json = next(item for item in run["phases"] if item["name"] == name)
    return result


_plainly = processes.launch


def _launch(
    part: str, arguments: Sequence[str], folder: Path, log: Path, environment: dict[str, str]
) -> tuple[Json, int]:
    """As the stack does it, but the function app has key pairs ready: see tests/e2e/ready_keys."""
    if part == "functions":
        environment = {**environment, "PYTHONPATH": os.pathsep.join((str(_READY_KEYS), str(folder)))}
    return _plainly(part, arguments, folder, log, environment)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    state = tmp_path_factory.mktemp("stack")
    with mock.patch.object(processes, "launch", _launch):
        started = embedded.start(state, Options(clusters=0))
    yield started
    embedded.stop(state)


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Signed"]:
    """A second stack, which asks its callers to sign in."""
    from tests.e2e.signed import Signed

    state = tmp_path_factory.mktemp("signed")
    signed_under_test = Signed(embedded.start(state, Options(clusters=0, sign_in=True)))
    yield signed_under_test
    signed_under_test.close()
    embedded.stop(state)


@pytest.fixture(scope="session")
def azure_control(stack: Stack) -> Iterator[Control]:
    control = Control(stack.azure["endpoint"], stack.azure["caFile"])
    yield control
    control.http.close()


@pytest.fixture(scope="session")
def cluster_control(stack: Stack) -> Iterator[Control]:
    control = Control(stack.cluster["endpoint"], stack.cluster["caFile"])
    yield control
    control.http.close()


@pytest.fixture
def azure(azure_control: Control) -> Iterator[Control]:
    control = azure_control
    yield control
    control.put("faults", [])
    instant = {"reads": 0, "seconds": 0}
    paces = dict.fromkeys(("registration", "provisioning", "deletion", "connection"), instant)
    control.put("paces", {**paces, "heartbeat": {"seconds": 30}})
    control.put("retry-after", {"seconds": None})
    control.put("settings", {})
    control.put("provisioning-failures", {})


@pytest.fixture
def arcway(stack: Stack, azure: Control) -> Iterator[Arcway]:
    product = Arcway(stack, azure)
    yield product
    product.http.close()


@pytest.fixture
def command(stack: Stack) -> Command:
    """Runs `arcway` with these arguments; keywords are set in its environment, `timeout` is in seconds."""

    def run(*arguments: str, timeout: float = 240, **extra: str) -> subprocess.CompletedProcess[str]:
        state = str(Path(stack.secrets).parent)
        environment = {"PATH": os.defpath, "PYTHONPATH": str(_ROOT), "ARCWAY_STATE": state, "HOME": state, **extra}
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "arcway.cli", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def cluster(stack: Stack, cluster_control: Control) -> Iterator[SimulatedCluster]:
    simulated_cluster = SimulatedCluster(cluster_control, stack)
    yield simulated_cluster
    # Its agents end with this file; those of many clusters keep a machine busy.
    simulated_cluster.file.unlink(missing_ok=True)


def _load(path: Path) -> Json:
    import yaml

    document: Json = yaml.safe_load(path.read_text())
    return document
