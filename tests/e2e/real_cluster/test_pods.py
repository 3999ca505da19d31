"""What a real scheduler and controllers say of pods that fail, and that Arcway names the failure by the pod."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arcway.cluster.access.api import ClusterApi, open_cluster
from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.agents import health
from arcway.cluster.agents.health import Workloads
from arcway.cluster.agents.pod_failures import Hindrance
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api, rest_client
from tests.e2e.real_cluster.conftest import RealCluster

# As in the neighbouring files: a busy control plane is slow to clean up.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def api(control_plane: Path) -> Iterator[Api]:
    import yaml

    kubeconfig: Json = yaml.safe_load(control_plane.read_text())
    with rest_client(kubeconfig) as http:
        namespace = f"test-{secrets.token_hex(4)}"
        assert http.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).status_code == 201
        yield Api(kubeconfig, http, namespace)
        http.delete(f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def product(control_plane: Path) -> Iterator[ClusterApi]:
    with open_cluster(read_kubeconfig(control_plane.read_text(), None, allow_loopback=True)) as opened:
        yield opened


def _deploy(api: Api, *, annotations: Json | None = None, **pod: object) -> None:
    labels = {"app": "agent"}
    spec = {"containers": [{"name": "main", "image": "example.com/agent:1"}]} | pod
    template = {"metadata": {"labels": labels, "annotations": annotations or {}}, "spec": spec}
    body = {"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    assert api.http.post(api.path("deployments", group="apps"), json=body).status_code == 201


def _judged(api: Api, product: ClusterApi, *, later: float = 0.0) -> health.Verdict:
    deployments = product.items(api.path("deployments", group="apps"))
    pods = product.items(api.path("pods"))
    now = datetime.now(UTC) + timedelta(seconds=later)
    return health.assess(Workloads(deployments, pods), identity_issued=False, now=now)


def _hindrance(api: Api, product: ClusterApi, *, later: float = 0.0) -> Hindrance:
    result = api.eventually(
        lambda: (observed := _judged(api, product, later=later).hindrance) and observed.settled and observed
    )
    assert isinstance(result, Hindrance)
    assert not result.final
    return result


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ("imagePull", Code.IMAGE_PULL_FAILED, "example.com/agent:1"),
        ("crashLoop", Code.CRASH_LOOP, "Container main of pod agent-"),
    ],
)
def test_failing_containers(api: Api, product: ClusterApi, outcome: str, code: str, words: str) -> None:
    _deploy(api, annotations={"arcway.local/outcome": outcome})
    failure = _hindrance(api, product).error
    assert failure.code == code
    assert words in failure.message


def test_the_last_line_of_a_crashing_container_is_reported_without_its_secrets(
    cluster: RealCluster, product: ClusterApi
) -> None:
    assert cluster.send("POST", "/api/v1/namespaces", {"metadata": {"name": "azure-arc"}}) == 201
    _deploy(Api(cluster.kubeconfig, cluster.http, "azure-arc"), annotations={"arcway.local/outcome": "crashLoop"})

    def look() -> ArcError | None:
        try:
            health.check_health(product, identity_issued=True, fail_fast=True)
        except ArcError as error:
            return error
        return None

    failure = cluster.eventually(look)
    assert failure
    assert failure.code == Code.CRASH_LOOP
    assert failure.message.endswith("Last log line: panic: cannot reach https://[redacted]proxy.example:3128")


_TOO_BIG = {"name": "main", "image": "i:1", "resources": {"requests": {"cpu": "1000"}}}


@pytest.mark.parametrize(
    "pod",
    [{"nodeSelector": {"example.com/nobody": "has-this"}}, {"containers": [_TOO_BIG]}],
    ids=["no such node", "too big"],
)
def test_a_pod_that_fits_nowhere(api: Api, product: ClusterApi, pod: Json) -> None:
    _deploy(api, **pod)
    failure = _hindrance(api, product, later=61).error
    assert failure.code == Code.POD_UNSCHEDULABLE
    assert "0/2 nodes are available" in failure.message


def test_a_pod_that_waits_for_its_certificate_is_waiting_and_not_failing(api: Api, product: ClusterApi) -> None:
    _deploy(api, volumes=[{"name": "identity", "secret": {"secretName": "azure-identity-certificate"}}])
    verdict = api.eventually(lambda: (result := _judged(api, product)).done and result)
    assert verdict
    assert verdict.detail == "0 of 1 Deployment ready; 1 waiting for its identity certificate"
    created = {"metadata": {"name": "azure-identity-certificate"}, "stringData": {"tls.crt": "x"}}
    assert api.http.post(api.path("secrets"), json=created).status_code == 201
    api.eventually(lambda: _judged(api, product).detail == "1 of 1 Deployment ready")


_SCRIPT = """kubectl delete crd gitconfigs.clusterconfig.azure.com --ignore-not-found
# What is "stuck": loses its finalizers, 'quoted' \\ and not
kubectl get crd -o=json | kubectl patch --type=merge -f - -p '{"metadata":{"finalizers":[]}}'

  indented: yes
"""


def test_a_job_whose_argument_has_many_lines_completes(api: Api) -> None:
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "i:1", "command": ["/bin/bash"], "args": ["-c", _SCRIPT, "-", ""]}],
    }
    job = {"metadata": {"name": "clean-up"}, "spec": {"template": {"spec": pod}}}
    assert api.http.post(api.path("jobs", group="batch"), json=job).status_code == 201
    path = api.path("jobs", "clean-up", group="batch")
    assert api.eventually(lambda: api.http.get(path).json()["status"].get("succeeded") == 1)
