"""The verdict on agents: what is waited for, what is failing, what waits for the connected cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arcway.cluster.agents.health import Verdict, Workloads, assess
from arcway.domain.codes import Code

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
    return assess(Workloads(deployments, pods), identity_issued=issued, now=NOW)


def test_nothing_there_yet_is_waited_for() -> None:
    assert not look([], []).done


def test_a_pod_that_waits_only_for_the_identity_does_not_hold_up_agents_first() -> None:
    both = [deployment("operator", ready=True), deployment("proxy", ready=False, secret="kube-aad-proxy-certificate")]
    assert look(both, [pod("operator"), pod("proxy")]).done
    assert not look(both, [pod("operator"), pod("proxy")], issued=True).done


def test_a_pod_that_waits_for_the_identity_must_still_be_scheduled() -> None:
    waiting = [deployment("proxy", ready=False, secret="azure-identity-certificate")]
    assert not look(waiting, [pod("proxy", node=None)]).done
    assert not look(waiting, []).done


def test_an_unready_agent_is_named() -> None:
    verdict = look([deployment("operator", ready=False)], [pod("operator")])
    assert not verdict.done
    assert "operator" in verdict.detail


def waiting(reason: str, restarts: int = 0) -> list[dict[str, Any]]:
    state = {"waiting": {"reason": reason, "message": "because"}}
    return [{"name": "main", "image": "registry/x:1", "restartCount": restarts, "state": state}]


PULLING = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "ImageInspectError")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *(({"containerStatuses": waiting(reason)}, Code.IMAGE_PULL_FAILED) for reason in PULLING),
        ({"initContainerStatuses": waiting("ImagePullBackOff")}, Code.IMAGE_PULL_FAILED),
        ({"containerStatuses": waiting("CrashLoopBackOff", 30)}, Code.CRASH_LOOP),
        ({"containerStatuses": waiting("CreateContainerConfigError")}, Code.POD_NOT_STARTING),
    ],
)
def test_what_may_pass_is_waited_for_and_said_at_once(status: dict[str, Any], code: str) -> None:
    verdict = look([deployment("operator", ready=False)], [pod("operator", **status)])
    assert (verdict.done, verdict.hindrance and verdict.hindrance.final) == (False, False)
    assert verdict.hindrance
    assert verdict.hindrance.error.code == code
    assert "operator-1" in verdict.hindrance.error.message


def test_an_image_name_that_is_none_is_final() -> None:
    failing = pod("operator", containerStatuses=waiting("InvalidImageName"))
    verdict = look([deployment("operator", ready=False)], [failing])
    assert verdict.hindrance
    assert verdict.hindrance.final


@pytest.mark.parametrize(("age", "settled"), [(10, False), (70, True), (7000, True)])
def test_an_unschedulable_pod_is_never_final(age: int, settled: bool) -> None:
    since = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since}
    verdict = look(
        [deployment("operator", ready=False)],
        [pod("operator", node=None, conditions=[{**condition, "message": "0/2"}])],
    )
    hindrance = verdict.hindrance
    assert hindrance
    assert (hindrance.error.code, hindrance.final, hindrance.settled) == (Code.POD_UNSCHEDULABLE, False, settled)


REFUSALS = {
    'pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0': "ResourceQuota few",
    'pods "x" is forbidden: failed quota: mem: must specify limits.memory for: main': "ResourceQuota mem",
    'pods "x" is forbidden: [maximum cpu usage per Container is 1, but limit is 2]': "LimitRange",
    'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false': "restricted",
    'pods "x" is forbidden: unable to validate against any security context constraint: []': "oc adm policy",
    'admission webhook "validation.gatekeeper.sh" denied the request: no owner': "webhook validation.gatekeeper.sh",
    "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no": "Policy p",
    'failed calling webhook "v.example.com": no endpoints available': "webhook v.example.com",
}


@pytest.mark.parametrize(("message", "words"), REFUSALS.items())
def test_pods_that_are_refused_are_reported_with_the_cause(message: str, words: str) -> None:
    refused = deployment("operator", ready=False)
    refused["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": message}]
    verdict = look([refused], [])
    assert verdict.hindrance
    assert verdict.hindrance.error.code == Code.PODS_REFUSED
    assert message[:40] in verdict.hindrance.error.message
    assert words in verdict.hindrance.error.remedy


def event(kind: str, name: str, reason: str, at: str) -> dict[str, Any]:
    about = {"kind": kind, "name": name}
    return {
        "metadata": {"name": reason},
        "type": "Warning",
        "involvedObject": about,
        "reason": reason,
        "lastTimestamp": at,
    }


def test_events_say_why_when_nothing_else_does() -> None:
    unready, starting = deployment("operator", ready=False), pod("operator")
    events = [
        event("Pod", "operator-1", "FailedCreatePodSandBox", "2026-01-01T00:00:02Z"),
        event("Pod", "operator-1", "FailedMount", "2026-01-01T00:00:01Z"),
        event("Pod", "other-1", "Evicted", "2026-01-01T00:00:09Z"),
    ]
    verdict = assess(Workloads([unready], [starting], events), identity_issued=True, now=NOW)
    assert verdict.hindrance
    assert verdict.hindrance.error.code == Code.POD_NOT_STARTING
    assert "FailedCreatePodSandBox" in verdict.hindrance.error.message
    refused = assess(
        Workloads([unready], [], [event("ReplicaSet", "operator-7f", "FailedCreate", "2026-01-01T00:00:02Z")]),
        identity_issued=True,
        now=NOW,
    )
    assert refused.hindrance
    assert refused.hindrance.error.code == Code.PODS_REFUSED


@pytest.mark.parametrize(
    ("generation", "image", "settings", "fails"),
    [(2, "a:1", "new", False), (2, "a:2", "old", False), (2, "a:2", "new", True), (1, "a:1", "new", True)],
    ids=["another image", "other settings", "the latest pod", "never changed"],
)
def test_what_is_wrong_with_a_pod_that_is_being_replaced_is_over_soon(
    generation: int, image: str, settings: str, fails: bool
) -> None:
    expected = deployment("operator", ready=False)
    expected["metadata"]["generation"] = generation
    metadata = {"annotations": {"checksum": "new"}}
    expected["spec"]["template"] = {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "a:2"}]}}
    failing = pod("operator", containerStatuses=waiting("ImagePullBackOff"))
    failing["metadata"]["annotations"] = {"checksum": settings, "other": "x"}
    failing["spec"]["containers"] = [{"name": "main", "image": image}]
    verdict = look([expected], [failing])
    assert not verdict.done
    assert bool(verdict.hindrance) is fails
