"""Secrets that the work at hand holds, by value, in text from outside and in everything that leaves."""

import base64
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from azure.core.exceptions import HttpResponseError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.step import Call, perform
from arcway.azure import secret_folder
from arcway.azure.errors import azure_errors
from arcway.azure.secret_folder import Stored
from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.agents import key_pair, pod_failures
from arcway.cluster.helm.cli import _refusal as program_refusal
from arcway.cluster.helm.interface import refusal as helm_refusal
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.findings import finding
from arcway.domain.proxy import with_credentials
from arcway.domain.request import parse_request
from arcway.domain.secret_names import SecretKind
from arcway.telemetry import log
from tests.installations import local_installation
from tests.security import worlds
from tests.security.test_redaction import SHAPES, pem
from tests.security.test_steps import CONNECT, outcome_of

# --- by value ------------------------------------------------------------------------------------------------------

VALUES = ["correct horse battery", "hunter2", "pässwörd!", "a/b?c&d=e", 'say "hi" \\ bye', "s3cr3t-token-0123456789"]


def forms(secret: str) -> dict[str, str]:
    """The ways in which a secret may be repeated."""
    data = secret.encode()
    return {
        "plain": secret,
        "percent": quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "json as text": json.dumps(secret, ensure_ascii=False)[1:-1],
        "base64": base64.b64encode(data).decode().rstrip("="),
        "base64 of a pair": base64.b64encode(b"user:" + data).decode().rstrip("="),
        "base64url": base64.urlsafe_b64encode(b"x" + data).decode().rstrip("="),
    }


def core(form: str) -> str:
    """Without the letters at either end of base64 that other bytes have a part in."""
    return form[2:-2] if len(form) >= 8 else form


def step_that(body: Callable[[], Any]) -> Any:
    """The envelope of a step that reads its secret from where it is stored."""

    def step(call: Call[Any]) -> Any:
        return body()

    step.__name__ = "step"
    payload = {"request": parse_request(CONNECT).as_json(), "correlationId": "c", "traceparent": None, "runId": "r"}
    return perform(step, payload, local_installation())


@pytest.fixture(params=VALUES)
def secret(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    content = str(request.param)
    monkeypatch.setattr(secret_folder, "read", lambda folder, name: Stored(content))
    return content


def read(secret: str) -> str:
    secrets = local_installation(ARCWAY_SECRETS_DIR=".").secrets
    result = secrets.read("arcway-proxy", SecretKind.PROXY_CREDENTIALS, user=None)
    assert result == secret
    return result


@pytest.mark.parametrize("form", forms("x" * 20))
def test_what_a_step_reads_is_in_nothing_that_leaves_it(
    secret: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages = forms(secret)[form]

    def errors() -> Any:
        read(secret)
        log.warning("the server says %s", messages)
        raise ArcError(
            Code.KUBERNETES_CHANGE_REFUSED, f"the server says {messages}", details=[{"message": f"it says {messages}"}]
        )

    def outcome() -> Any:
        read(secret)
        return {
            "detail": f"a {messages}",
            "findings": [finding(Code.KUBERNETES_CHANGE_REFUSED, f"b {messages}")],
            "leftovers": [f"c {messages}"],
        }

    for candidate in (step_that(errors), step_that(outcome)):
        document = json.dumps(candidate, ensure_ascii=False)
        assert core(messages) not in document
        assert "redacted" in document
    assert core(messages) not in caplog.text


def test_an_unexpected_error_does_not_repeat_it(secret: str) -> None:
    def breaks() -> Any:
        raise RuntimeError(f"failed with {read(secret)}")

    with pytest.raises(Exception, match="RuntimeError") as caught:
        step_that(breaks)
    assert secret not in str(caught.value)


def test_the_next_step_does_not_know_it(secret: str) -> None:
    step_that(lambda: {"detail": read(secret)})
    assert step_that(lambda: {"detail": secret})["ok"]["detail"] != "[redacted]"


def test_words_that_machines_need_stay_although_they_are_a_password() -> None:
    result = step_that(lambda: (with_credentials("http://proxy", "user:stable"), {"train": "stable", "done": True})[1])
    assert result == {"ok": {"train": "stable", "done": True}}


def test_the_parts_of_a_proxys_credentials_count_each() -> None:
    result = step_that(lambda: (with_credentials("http://proxy", "user:hunter22"), {"detail": "no hunter22 here"})[1])
    assert "hunter22" not in json.dumps(result)


def test_the_token_and_key_of_a_kubeconfig_count() -> None:
    encoded = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----").decode()
    key = base64.b64encode(pem(b"0123456789abcdef").encode()).decode()
    user = {"token": "opaque-token-of-mine", "client-certificate-data": encoded, "client-key-data": key}
    document = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1", "certificate-authority-data": encoded}}],
        "users": [{"name": "x", "user": user}],
    }

    def outcome() -> Any:
        read_kubeconfig(json.dumps(document), None, allow_loopback=True)
        return {"detail": f"opaque-token-of-mine {key}"}

    content = json.dumps(step_that(outcome))
    assert "opaque" not in content
    assert key[:40] not in content


def test_the_agents_key_counts_and_the_public_key_stays_whole() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    document = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key_pair.public_key_of(private)
    public_key = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    secret = {"data": {"privateKey": base64.b64encode(document.encode()).decode()}}

    def outcome() -> Any:
        key_pair._pem(secret)
        return {"publicKey": public, "detail": document.splitlines()[16]}

    result = step_that(outcome)["ok"]
    assert base64.b64decode(result["publicKey"]) == public_key
    assert document.splitlines()[16] not in result["detail"]


# --- everywhere ----------------------------------------------------------------------------------------------------


def through_api_message(message: str) -> Any:
    from arcway.cluster.access.api import _refusal

    return _refusal(400, json.dumps({"message": message}).encode(), "GET /x", None).as_dict()


def through_plain_answer(message: str) -> Any:
    from arcway.cluster.access.api import _refusal

    return _refusal(500, message.encode(), "GET /x", None).as_dict()


def through_helm(message: str) -> Any:
    return helm_refusal(message, "upgrade", Code.HELM_FAILED, is_late=False).as_dict()


def through_helm_program(message: str) -> Any:
    result = program_refusal(message, "upgrade", Code.HELM_FAILED)
    assert isinstance(result, ArcError)
    return result.as_dict()


def through_log_line(message: str) -> Any:
    world = worlds.cluster()
    pod = world[f"{worlds.ARC}/pods"]["items"][0]
    pod["status"]["containerStatuses"][0]["restartCount"] = 5
    world["log"] = message
    return outcome_of("poll_agents", world)


def through_condition(message: str) -> Any:
    world = worlds.cluster()
    world[worlds.CRDS]["items"][0]["status"]["conditions"][0]["message"] = message
    return outcome_of("uninstall_agents", world)


def through_pull(message: str) -> Any:
    pod = worlds.pod("x")
    pod["status"]["containerStatuses"][0]["image"] = message
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    result = pod_failures.of_pod(pod, datetime.now(UTC))
    assert result is not None
    return result.error.as_dict()


def through_event(message: str) -> Any:
    world = worlds.cluster()
    base = "/api/v1/namespaces/arcway-check"
    world[f"{base}/pods"] = worlds.of()
    world[f"{base}/events"] = worlds.of(worlds.named("e", message=message))
    return outcome_of("poll_network_check", world)


def through_termination(message: str) -> Any:
    world = worlds.cluster()
    status = world["/api/v1/namespaces/arcway-check/pods"]["items"][0]["status"]
    status["containerStatuses"][0]["state"] = {"terminated": {"message": f"ok {message}\nok a:443"}}
    return outcome_of("poll_network_check", world)


def through_azure(message: str) -> Any:
    with pytest.raises(ArcError) as caught, azure_errors():
        raise HttpResponseError(message=message)
    return caught.value.as_dict()


def through_finding(message: str) -> Any:
    return finding(Code.KUBERNETES_CHANGE_REFUSED, message)


def through_node_name(message: str) -> Any:
    world = worlds.cluster()
    for item in world["/api/v1/nodes"]["items"]:
        item["metadata"]["labels"]["kubernetes.io/arch"] = message
    return outcome_of("check_cluster", world)


WAYS = [
    *(through_api_message, through_plain_answer, through_helm, through_helm_program, through_log_line),
    *(through_condition, through_pull, through_event, through_termination, through_azure, through_finding),
    through_node_name,
]


@pytest.mark.parametrize("way", WAYS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck])
def test_no_way_in_lets_a_secret_out(way: Callable[[str], Any], data: st.DataObject) -> None:
    content, secret = data.draw(SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))])
    assert secret not in json.dumps(way(f"it said {content} ."))


@pytest.fixture(autouse=True)
def every_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "arcway")
