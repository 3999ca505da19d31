"""The STATUS and READY columns as kubectl computes them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcway.cluster.agents.agent_status import pod_row

NOW = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)


def container(name: str = "a", *, ready: bool = False, restarts: int = 0, **state: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


RUNNING = container(ready=True, running={})
DONE = container(terminated={"exitCode": 0, "reason": "Completed"})
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("Running", "1/1", {}, {"phase": "Running", "containerStatuses": [RUNNING]}),
    ("Pending", "0/1", {}, {"phase": "Pending"}),
    ("ContainerCreating", "0/1", {}, {"containerStatuses": [container(waiting={"reason": "ContainerCreating"})]}),
    ("Completed", "0/1", {}, {"phase": "Succeeded", "containerStatuses": [DONE]}),
    ("NotReady", "1/1", {}, {"phase": "Running", "containerStatuses": [DONE, RUNNING]}),
    ("ExitCode:3", "0/1", {}, {"containerStatuses": [container(terminated={"exitCode": 3})]}),
    ("Signal:9", "0/1", {}, {"containerStatuses": [container(terminated={"exitCode": 1, "signal": 9})]}),
    ("Evicted", "0/1", {}, {"phase": "Failed", "reason": "Evicted"}),
    ("Init:0/2", "0/1", {"initContainers": [{"name": "i"}, {"name": "j"}]}, {
        "initContainerStatuses": [container("i", running={}), container("j", waiting={"reason": "PodInitializing"})],
        "containerStatuses": [container(waiting={"reason": "PodInitializing"})],
    }),
    ("Init:CrashLoopBackOff", "0/1", {"initContainers": [{"name": "i"}]}, {
        "initContainerStatuses": [container("i", restarts=2, waiting={"reason": "CrashLoopBackOff"})],
    }),
    ("Init:Error", "0/1", {"initContainers": [{"name": "i"}]}, {
        "initContainerStatuses": [container("i", terminated={"exitCode": 1, "reason": "Error"})],
    }),
    ("Running", "1/1", {"initContainers": [{"name": "i"}]}, {
        "phase": "Running",
        "initContainerStatuses": [container("i", terminated={"exitCode": 0})],
        "containerStatuses": [RUNNING],
    }),
]  # fmt: skip


@pytest.mark.parametrize(("status", "ready", "spec", "pod_status_fields"), CASES)
def test_columns_of_a_pod(status: str, ready: str, spec: dict[str, Any], pod_status_fields: dict[str, Any]) -> None:
    metadata = {"name": "p", "creationTimestamp": "2026-01-01T00:00:30Z"}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "a"}], **spec}, "status": pod_status_fields}
    row = pod_row(pod, NOW)
    assert (row["status"], row["ready"], row["ageSeconds"]) == (status, ready, 90)
    going = {**pod, "metadata": {**metadata, "deletionTimestamp": "2026-01-01T00:01:00Z"}}
    assert pod_row(going, NOW)["status"] == "Terminating"
