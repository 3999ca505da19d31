"""Unmodified Helm against the API: a small chart with every kind of object that an agents chart has."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.kubernetes_api.conftest import Api, Json

CHART = """
apiVersion: v1
kind: Namespace
metadata: {name: NS-agents, labels: {control-plane: "true"}}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: NS-agents}
data: {privateKey: {{ .Values.key | b64enc | quote }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NS-agents}
data: {VERSION: {{ .Values.version | quote }}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: links.NS.example.com}
spec:
  group: NS.example.com
  scope: Namespaced
  names: {plural: links, kind: Link, singular: link}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: NS-agents}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NS-operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: operator, namespace: NS-agents}]
{{- range list "one" "two" "three" "four" "five" "six" "seven" }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ . }}, namespace: NS-agents}
spec:
  selector: {matchLabels: {app: {{ . }}}}
  template:
    metadata: {labels: {app: {{ . }}}}
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      volumes: [{name: key, secret: {secretName: key}}]
      containers:
        - name: main
          image: example.com/agent:{{ $.Values.version }}
          volumeMounts: [{name: key, mountPath: /key}]
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: clean-up
  namespace: NS-agents
  annotations: {"helm.sh/hook": pre-delete, "helm.sh/hook-delete-policy": hook-succeeded}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "example.com/clean:1"}]
"""


class Helm:
    """A Helm worker process bound to one server."""

    def __init__(self, process: subprocess.Popen[str], chart: Path) -> None:
        self._process = process
        self._chart = chart

    def __call__(self, action: str, **arguments: Any) -> Json:
        """Run an action on the release; a failure is an answer with `error` and `message`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"action": action, "name": "agents", "chart": str(self._chart), "arguments": arguments}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture
def helm(api: Api, tmp_path: Path) -> Iterator[Helm]:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v1\nname: agents\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("key: secret\nversion: '1'\n")
    (chart / "templates" / "all.yaml").write_text(CHART.replace("NS", api.namespace))
    link = tmp_path / "helm"
    link.symlink_to(sys.executable)
    # The interpreter finds its environment by its own path, which the link hides.
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    worker = Path(__file__).with_name("helm_worker.py")
    command = [str(link), str(worker)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdin is not None
        try:
            setup = {"kubeconfig": yaml.safe_dump(api.kubeconfig), "namespace": api.namespace}
            process.stdin.write(json.dumps(setup) + "\n")
            process.stdin.flush()
            yield Helm(process, chart)
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=240)
            except subprocess.TimeoutExpired:
                process.kill()


def _leftovers(api: Api) -> list[str]:
    """What a release of the chart left: everything named after the test, and the release storage."""
    collected: list[str] = []
    for path in (
        "/api/v1/namespaces",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ):
        names = [item["metadata"]["name"] for item in api.http.get(path).json()["items"]]
        collected += [name for name in names if api.namespace in name and name != api.namespace]
    storage = api.http.get(api.path("secrets"), params={"labelSelector": "owner=helm"}).json()
    return collected + [item["metadata"]["name"] for item in storage["items"]]


def test_install_status_upgrade_and_uninstall_with_hooks(api: Api, helm: Helm) -> None:
    installed = helm("install", wait="watcher", timeout=240)
    assert "result" in installed, installed
    assert installed["result"]["status"] == "deployed"
    deployments = api.http.get(f"/apis/apps/v1/namespaces/{api.namespace}-agents/deployments").json()["items"]
    assert [item["status"].get("readyReplicas") for item in deployments] == [1] * 7

    refused = helm("install")
    assert refused["error"] == "HelmReleaseError"
    assert "in use" in refused["message"]
    assert helm("status")["result"]["revision"] == 1

    upgraded = helm("upgrade", values={"version": "2"}, wait="watcher", timeout=240)
    assert "result" in upgraded, upgraded
    assert upgraded["result"]["revision"] == 2
    first = api.http.get(f"/apis/apps/v1/namespaces/{api.namespace}-agents/deployments/one").json()
    assert first["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/agent:2"
    managers = {entry["manager"] for entry in first["metadata"]["managedFields"] if entry["operation"] == "Apply"}
    assert managers == {"helm"}

    removed = helm("uninstall", wait="watcher", timeout=240)
    assert "result" in removed, removed
    api.eventually(lambda: not _leftovers(api))
    assert helm("status")["error"] == "HelmNotFoundError"


def test_uninstall_without_hooks(api: Api, helm: Helm) -> None:
    assert "result" in helm("install")
    path = f"/apis/batch/v1/namespaces/{api.namespace}-agents/jobs"
    version = api.http.get(path).json()["metadata"]["resourceVersion"]
    assert "result" in helm("uninstall_without_hooks")
    assert [e for e in api.events(path, resourceVersion=version) if e["object"]["kind"] == "Job"] == []
    api.eventually(lambda: not _leftovers(api))


def test_install_conflicts_with_a_secret_of_another_manager(api: Api, helm: Helm) -> None:
    namespace = {"metadata": {"name": f"{api.namespace}-agents"}}
    owned = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "agents", "meta.helm.sh/release-namespace": api.namespace},
    }
    namespace["metadata"].update(owned)  # type: ignore[arg-type]
    assert api.http.post("/api/v1/namespaces", json=namespace).status_code == 201
    secret = {"metadata": {"name": "key", **owned}, "data": {"privateKey": "b3RoZXI="}}
    created = api.http.post(f"/api/v1/namespaces/{api.namespace}-agents/secrets?fieldManager=other", json=secret)
    assert created.status_code == 201
    failed = helm("install")
    assert failed["error"] == "HelmReleaseError"
    assert 'conflict with "other"' in failed["message"]
    assert "privateKey" in failed["message"]
    helm("uninstall_without_hooks")
    api.eventually(lambda: not _leftovers(api))
