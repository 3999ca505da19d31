"""What the command line makes for one run: a ServiceAccount, its binding, a secret; none of them outlives the run."""

import base64
import json
import shlex
import uuid
from pathlib import Path

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster
from tests.e2e.test_causes import jwt
from tests.e2e.test_secrets import ProcessWatch, files_with, history

_ACCOUNTS = "/api/v1/namespaces/kube-system/serviceaccounts"
_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_PASSWORD = f"pr0xy-{uuid.uuid4()}"


class Made:
    """What the command line has made for a cluster and that still exists."""

    def __init__(self, cluster: SimulatedCluster, secrets: Path) -> None:
        self._cluster = cluster
        self._secrets = secrets

    def there(self) -> set[str]:
        objects = {
            f"{path}/{item['metadata']['name']}"
            for path in (_ACCOUNTS, _BINDINGS)
            for item in self._cluster.get(path)["items"]
            if (item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "arcway"
        }
        return objects | {path.name for path in self._secrets.glob(f"arcway-*{self._cluster.name}-*")}


@pytest.fixture
def remains(cluster: SimulatedCluster, stack: Stack) -> Made:
    return Made(cluster, Path(stack.secrets))


@pytest.fixture
def named(cluster: SimulatedCluster, arcway: Arcway) -> tuple[str, ...]:
    return ("-n", f"c-{cluster.name}", "-g", "clusters", "--subscription", arcway.subscription)


def plain(cluster: SimulatedCluster, folder: Path) -> str:
    """A kubeconfig with the administrator's token in it."""
    path = folder / "plain"
    path.write_text(json.dumps(cluster.kubeconfig))
    return str(path)


def with_plugin(kubeconfig: Json, folder: Path) -> str:
    """A kubeconfig whose user has a plug-in that prints this one's token."""
    script = folder / "get-token"
    status = {"token": kubeconfig["users"][0]["user"]["token"], "expirationTimestamp": "2999-01-01T00:00:00Z"}
    answer = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status}
    script.write_text(f'#!/bin/sh\ntest -n "$KUBERNETES_EXEC_INFO" && echo {shlex.quote(json.dumps(answer))}\n')
    script.chmod(0o700)
    plugin = {"apiVersion": answer["apiVersion"], "interactiveMode": "Never", "command": "./get-token", "args": ["now"]}
    path = folder / "config"
    users = [{"name": kubeconfig["users"][0]["name"], "user": {"exec": plugin}}]
    path.write_text(json.dumps({**kubeconfig, "users": users}))
    return str(path)


def run_of(stderr: str) -> str:
    return next(line.removeprefix("Run ") for line in stderr.splitlines() if line.startswith("Run "))


def test_a_plugins_token_stays_here_and_what_is_made_from_it_goes_with_the_run(
    command: Command, arcway: Arcway, cluster: SimulatedCluster, remains: Made, named: tuple[str, ...], tmp_path: Path
) -> None:
    token = cluster.kubeconfig["users"][0]["user"]["token"]
    connect = ("connect", *named, "-l", "eastus", "--kube-config", with_plugin(cluster.kubeconfig, tmp_path))
    prompted = command(*connect)
    assert (prompted.returncode, "get-token now" in prompted.stderr, "--yes" in prompted.stderr) == (2, True, True), (
        prompted.stderr
    )
    proxy = {"ARCWAY_PROXY_HTTPS": f"http://me:{_PASSWORD}@10.0.0.1:3128"}
    with ProcessWatch([token, _PASSWORD]) as watch:
        completed = command(*connect, "--yes", "--no-wait", "--credential-ttl", "20m", **proxy)
        assert completed.returncode == 0, completed.stderr
        run = arcway.finish(run_of(completed.stderr))
    assert (run["state"], run["leftovers"]) == ("Succeeded", []), run["error"]
    assert watch.found == set()
    cluster.wait_until(lambda: remains.there() == set())
    stored = cluster.get("/api/v1/namespaces/azure-arc/secrets/proxy-config")["data"]
    assert f"me:{_PASSWORD}@10.0.0.1" in base64.b64decode(stored["HTTPS_PROXY"]).decode()
    for secret in (token, _PASSWORD):
        assert secret not in completed.stdout + completed.stderr + json.dumps(run) + history(arcway, run["id"])
        assert files_with(Path(arcway.stack.secrets).parent, secret) == set()


def test_nothing_is_left_of_a_start_that_is_refused(
    command: Command, stack: Stack, cluster: SimulatedCluster, remains: Made, tmp_path: Path
) -> None:
    where = ("-n", f"{cluster.name}-", "-g", "clusters", "-l", "eastus")
    url = "http://me:pass@proxy:3128"
    completed = command("connect", *where, "--kube-config", plain(cluster, tmp_path), "--proxy-https", url)
    assert (completed.returncode, "name:" in completed.stderr, "ServiceAccount" in completed.stderr) == (
        2,
        True,
        True,
    ), completed.stderr
    cluster.wait_until(lambda: remains.there() == set())
    assert not (Path(stack.clusters) / f"{cluster.name}-.yaml").exists()


def test_nothing_is_left_of_one_that_cannot_be_stored(
    command: Command, cluster: SimulatedCluster, remains: Made, named: tuple[str, ...], tmp_path: Path
) -> None:
    where = ("--kube-config", plain(cluster, tmp_path), "--key-vault", "https://127.0.0.1:1")
    completed = command("check", *named, "-l", "eastus", *where, AZURE_TENANT_ID="t")
    assert (completed.returncode, "https://127.0.0.1:1" in completed.stderr) == (1, True), completed.stderr
    cluster.wait_until(lambda: remains.there() == set())


def test_a_failed_run_continues_with_the_same_command_and_not_with_its_old_credential(
    command: Command,
    arcway: Arcway,
    azure: Control,
    cluster: SimulatedCluster,
    remains: Made,
    named: tuple[str, ...],
    tmp_path: Path,
) -> None:
    resource = f"/subscriptions/{arcway.subscription}/resourceGroups/clusters"
    resource += f"/providers/Microsoft.Kubernetes/connectedClusters/c-{cluster.name}"
    azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "on purpose"}})
    connect = ("connect", *named, "-l", "eastus", "--kube-config", plain(cluster, tmp_path), "--quiet")
    failed = command(*connect)
    assert (failed.returncode, Code.PROVISIONING_FAILED in failed.stderr) == (1, True), failed.stderr
    assert ("arcway retry" in failed.stderr, "same command again" in failed.stderr) == (False, True)
    cluster.wait_until(lambda: remains.there() == set())
    azure.put("provisioning-failures", {})
    repeated = command("retry", run_of(failed.stderr), "--quiet")
    assert (
        repeated.returncode,
        Code.TEMPORARY_CREDENTIAL_GONE in repeated.stderr,
        "--kube-config" in repeated.stderr,
    ) == (
        2,
        True,
        True,
    )
    assert command(*connect).returncode == 0
    cluster.wait_until(lambda: remains.there() == set())


def test_a_credential_is_kept_when_asked_for_or_sent_as_it_is(
    command: Command, cluster: SimulatedCluster, remains: Made, named: tuple[str, ...], tmp_path: Path
) -> None:
    check = ("check", *named, "-l", "eastus", "--kube-config", plain(cluster, tmp_path))
    assert command(*check, "--credential", "as-is").returncode == 0
    assert remains.there() == set()
    assert command(*check, "--keep-credential").returncode == 0
    (secret,) = [name for name in remains.there() if "/" not in name]
    assert remains.there() == {secret, f"{_ACCOUNTS}/{secret}", f"{_BINDINGS}/{secret}"}
    assert not secret.startswith("arcway-tmp-")
    assert command("check", *named, "-l", "eastus", "--kubeconfig-secret", secret).returncode == 0


def test_a_key_vault_holds_it_for_the_time_of_the_run(
    command: Command,
    stack: Stack,
    azure: Control,
    cluster: SimulatedCluster,
    remains: Made,
    named: tuple[str, ...],
    tmp_path: Path,
) -> None:
    signed_in = {
        "AZURE_TENANT_ID": stack.azure["tenantId"],
        "AZURE_CLIENT_ID": stack.azure["commandLineClientId"],
        "AZURE_CLIENT_SECRET": stack.azure["commandLineClientSecret"],
        "AZURE_AUTHORITY_HOST": stack.azure["endpoint"],
        "ARCWAY_CA_FILE": stack.azure["caFile"],
        "ARCWAY_KEY_VAULT": stack.azure["endpoint"],
    }
    completed = command("check", *named, "-l", "eastus", "--kube-config", plain(cluster, tmp_path), **signed_in)
    assert completed.returncode == 0, completed.stderr
    requests = [
        (item["method"], item["status"])
        for item in azure.http.get("/control/requests").json()
        if f"/secrets/arcway-tmp-c-{cluster.name}-" in item["path"]
    ]
    assert ("PUT", 200) in requests
    assert requests[-1] == ("DELETE", 200)
    assert [item for item in requests if item[0] == "DELETE"] == [("DELETE", 200)]
    cluster.wait_until(lambda: remains.there() == set())


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--credential-ttl", "5m"), 2, "at least 10m"),
        (("--credential-ttl", "soon"), 2, "at least 10m"),
        (("--key-vault", "http://vault"), 2, "https://"),
        (("--proxy-https", "http://me:a@p:1", "--proxy-http", "http://p:1"), 2, "same user"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_made(
    command: Command,
    cluster: SimulatedCluster,
    remains: Made,
    named: tuple[str, ...],
    tmp_path: Path,
    options: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    completed = command("check", *named, "-l", "eastus", "--kube-config", plain(cluster, tmp_path), *options)
    assert (completed.returncode, message in completed.stderr) == (code, True), completed.stderr
    assert remains.there() == set()


def test_a_refused_token_that_is_sent_as_is_is_reported_before_anything_is_made(
    cluster: SimulatedCluster, named: tuple[str, ...], command: Command, remains: Made, tmp_path: Path
) -> None:
    spoilt = json.loads(json.dumps(cluster.kubeconfig))
    spoilt["users"][0]["user"] = {"token": jwt(sub="system:serviceaccount:ci:deployer", exp=1_700_000_000)}
    (tmp_path / "config").write_text(json.dumps(spoilt))
    completed = command(
        "connect", *named, "-l", "eastus", "--kube-config", str(tmp_path / "config"), "--credential", "as-is"
    )
    assert completed.returncode == 1, completed.stderr
    assert Code.CLUSTER_CREDENTIAL_REFUSED in completed.stderr
    assert "kubectl create token deployer -n ci" in completed.stderr
    assert "Run cluster-" not in completed.stdout + completed.stderr
    assert remains.there() == set()
