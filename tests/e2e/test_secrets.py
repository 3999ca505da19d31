"""No secret leaves the step that needs it: not into the journal, a log, a file, a process argument, or an answer."""

import base64
import json
import os
import threading
import uuid
from pathlib import Path

import httpx

from tests.e2e.conftest import Arcway, SimulatedCluster

# Not the same in each run: files that others keep in the temporary folder do not have it.
_PROXY_PASSWORD = f"pr0xy-{uuid.uuid4()}"


def test_planted_secrets_are_found_nowhere(arcway: Arcway, cluster: SimulatedCluster, tmp_path: Path) -> None:
    token = cluster.kubeconfig["users"][0]["user"]["token"]
    proxy = {
        "https": "http://10.0.0.1:3128",
        "credentials": {"secret": cluster.store(f"user:{_PROXY_PASSWORD}", prefix="arcway-proxy-")},
    }
    with ProcessWatch([token, _PROXY_PASSWORD, "PRIVATE KEY"]) as watch:
        run = arcway.connect(cluster, proxy=proxy)
    assert run["state"] == "Succeeded"
    assert watch.rounds > 3
    assert watch.found == set()
    key = _private_key(cluster)
    stored = cluster.get("/api/v1/namespaces/azure-arc/secrets/proxy-config")["data"]["HTTPS_PROXY"]
    assert _PROXY_PASSWORD in base64.b64decode(stored).decode()
    for secret in (token, _PROXY_PASSWORD, key.splitlines()[1], base64.b64encode(key.encode()).decode()[:200]):
        assert secret not in json.dumps(run)
        assert secret not in history(arcway, run["id"])
        assert files_with(Path(arcway.stack.secrets).parent, secret) == set()


def test_planted_git_credentials_are_found_nowhere(arcway: Arcway, cluster: SimulatedCluster) -> None:
    arcway.connect(cluster)
    token, key = f"t0ken-{uuid.uuid4()}", f"k3y-{uuid.uuid4()}"
    content = {"kustomizations": {"apps": {}}, "namespace": "fleet"}
    over_https = {"url": "https://git.example/a", "branch": "main", "httpsUser": "reader"}
    over_ssh = {"url": "ssh://git@git.example/a", "branch": "main"}
    sources = {"httpsKey": (token, over_https), "sshPrivateKey": (key, over_ssh)}
    place = {name: value for name, value in arcway.offboarding(cluster).items() if name != "kubeconfig"}
    state = Path(arcway.stack.secrets).parent
    with ProcessWatch([token, key]) as watch:
        runs = []
        for setting, (secret, repository) in sources.items():
            protected = {setting: {"secret": cluster.store(secret, prefix="arcway-git-")}}
            configuration = {**content, "name": setting.lower(), "gitRepository": repository}
            body = {**place, "configuration": {**configuration, "protectedSettings": protected}}
            run_id = arcway.http.post("/gitops", json=body).raise_for_status().json()["id"]
            runs.append(arcway.finish(run_id))
            journal = history(arcway, run_id, step="apply_configuration")
            for form in (secret, base64.b64encode(secret.encode()).decode()[:32]):
                assert form not in journal
                assert form not in json.dumps(runs)
                # The simulated Azure stores what it was sent, as Azure does.
                elsewhere = {path for path in files_with(state, form) if not path.startswith(f"{state}/azure/")}
                assert elsewhere == set()
            # The agents have it, so it was sent.
            names = cluster.get("/api/v1/namespaces/fleet/secrets")["items"]
            values = [base64.b64decode(value) for item in names for value in item.get("data", {}).values()]
            assert any(secret.encode() in value for value in values)
    assert [run["state"] for run in runs] == ["Succeeded", "Succeeded"]
    assert (watch.rounds > 3, watch.found) == (True, set())


def test_protected_setting_of_an_extension_reaches_azure_alone(arcway: Arcway, cluster: SimulatedCluster) -> None:
    assert arcway.connect(cluster)["state"] == "Succeeded"
    value = f"pr0tected-{uuid.uuid4()}"
    protected = {"key": {"secret": cluster.store(value, prefix="arcway-extension-")}}
    extension = {"name": "flux", "type": "microsoft.flux", "protectedSettings": protected}
    with ProcessWatch([value]) as watch:
        accepted = arcway.http.post("/extensions", json=arcway.offboarding(cluster, extension=extension))
        run = arcway.finish(accepted.raise_for_status().json()["id"])
    assert run["state"] == "Succeeded", run["error"]
    assert watch.found == set()
    shown = arcway.http.get(f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/extensions").text
    assert '"key"' in shown
    for document in (json.dumps(run), history(arcway, run["id"], "apply_extension"), shown):
        assert value not in document
    # Azure and the cluster are meant to have it.
    files = {Path(path).name for path in files_with(Path(arcway.stack.secrets).parent, value)}
    assert files <= {"azure.db", "azure.db-wal"}


def history(arcway: Arcway, run_id: str, step: str = "ensure_key_pair") -> str:
    """Everything the engine keeps of the run, `step` among it: input, output, custom status, events with their data."""
    instance = run_id.partition(".")[0]
    url = f"{arcway.stack.url}/runtime/webhooks/durabletask/instances/{instance}"
    query = {"showInput": "true", "showHistory": "true", "showHistoryOutput": "true"}
    content = httpx.get(url, params=query, headers=arcway.management_key).raise_for_status().text
    assert "historyEvents" in content
    assert step in content
    return content


def _private_key(cluster: SimulatedCluster) -> str:
    secret = cluster.get("/api/v1/namespaces/azure-arc/secrets/azure-arc-connect-privatekey")
    return base64.b64decode(secret["data"]["privateKey"]).decode()


def files_with(state: Path, message: str) -> set[str]:
    """Files outside the two folders that are meant to hold credentials (0600, checked elsewhere)."""
    collected = set()
    for folder in (state, Path("/tmp")):
        for path in folder.rglob("*") if folder == state else folder.glob("*"):
            readable = path.is_file() and path.parent.name not in ("secrets", "clusters") and os.access(path, os.R_OK)
            if readable and message.encode() in path.read_bytes():
                collected.add(str(path))
    return collected


class ProcessWatch:
    """Reads every process's arguments as long as it lasts."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.found: set[str] = set()
        self.rounds = 0

    def __enter__(self) -> "ProcessWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.rounds += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    arguments = path.read_bytes()
                except OSError:
                    continue
                if any(secret in arguments for secret in self._secrets):
                    self.found.add(arguments.decode(errors="replace"))
