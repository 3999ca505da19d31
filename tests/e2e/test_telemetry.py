"""The whole stack with `--telemetry`: a run's lines, its steps as one trace, the caller's, and the counts."""

import json
import time
from pathlib import Path

import httpx
import pytest

from arcway.domain.json_values import Json
from arcway_local import stack as embedded
from arcway_local.stack import Options

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.timeout(600)
def test_run_is_one_trace_with_lines_and_counts(tmp_path: Path) -> None:
    stack = embedded.start(tmp_path, Options(clusters=1, telemetry=True))
    try:
        body = {
            "subscriptionId": stack.azure["subscriptionId"],
            "resourceGroup": "edge",
            "createResourceGroup": True,
            "name": "shop",
            "location": "eastus",
            "kubeconfig": {"secret": "arcway-cluster-001"},
        }
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        started = httpx.post(f"{stack.url}/api/onboardings", json=body, headers=headers, timeout=240)
        run_id = started.raise_for_status().json()["id"]
        deadline = time.monotonic() + 240
        while not httpx.get(f"{stack.url}/api/runs/{run_id}", timeout=60).json()["finishedAt"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        embedded.stop(tmp_path)
    objects = [*_objects(tmp_path / "logs" / "functions.log")]
    spans = [item for item in objects if "context" in item]
    steps = {item["name"] for item in spans if item["name"].startswith("step ")}
    calls = [item for item in spans if item["name"].startswith(("GET ", "PUT "))]
    assert {"step check_cluster", "step deploy_agents", "step create_resource"} <= steps
    assert {item["context"]["trace_id"] for item in spans if item["name"] in steps} == {f"0x{TRACE}"}
    of_steps = {item["context"]["span_id"] for item in spans if item["name"] in steps}
    assert {item["context"]["trace_id"] for item in calls if item["parent_id"] in of_steps} == {f"0x{TRACE}"}
    lines = [item for item in objects if item.get("run") == run_id]
    assert [line["state"] for line in lines if line["event"] == "run"] == ["Accepted", "Succeeded"]
    assert {line["phase"] for line in lines if line["event"] == "phase"} >= {"checkCluster", "waitForMetadata"}
    of_step = {line["step"]: (line["phase"], line["outcome"]) for line in lines if line.get("phase") and "step" in line}
    assert of_step["check_cluster"] == ("checkCluster", "ok")
    assert of_step["create_resource"] == ("createResource", "ok")
    names = {
        metric["name"]
        for item in objects
        for resource in item.get("resource_metrics", ())
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    assert {"arcway.runs", "arcway.phase.duration", "arcway.step.duration", "arcway.helm.slots"} <= names


def _objects(log: Path) -> list[Json]:
    """Every JSON object of a log, wherever it stands in its line."""
    objects = []
    for line in log.read_text(errors="replace").splitlines():
        start = line.find("{")
        if start >= 0:
            try:
                value = json.loads(line[start:].partition(" [correlationId=")[0])
            except ValueError:
                continue
            if isinstance(value, dict):
                objects.append(value)
    return objects
