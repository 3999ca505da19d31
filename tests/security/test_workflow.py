"""What a server says cannot hold a run: it always ends, it cleans up, it can be canceled. In virtual time."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from arcway.domain.phases import ASKED_SECONDS
from arcway.domain.secret_names import temporary_name
from orchestrators.phases import PHASES
from tests.virtual_run import StepRaised, VirtualRun

_PROOF = secrets.token_urlsafe(32)
_SECRET = temporary_name("shop", _PROOF)
_BODY: Json = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop",
    "location": "eastus",
    "kubeconfig": {"secret": _SECRET, "temporary": True, "proof": _PROOF},
}
_FACTS = {"distribution": "kind", "infrastructure": "kind", "releaseDeployed": False, "publicKey": None, "owner": None}
_OUTCOMES: Json = {
    "check_cluster": {"findings": [], "facts": {"cluster": _FACTS, "releaseDeployed": False}},
    "check_azure": {
        "findings": [],
        "facts": {"tenantId": "t", "resourceGroupExists": True, "resourceExists": False, "toRegister": []},
    },
    "register_providers": {"states": {"Microsoft.Kubernetes": "Registered"}, "asked": []},
    "ensure_resource_group": {"created": False},
    "await_removal": {"done": True, "detail": None},
    "ensure_key_pair": {"publicKey": "key", "created": True},
    "deploy_agents": {"created": True, "changed": True, "chart": {"reference": "r", "digest": "d"}},
    "poll_agents": {"done": True, "detail": "7/7 ready"},
    "create_resource": {"created": True, "changed": True, "operation": None, "done": True},
    "configure_agents": {"changed": False, "differing": 0},
    "wait_for_metadata": {"done": True, "detail": "Connected", "resource": {"id": "x"}},
    "delete_resource": {"done": True, "detail": "deleted"},
    "uninstall_agents": {"done": True, "detail": "uninstalled", "leftovers": []},
}
_CLEAN_UP = ["release_cluster", "discard_credential", "discard_secret"]


def error(code: str = Code.API_SERVER_TIMEOUT, *, retryable: bool = True, retry_after: Any = None) -> Json:
    envelope = ArcError(code, retryable=retryable).as_dict()
    return {"error": {**envelope, "retryAfterSeconds": retry_after}}


def answers(**changes: Any) -> Any:
    """Every step succeeds but those that are named: an outcome, or one for each call."""

    def answer(step: str, payload: Json) -> Json:
        change = changes.get(step)
        if callable(change):
            change = change()
        if isinstance(change, Exception):
            raise change
        return change if change is not None else {"ok": _OUTCOMES.get(step, {})}

    return answer


def test_a_run_succeeds_and_takes_what_was_made_for_it_along() -> None:
    run = VirtualRun(_BODY, answers())
    status = run.finish()
    assert (status["state"], status["leftovers"], run.steps[-3:]) == ("Succeeded", [], _CLEAN_UP)


@pytest.mark.parametrize(
    "retry_after", [999999999999, 365 * 86400, 1e308, float("inf"), float("nan"), -1, "soon", True]
)
@pytest.mark.parametrize("step", ["check_cluster", "deploy_agents", "create_resource", "discard_credential"])
def test_retry_after_is_clamped(step: str, retry_after: Any) -> None:
    run = VirtualRun(_BODY, answers(**{step: error(retry_after=retry_after)}))
    status = run.finish()
    assert run.steps[-1] == "discard_secret"
    assert run.elapsed < timedelta(hours=2)
    assert status["state"] == ("Succeeded" if step == "discard_credential" else "Failed")


@pytest.mark.parametrize("wait", [999999999999, 365 * 86400, float("inf")])
def test_a_poll_waits_no_longer_than_its_phase_and_what_a_run_waits_for_azure(wait: Any) -> None:
    run = VirtualRun(_BODY, answers(poll_agents={"ok": {"done": False, "detail": "?", "retryAfter": wait}}))
    assert run.finish()["state"] == "Failed"
    assert run.steps[-3:] == _CLEAN_UP
    assert run.elapsed < timedelta(hours=1, seconds=ASKED_SECONDS)


@pytest.mark.parametrize("step", ["check_cluster", "await_removal", "deploy_agents", "poll_agents", "create_resource"])
@pytest.mark.parametrize("outcome", [{"ok": {}}, {"ok": []}, {"ok": {"done": "?"}}, {"error": {}}, {}, []])
def test_an_outcome_of_another_shape_fails_the_run_and_it_cleans_up(step: str, outcome: Any) -> None:
    run = VirtualRun({**_BODY, "onFailure": "rollback"}, answers(**{step: outcome}))
    status = run.finish()
    assert run.steps[-2:] == _CLEAN_UP[-2:]
    if status["state"] == "Failed":
        assert status["error"]["code"] == Code.INTERNAL_ERROR
    if "release_cluster" in run.steps:
        assert run.steps[-3:] == _CLEAN_UP


def test_a_fault_of_a_phase_fails_the_run_and_it_cleans_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: Any) -> Any:
        raise OverflowError("date value out of range")

    monkeypatch.setitem(PHASES, "createResource", broken)
    run = VirtualRun({**_BODY, "onFailure": "rollback"}, answers())
    status = run.finish()
    assert (status["state"], status["error"]["code"]) == ("Failed", Code.INTERNAL_ERROR)
    assert run.steps[-4:] == ["uninstall_agents", *_CLEAN_UP]


def test_a_step_that_raises_is_tried_three_times() -> None:
    run = VirtualRun(_BODY, answers(deploy_agents=StepRaised("what nobody expects")))
    status = run.finish()
    assert (status["state"], status["error"]["code"]) == ("Failed", Code.INTERNAL_ERROR)
    assert run.steps.count("deploy_agents") == 3
    assert run.steps[-3:] == _CLEAN_UP


def test_the_secret_goes_even_if_the_credential_cannot_be_removed() -> None:
    run = VirtualRun(_BODY, answers(discard_credential=error(retry_after=3600)))
    status = run.finish()
    assert run.steps[-1] == "discard_secret"
    assert describe_all(status["leftovers"]) == [f"ServiceAccount {_SECRET} (ARC-3002)"]
    assert run.elapsed < timedelta(minutes=10)


def test_undoing_has_a_deadline() -> None:
    body = {**_BODY, "onFailure": "rollback"}
    never = {"ok": {"done": False, "detail": "being deleted", "leftovers": [], "retryAfter": 100}}
    failed = error(Code.PROVISIONING_FAILED, retryable=False)
    run = VirtualRun(body, answers(configure_agents=failed, delete_resource=never, uninstall_agents=never))
    status = run.finish()
    assert run.steps[-3:] == _CLEAN_UP
    assert run.elapsed < timedelta(hours=1)
    assert [leftover.rpartition(" ")[2] for leftover in describe_all(status["leftovers"])] == ["(ARC-6005)"] * 3


def test_a_broker_that_is_down_holds_a_run_for_a_day_at_most() -> None:
    run = VirtualRun(
        _BODY, answers(publish_events=error(Code.EVENT_BROKER_UNREACHABLE, retry_after=1800)), source="urn:arcway:test"
    )
    status = run.finish()
    assert (status["state"], status["phases"][-1]["state"]) == ("Succeeded", "Failed")
    assert any("arcway.run.succeeded" in leftover for leftover in describe_all(status["leftovers"]))
    assert timedelta(hours=20) < run.elapsed <= timedelta(hours=25)


@pytest.mark.parametrize(
    "failure", [error(Code.AZURE_REQUEST_REFUSED, retryable=False), StepRaised("no such encoding")]
)
def test_publishing_gives_up_on_what_repeating_cannot_fix(failure: Any) -> None:
    run = VirtualRun(_BODY, answers(publish_events=failure), source="urn:arcway:test")
    status = run.finish()
    assert status["state"] == "Succeeded"
    assert run.elapsed < timedelta(minutes=10)


def test_one_event_that_cannot_be_sent_holds_back_no_other() -> None:
    refused = error(Code.AZURE_REQUEST_REFUSED, retryable=False)
    sent: list[str] = []

    def answer(step: str, payload: Json) -> Json:
        if step == "publish_events":
            types = [event["type"] for event in payload["events"]]
            if any("accepted" in kind for kind in types):
                return refused
            sent.extend(types)
        return answers()(step, payload)  # type: ignore[no-any-return]

    status = VirtualRun(_BODY, answer, source="urn:arcway:test").finish()
    assert sent[-1] == "arcway.run.succeeded.v1"
    assert describe_all(status["leftovers"]) == ["event arcway.run.accepted.v1 (ARC-4009)"]


def test_cancel_ends_the_waiting_for_the_broker() -> None:
    looks = 0

    def publish() -> Json:
        nonlocal looks
        looks += 1
        if looks == 12:
            run.cancel()
        return error(Code.EVENT_BROKER_UNREACHABLE)

    run = VirtualRun(_BODY, answers(publish_events=publish), source="urn:arcway:test")
    status = run.finish()
    assert status["state"] == "Succeeded"
    assert run.elapsed < timedelta(hours=1)
    assert [item["reason"] for item in status["leftovers"]][-1:] == ["NotPublished"]


@pytest.mark.parametrize("value_after", [None, 3600])
def test_cancel_ends_a_wait_of_a_phase(value_after: int | None) -> None:
    def agents() -> Json:
        run.cancel()
        return {"ok": {"done": False, "detail": "0/7 ready", "retryAfter": value_after}}

    run = VirtualRun(_BODY, answers(poll_agents=agents))
    status = run.finish()
    assert status["state"] == "Canceled"
    assert run.steps[-3:] == _CLEAN_UP


def test_a_cancel_of_an_earlier_run_is_not_meant() -> None:
    looks = 0

    def agents() -> Json:
        nonlocal looks
        looks += 1
        run.cancel("cluster-0123456789abcdef0123456789.ffffffffffff")
        return {"ok": {"done": looks > 3, "detail": "ready"}}

    run = VirtualRun(_BODY, answers(poll_agents=agents))
    assert run.finish()["state"] == "Succeeded"


def test_throttling_costs_no_attempt_and_no_time_of_the_phase() -> None:
    messages = iter([error(Code.AZURE_THROTTLED, retry_after=372)] * 8)
    run = VirtualRun(_BODY, answers(check_azure=lambda: next(messages, {"ok": _OUTCOMES["check_azure"]})))
    status = run.finish()
    assert status["state"] == "Succeeded", status["error"]
    assert run.steps.count("check_azure") == 9
    assert timedelta(seconds=8 * 372) <= run.elapsed < timedelta(seconds=8 * 372 + 120)


@pytest.mark.parametrize("value_after", [372, 3600, 10**9])
def test_throttling_that_never_ends_ends_the_run(value_after: int) -> None:
    run = VirtualRun(_BODY, answers(create_resource=error(Code.AZURE_THROTTLED, retry_after=value_after)))
    status = run.finish()
    assert (status["state"], status["error"]["code"]) == ("Failed", Code.AZURE_THROTTLED)
    assert run.steps[-3:] == _CLEAN_UP
    assert run.elapsed < timedelta(hours=1, seconds=ASKED_SECONDS)


def test_throttling_while_undoing_has_the_undoings_deadline() -> None:
    body = {**_BODY, "onFailure": "rollback"}
    throttled = error(Code.AZURE_THROTTLED, retry_after=372)
    failed = error(Code.PROVISIONING_FAILED, retryable=False)
    run = VirtualRun(body, answers(configure_agents=failed, delete_resource=throttled))
    run.finish()
    assert run.steps[-3:] == _CLEAN_UP
    assert run.elapsed < timedelta(minutes=30)


def test_what_is_missing_is_read_again_and_the_step_receives_since_when() -> None:
    messages: list[Json] = []

    def answer(step: str, payload: Json) -> Any:
        if step == "wait_for_metadata":
            messages.append({name: payload[name] for name in ("writtenAt", "missedAt")})
            if len(messages) < 3:
                return error(Code.AZURE_REPLICATION_PENDING, retry_after=15)
        return plain(step, payload)

    plain = answers()
    run = VirtualRun(_BODY, answer)
    assert run.finish()["state"] == "Succeeded"
    written = {item["writtenAt"] for item in messages}
    assert len(written) == 1
    assert None not in written
    first, second, third = (item["missedAt"] for item in messages)
    assert first is None
    assert second is not None
    assert second == third
