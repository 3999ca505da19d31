"""The verdict on agents: what is waited for, what is failing, what waits for the connected cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arcway.cluster.agents import Verdict, judge
from arcway.domain.errors import ArcError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def deployment(name: str, *, ready: bool, secret: str | None = None) -> dict[str, Any]:
    volumes = [{"name": "identity", "secret": {"secretName": secret}}] if secret else []
    count = 1 if ready else 0
    return {
        "metadata": {"name": name, "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {"spec": {"volumes": volumes}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": count},
    }


def pod(app: str, *, node: str | None = "n1", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"{app}-1", "labels": {"app": app}}, "spec": {"nodeName": node}, "status": status}


def look(deployments: list[dict[str, Any]], pods: list[dict[str, Any]], *, issued: bool = False) -> Verdict:
    return judge(deployments, pods, identity_issued=issued, now=NOW)


def test_nothing_there_yet_is_waited_for() -> None:
    assert not look([], []).done


def test_a_pod_that_waits_only_for_the_identity_does_not_hold_up_agents_first() -> None:
    both = [deployment("operator", ready=True), deployment("proxy", ready=False, secret="kube-aad-proxy-certificate")]
    assert look(both, [pod("operator"), pod("proxy")]).done
    assert not look(both, [pod("operator"), pod("proxy")], issued=True).done


def test_a_pod_that_waits_for_the_identity_must_still_be_scheduled() -> None:
    held = [deployment("proxy", ready=False, secret="azure-identity-certificate")]
    assert not look(held, [pod("proxy", node=None)]).done
    assert not look(held, []).done


def test_an_unready_agent_is_named() -> None:
    verdict = look([deployment("operator", ready=False)], [pod("operator")])
    assert not verdict.done
    assert "operator" in verdict.detail


def waiting(reason: str, restarts: int = 0) -> list[dict[str, Any]]:
    state = {"waiting": {"reason": reason, "message": "because"}}
    return [{"name": "main", "image": "registry/x:1", "restartCount": restarts, "state": state}]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"containerStatuses": waiting("ImagePullBackOff")}, "ARC-5005"),
        ({"initContainerStatuses": waiting("ImagePullBackOff")}, "ARC-5005"),
        ({"containerStatuses": waiting("CrashLoopBackOff", 3)}, "ARC-5007"),
    ],
)
def test_what_waiting_will_not_mend_ends_the_phase_early(status: dict[str, Any], code: str) -> None:
    with pytest.raises(ArcError) as caught:
        look([deployment("operator", ready=False)], [pod("operator", **status)])
    assert caught.value.code == code
    assert "operator-1" in caught.value.message or "main" in caught.value.message


@pytest.mark.parametrize(("age", "fails"), [(10, False), (70, True)])
def test_an_unschedulable_pod_gets_a_minute_for_a_node_to_come(age: int, fails: bool) -> None:
    since = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since}
    pods = [pod("operator", node=None, conditions=[condition])]
    if fails:
        with pytest.raises(ArcError) as caught:
            look([deployment("operator", ready=False)], pods)
        assert caught.value.code == "ARC-5006"
    else:
        assert not look([deployment("operator", ready=False)], pods).done


@pytest.mark.parametrize(
    ("generation", "image", "settings", "fails"),
    [(2, "a:1", "new", False), (2, "a:2", "old", False), (2, "a:2", "new", True), (1, "a:1", "new", True)],
    ids=["another image", "other settings", "the latest pod", "never changed"],
)
def test_what_is_wrong_with_a_pod_that_is_being_replaced_is_over_soon(
    generation: int, image: str, settings: str, fails: bool
) -> None:
    wanted = deployment("operator", ready=False)
    wanted["metadata"]["generation"] = generation
    metadata = {"annotations": {"checksum": "new"}}
    wanted["spec"]["template"] = {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "a:2"}]}}
    failing = pod("operator", containerStatuses=waiting("ImagePullBackOff"))
    failing["metadata"]["annotations"] = {"checksum": settings, "other": "x"}
    failing["spec"]["containers"] = [{"name": "main", "image": image}]
    if fails:
        with pytest.raises(ArcError, match="ARC-5005"):
            look([wanted], [failing])
    else:
        assert not look([wanted], [failing]).done
