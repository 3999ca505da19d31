"""The chart for Kubernetes and the image: linted by Helm, and taken by a real API server in a strict dry run."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from arcway.settings import read_settings
from tests.contract.kubernetes_api.conftest import rest_client

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "arcway"
VALUES: dict[str, Any] = {
    "image": "registry.example/arcway:0.1.0",
    "identity": {
        "clientId": "3f2504e0-4f89-41d3-9a0c-0305e82c3303",
        "tenantId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    },
    "api": {
        "clientId": "3f2504e0-4f89-41d3-9a0c-0305e82c3302",
        "tenantId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    },
    "database": {"secretName": "arcway-database"},
    "storageAccount": "starcway",
    "vaults": "https://tmp.vault.azure.net,https://main.vault.azure.net",
    "serviceBus": {"namespace": "arcway.servicebus.windows.net"},
    "settings": {"ARCWAY_REGISTRIES": "mcr.microsoft.com"},
}
WITHOUT_KEDA = {**VALUES, "scaling": {"enabled": False}}


def helm(program: Path, home: Path, verb: str, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    file = home / "values.json"
    file.write_text(json.dumps(values))
    name = ("arcway",) if verb == "template" else ()
    return subprocess.run(
        [str(program), verb, *name, str(CHART), "--namespace", "default", "--values", str(file)],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.defpath},
        timeout=60,
        check=False,
    )


def rendered(program: Path, home: Path, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The manifests by kind."""
    completed = helm(program, home, "template", values)
    assert completed.returncode == 0, completed.stderr
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(completed.stdout) if manifest}


def test_chart_has_no_complaints(helm_program: Path, tmp_path: Path) -> None:
    completed = helm(helm_program, tmp_path, "lint", VALUES)
    assert completed.returncode == 0, completed.stdout
    assert "[WARNING]" not in completed.stdout + completed.stderr


@pytest.mark.parametrize("missing", ["image", "database", "vaults", "storageAccount"])
def test_value_that_is_missing_is_named(helm_program: Path, tmp_path: Path, missing: str) -> None:
    values = {name: value for name, value in VALUES.items() if name != missing}
    completed = helm(helm_program, tmp_path, "template", values)
    assert completed.returncode != 0
    assert missing in completed.stderr


def test_value_that_is_misspelt_is_named(helm_program: Path, tmp_path: Path) -> None:
    completed = helm(helm_program, tmp_path, "template", {**VALUES, "helmWorker": 3})
    assert completed.returncode != 0
    assert "helmWorker" in completed.stderr


@pytest.mark.parametrize("values", [VALUES, WITHOUT_KEDA], ids=["keda", "fixed"])
def test_api_server_takes_every_manifest(
    helm_program: Path, control_plane: Path, tmp_path: Path, values: dict[str, Any]
) -> None:
    """Strictly: a field that is not in its schema is refused. There is no schema of KEDA here; see below."""
    manifests = rendered(helm_program, tmp_path, values)
    checked = []
    with rest_client(yaml.safe_load(control_plane.read_text())) as client:
        for kind, manifest in manifests.items():
            if manifest["apiVersion"].startswith("keda.sh/"):
                continue
            group = "api/v1" if manifest["apiVersion"] == "v1" else f"apis/{manifest['apiVersion']}"
            path = f"/{group}/namespaces/default/{kind.lower()}s"
            response = client.post(path, json=manifest, params={"dryRun": "All", "fieldValidation": "Strict"})
            assert response.status_code == 201, response.text
            checked.append(kind)
    assert set(checked) == {"ServiceAccount", "ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}


def test_typo_in_a_manifest_is_refused(helm_program: Path, control_plane: Path, tmp_path: Path) -> None:
    deployment = rendered(helm_program, tmp_path, VALUES)["Deployment"]
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    with rest_client(yaml.safe_load(control_plane.read_text())) as client:
        response = client.post(
            "/apis/apps/v1/namespaces/default/deployments",
            json=deployment,
            params={"dryRun": "All", "fieldValidation": "Strict"},
        )
    assert response.status_code == 400


def test_scaling_is_by_the_figures_of_host_json(helm_program: Path, tmp_path: Path) -> None:
    scaled = rendered(helm_program, tmp_path, VALUES)["ScaledObject"]
    durable = json.loads((ROOT / "infra" / "host.mssql.json").read_text())["extensions"]["durableTask"]
    figures = (durable["maxConcurrentOrchestratorFunctions"], durable["maxConcurrentActivityFunctions"])
    (trigger,) = scaled["spec"]["triggers"]
    assert set(scaled["spec"]) == {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"}
    assert trigger == {
        "type": "mssql",
        "metadata": {
            "connectionStringFromEnv": durable["storageProvider"]["connectionStringName"],
            "query": f"SELECT dt.GetScaleRecommendation({figures[0]}, {figures[1]})",
            "targetValue": "1",
        },
    }


def test_fixed_number_of_instances_needs_no_keda(helm_program: Path, tmp_path: Path) -> None:
    manifests = rendered(helm_program, tmp_path, WITHOUT_KEDA)
    assert "ScaledObject" not in manifests
    assert manifests["Deployment"]["spec"]["replicas"] == 2
    assert "replicas" not in rendered(helm_program, tmp_path, VALUES)["Deployment"]["spec"]


def test_app_reads_the_settings_of_the_chart(helm_program: Path, tmp_path: Path) -> None:
    manifests = rendered(helm_program, tmp_path, VALUES)
    webhook = {
        "AZURE_CLIENT_ID": VALUES["identity"]["clientId"],
        "AZURE_TENANT_ID": VALUES["identity"]["tenantId"],
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
    }
    settings = read_settings({**manifests["ConfigMap"]["data"], **webhook})
    assert settings.identity.token_file is not None
    assert (settings.helm_workers, settings.publishes, settings.local) == (4, True, False)
    annotations = manifests["ServiceAccount"]["metadata"]["annotations"]
    assert annotations["azure.workload.identity/client-id"] == VALUES["identity"]["clientId"]
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"


def test_no_secret_is_in_a_manifest(helm_program: Path, tmp_path: Path) -> None:
    manifests = rendered(helm_program, tmp_path, VALUES)
    assert "Secret" not in manifests
    (variable,) = manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "arcway-database", "key": "SQLDB_Connection"}


def test_image_is_the_package_on_the_functions_base() -> None:
    lines = (ROOT / "Dockerfile").read_text()
    assert "FROM mcr.microsoft.com/azure-functions/python:4-python3.13\n" in lines
    assert "COPY .package/app/ /home/site/wwwroot/\n" in lines
    port = re.search(r"^EXPOSE (\d+)$", lines, re.MULTILINE)
    assert port is not None
    assert f"ASPNETCORE_URLS=http://+:{port[1]}" in lines
    assert f"containerPort: {port[1]}" in (CHART / "templates" / "deployment.yaml").read_text()
    assert (ROOT / ".dockerignore").read_text().splitlines() == ["*", "!.package/app"]
