"""The step wait_for_features: when the agents' report is an end, which end it is, and what is handed out."""

from types import SimpleNamespace
from typing import Any

import pytest

from activities import wait_for_features as step
from activities.step import Call
from activities.wait_for_features import wait_for_features
from arcway.azure import connected_clusters
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import UpdateRequest, parse_request
from tests.unit.domain.test_request import UPDATE

ISSUER = "https://eastus.oic.example/t/u/"
CREATED, WRITTEN = "2026-01-01T10:00:00Z", "2026-01-01T10:01:00Z"
ON: Json = {"enabled": True, "issuerUrl": ISSUER}


def resource(state: str | None, oidc: Json, **profile: Any) -> Json:
    agents = {**({"agentState": state} if state else {}), **profile}
    return {"id": "x", "properties": {"arcAgentProfile": agents, "oidcIssuerProfile": oidc, "distribution": "k3s"}}


@pytest.fixture
def poll(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Does the step once: with a resource, the features of the request, and when the run wrote."""

    def do(read: Json | None, features: Json, written_at: str | None = WRITTEN, **payload: Any) -> Any:
        monkeypatch.setattr(connected_clusters, "get", lambda *_: read)
        monkeypatch.setattr(connected_clusters, "leave", lambda *_: None)
        monkeypatch.setattr(step, "believe_absent", lambda *_: None)
        request = parse_request({**UPDATE, "features": features})
        assert isinstance(request, UpdateRequest)
        installation: Any = SimpleNamespace(azure=None)
        whole = {"createdAt": CREATED, "writtenAt": written_at, **payload}
        return wait_for_features(Call(request, whole, installation))

    return do


FEATURE: Json = {"oidcIssuer": {"enabled": True}}
WORKLOAD: Json = {"workloadIdentity": True}
OWN: Json = {"enabled": True, "selfHostedIssuerUrl": "https://own.example"}


@pytest.mark.parametrize(
    ("read", "features", "written_at", "detail"),
    [
        (resource(None, {"enabled": True}), FEATURE, WRITTEN, "the agents have not reported yet, and the issuer"),
        (resource(None, ON), FEATURE, WRITTEN, "the agents have not reported yet"),
        (resource(None, ON), FEATURE, None, None),
        (resource(None, {"enabled": True}), FEATURE, None, "the agents have not reported yet, and the issuer"),
        (resource("Updating", ON), FEATURE, None, "the agents report Updating"),
        (resource("Succeeded", {"enabled": True}), FEATURE, WRITTEN, "the agents report Succeeded, and the issuer"),
        (resource("succeeded", ON), FEATURE, WRITTEN, None),
        (resource("Succeeded", {}), WORKLOAD, WRITTEN, None),
        (resource(None, {}), WORKLOAD, WRITTEN, "the agents have not reported yet"),
        (resource(None, {}), WORKLOAD, None, None),
        (resource(None, OWN), {"oidcIssuer": OWN}, WRITTEN, None),
        (resource(None, OWN), {"oidcIssuer": OWN, **WORKLOAD}, WRITTEN, "the agents have not reported yet"),
    ],
)
def test_report_of_the_agents_is_awaited(
    poll: Any, read: Json, features: Json, written_at: str | None, detail: str | None
) -> None:
    polled = poll(read, features, written_at)
    assert polled["done"] is (detail is None)
    assert polled["detail"].startswith(detail or "set up")
    assert ("resource" in polled) is (detail is None)


def test_issuer_is_handed_out_with_the_resource(poll: Any) -> None:
    read = resource("Succeeded", ON)
    flag = f"--service-account-issuer={ISSUER}"
    expected = {**read, "features": {"oidcIssuer": {"issuerUrl": ISSUER, "apiServerFlag": flag}}}
    assert poll(read, FEATURE) == {"done": True, "detail": "set up", "resource": expected}


@pytest.mark.parametrize(
    ("time", "written_at", "is_end"),
    [
        ("2026-01-01T10:01:30Z", WRITTEN, True),
        ("2026-01-01T10:00:30Z", WRITTEN, False),
        ("2026-01-01T10:00:30Z", None, True),
        ("2026-01-01T09:59:30Z", None, False),
        (None, WRITTEN, True),
    ],
)
def test_failure_ends_the_run_unless_it_is_of_an_earlier_change(
    poll: Any, time: str | None, written_at: str | None, is_end: bool
) -> None:
    read = resource("Failed", {"enabled": True}, agentErrors=[{"component": "c", "message": "m", "time": time}])
    if not is_end:
        polled = poll(read, FEATURE, written_at)
        assert polled["detail"] == "the agents report Failed, and the issuer is not known yet (c: m)"
        return
    with pytest.raises(ArcError) as refused:
        poll(read, FEATURE, written_at)
    assert (refused.value.code, refused.value.retryable) == (Code.FEATURES_FAILED, False)
    assert refused.value.message == "The agents could not set up the features: c: m"


def test_failure_without_a_reason_is_a_failure(poll: Any) -> None:
    with pytest.raises(ArcError, match="no reason given"):
        poll(resource("Failed", {}), FEATURE)


def test_connected_cluster_that_is_gone_ends_the_run(poll: Any) -> None:
    with pytest.raises(ArcError, match=Code.CONNECTED_CLUSTER_NOT_FOUND):
        poll(None, FEATURE)


@pytest.mark.parametrize("is_over", [False, True])
def test_member_of_a_fleet_reads_for_itself_only_how_it_ended(
    poll: Any, monkeypatch: pytest.MonkeyPatch, is_over: bool
) -> None:
    shown = resource("Succeeded" if is_over else "Updating", ON)
    item = SimpleNamespace(is_current=True, is_own=False, resource=shown, next_in=7.0)
    monkeypatch.setattr(step, "listed", lambda _call: item)
    polled = poll(resource("Succeeded", ON), FEATURE, fleet="f")
    assert (polled["done"], polled.get("retryAfter")) == ((True, None) if is_over else (False, 7.0))
    item.is_current = False
    assert poll(None, FEATURE, fleet="f") == {
        "done": False,
        "detail": "the agents' state is not known yet",
        "retryAfter": 7.0,
    }


def test_what_was_read_for_a_member_alone_is_its_result(poll: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    item = SimpleNamespace(is_current=True, is_own=True, resource=resource("Succeeded", ON), next_in=1.5)
    monkeypatch.setattr(step, "listed", lambda _call: item)
    assert poll(None, FEATURE, fleet="f")["done"]
