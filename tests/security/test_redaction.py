"""Secrets in text from outside: by their shape, and by value when the work at hand holds them."""

import base64
import json
import logging
import string
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from azure.core.exceptions import HttpResponseError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.step import Call, perform
from arcway.azure.errors import azure_errors
from arcway.azure.secret_folder import Stored
from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.agents import key_pair, pod_failures
from arcway.cluster.helm.cli import _refusal as program_refusal
from arcway.cluster.helm.interface import refusal as helm_refusal
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.findings import finding
from arcway.domain.proxy import with_credentials
from arcway.domain.request import parse_request
from arcway.domain.secret_names import SecretKind
from arcway.telemetry import log
from tests.security import worlds
from tests.security.test_steps import CONNECT, outcome_of

PLAIN = string.ascii_letters + string.digits
# With what no other part of a text has, so that finding it means that it was let through.
RANDOM = st.text(PLAIN, min_size=10, max_size=38).map(lambda text: f"Z{text}9")
WORDS = st.text(string.ascii_lowercase + " .,:", max_size=30)
HEX = st.binary(min_size=16, max_size=64).map(bytes.hex)
BYTES = st.integers(0, 2**32).map(lambda seed: Random(seed).randbytes(32 + seed % 64))  # as keys are


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def pem(data: bytes, wrap: str = "\n") -> str:
    body = base64.b64encode(data * 8).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return wrap.join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "-----END RSA PRIVATE KEY-----"])


# What a text has, and what of it may not be found afterwards.
SHAPES: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "password=": RANDOM.map(lambda one: (f"password={one}", one)),
    "PASSWORD:": RANDOM.map(lambda one: (f"PASSWORD: {one}", one)),
    "quoted": RANDOM.map(lambda one: (f'password="a b, c {one} d"', one)),
    "single quotes": RANDOM.map(lambda one: (f"passwd = 'a {one}'", one)),
    "escaped quote": RANDOM.map(lambda one: (f'"client-secret": "a\\" b {one}"', one)),
    "json in json": RANDOM.map(lambda one: (f'{{\\"clientSecret\\": \\"a b {one}\\"}}', one)),
    "clientSecret": RANDOM.map(lambda one: (f"clientSecret={one}", one)),
    "client-secret": RANDOM.map(lambda one: (f"client-secret: {one}", one)),
    "client secret": RANDOM.map(lambda one: (f"Client Secret = {one}", one)),
    "api_key": RANDOM.map(lambda one: (f"api_key={one}&x=1", one)),
    "X-Api-Key": RANDOM.map(lambda one: (f"X-Api-Key: {one}", one)),
    "accessKey": RANDOM.map(lambda one: (f'{{"accessKey":"{one}"}}', one)),
    "sas": RANDOM.map(lambda one: (f"sas: {one}", one)),
    "sig": RANDOM.map(lambda one: (f"https://x.blob.core/c?sv=1&sig={one}&se=2", one)),
    "xml": RANDOM.map(lambda one: (f"<Password>{one}</Password>", one)),
    "yaml block": RANDOM.map(lambda one: (f"password: |\n  {one}", one)),
    "flag": RANDOM.map(lambda one: (f"helm --password {one} pull", one)),
    "connection string": RANDOM.map(
        lambda one: (f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={one}=;EntityPath=q", one)
    ),
    "account key": RANDOM.map(lambda one: (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={one}==", one)),
    "connectionString": RANDOM.map(lambda one: (f'connectionString = "Server=x;Pwd={one};"', one)),
    "basic": RANDOM.map(lambda one: (f"Authorization: Basic {base64.b64encode(f'u:{one}'.encode()).decode()}", one)),
    "basic itself": RANDOM.map(lambda one: (f"basic {one}", one)),
    "bearer": RANDOM.map(lambda one: (f"Bearer {one}", one)),
    "BEARER": RANDOM.map(lambda one: (f'"BEARER%20{one}"', one)),
    "user info": RANDOM.map(lambda one: (f"https://user:{one}@proxy.example:3128/", one)),
    "user info with @": RANDOM.map(lambda one: (f"http://user:p@{one}@proxy:3128", one)),
    "user info with /": RANDOM.map(lambda one: (f"http://user:p/?#{one}@proxy:3128", one)),
    "user info, no scheme": RANDOM.map(lambda one: (f"proxy user:{one}@proxy:3128 refused", one)),
    "user info, encoded": RANDOM.map(lambda one: (f"http%3A%2F%2Fuser%3A{one}%40proxy", one)),
    "hex": HEX.map(lambda one: (f"key material {one} was", one)),
    "base64url": BYTES.map(b64url).map(lambda one: (f"value {one} was", one)),
    "base64": BYTES.map(lambda data: base64.b64encode(data).decode()).map(lambda one: (f"value ({one})", one)),
    "jwt": BYTES.map(lambda data: f"eyJhbGciOiJSUzI1NiJ9.{b64url(data)}.{b64url(data)}").map(
        lambda one: (f"token {one}.", one.split(".")[1])
    ),
    "pem": BYTES.map(lambda data: (pem(data), pem(data).splitlines()[2])),
    "pem in a line": BYTES.map(lambda data: (pem(data, "\\n"), pem(data).splitlines()[2])),
    "pem without end": BYTES.map(lambda data: (pem(data)[:300], pem(data).splitlines()[2])),
    "pem in spaces": BYTES.map(lambda data: (pem(data, " "), pem(data).splitlines()[-2][:30])),
}


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data(), before=WORDS, after=WORDS)
@settings(max_examples=25, deadline=None)
def test_a_secret_of_any_shape_is_taken_out_of_any_text(
    shape: str, data: st.DataObject, before: str, after: str
) -> None:
    text, secret = data.draw(SHAPES[shape])
    whole = f"{before} {text} {after}"
    for shown in (
        redact(whole, 5000),
        redact(redact(whole, 5000)),
        ArcError(Code.KUBERNETES_CHANGE_REFUSED, whole).message,
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/MyResourceGroup2024ProductionWest01"
        "/providers/Microsoft.Kubernetes/connectedClusters/ShopWestEurope2024Production01ABCDEFGHijkl",
        "The client does not have authorization to perform action 'Microsoft.Kubernetes/connectedClusters/write' over "
        "scope '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/clusters'.",
        f"oci://mcr.microsoft.com/azurearck8s/azure-arc@sha256:{'ab12' * 16}",
        f"digest sha256:{'0123456789abcdef' * 4} differs",
        'secrets "sh.helm.release.v1.azure-arc.v1" is forbidden: User "system:serviceaccount:kube-system:arcway" cannot'
        ' get resource "secrets" in API group "" in the namespace "azure-arc-release"',
        "pod azure-arc-kube-aad-proxy-7f8b9c6d5d-x2x4z on aks-nodepool1-12345678-vmss000000 is not ready",
        "ValidatingAdmissionPolicyBinding customresourcedefinitions.apiextensions.k8s.io",
        "The request has no bearer token.",
        "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action",
        "https://management.azure.com/subscriptions/11111111-2222-3333-4444-555555555555?api-version=2024-01-01",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert redact(text, 2000) == text


def test_a_secret_at_the_place_of_the_cut_is_not_half_shown() -> None:
    for length in range(0, 700, 7):
        shown = redact("a " * (length // 2) + f"password={'S3cr3t' * 400}")
        assert "S3cr3t" not in shown


# --- by value ------------------------------------------------------------------------------------------------------

VALUES = ["correct horse battery", "hunter2", "pässwörd!", "a/b?c&d=e", 'say "hi" \\ bye', "s3cr3t-token-0123456789"]


def forms(secret: str) -> dict[str, str]:
    """The ways in which somebody may repeat a secret."""
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
    return perform(step, payload)


@pytest.fixture(params=VALUES)
def secret(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    from arcway.azure import secrets as product

    text = str(request.param)
    monkeypatch.setattr(product, "_find", lambda name: Stored(text))
    monkeypatch.setattr(product, "settings", lambda: type("Settings", (), {"secrets_dir": ".", "vaults": ()}))
    return text


def read(secret: str) -> str:
    from arcway.azure.secrets import read_secret

    found = read_secret("arcway-proxy", SecretKind.PROXY_CREDENTIALS, user=None)
    assert found == secret
    return found


@pytest.mark.parametrize("form", forms("x" * 20))
def test_what_a_step_reads_is_in_nothing_that_leaves_it(
    secret: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = forms(secret)[form]

    def errors() -> Any:
        read(secret)
        log.warning("the server says %s", said)
        raise ArcError(
            Code.KUBERNETES_CHANGE_REFUSED, f"the server says {said}", details=[{"message": f"it says {said}"}]
        )

    def outcome() -> Any:
        read(secret)
        return {
            "detail": f"a {said}",
            "findings": [finding(Code.KUBERNETES_CHANGE_REFUSED, f"b {said}")],
            "leftovers": [f"c {said}"],
        }

    for found in (step_that(errors), step_that(outcome)):
        text = json.dumps(found, ensure_ascii=False)
        assert core(said) not in text
        assert "redacted" in text
    assert core(said) not in caplog.text


def test_an_unexpected_error_does_not_repeat_it(secret: str) -> None:
    def breaks() -> Any:
        raise RuntimeError(f"failed with {read(secret)}")

    with pytest.raises(Exception, match="RuntimeError") as caught:
        step_that(breaks)
    assert secret not in str(caught.value)


def test_the_next_step_does_not_know_it(secret: str) -> None:
    step_that(lambda: {"detail": read(secret)})
    assert step_that(lambda: {"detail": secret})["ok"]["detail"] != "[redacted]"


def test_words_that_machines_need_stay_although_somebody_has_them_as_a_password() -> None:
    found = step_that(lambda: (with_credentials("http://proxy", "user:stable"), {"train": "stable", "done": True})[1])
    assert found == {"ok": {"train": "stable", "done": True}}


def test_the_parts_of_a_proxys_credentials_count_each() -> None:
    found = step_that(lambda: (with_credentials("http://proxy", "user:hunter22"), {"detail": "no hunter22 here"})[1])
    assert "hunter22" not in json.dumps(found)


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

    text = json.dumps(step_that(outcome))
    assert "opaque" not in text
    assert key[:40] not in text


def test_the_agents_key_counts_and_the_public_key_stays_whole() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key_pair.public_key_of(private)
    shown = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    secret = {"data": {"privateKey": base64.b64encode(text.encode()).decode()}}

    def outcome() -> Any:
        key_pair._pem(secret)
        return {"publicKey": public, "detail": text.splitlines()[16]}

    found = step_that(outcome)["ok"]
    assert base64.b64decode(found["publicKey"]) == shown
    assert text.splitlines()[16] not in found["detail"]


# --- everywhere ----------------------------------------------------------------------------------------------------


def through_api_message(text: str) -> Any:
    from arcway.cluster.access.api import _refusal

    return _refusal(400, json.dumps({"message": text}).encode(), "GET /x", None).as_dict()


def through_plain_answer(text: str) -> Any:
    from arcway.cluster.access.api import _refusal

    return _refusal(500, text.encode(), "GET /x", None).as_dict()


def through_helm(text: str) -> Any:
    return helm_refusal(text, "upgrade", Code.HELM_FAILED, is_late=False).as_dict()


def through_helm_program(text: str) -> Any:
    found = program_refusal(text, "upgrade", Code.HELM_FAILED)
    assert isinstance(found, ArcError)
    return found.as_dict()


def through_log_line(text: str) -> Any:
    world = worlds.cluster()
    pod = world[f"{worlds.ARC}/pods"]["items"][0]
    pod["status"]["containerStatuses"][0]["restartCount"] = 5
    world["log"] = text
    return outcome_of("poll_agents", world)


def through_condition(text: str) -> Any:
    world = worlds.cluster()
    world[worlds.CRDS]["items"][0]["status"]["conditions"][0]["message"] = text
    return outcome_of("uninstall_agents", world)


def through_pull(text: str) -> Any:
    pod = worlds.pod("x")
    pod["status"]["containerStatuses"][0]["image"] = text
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": text}}
    found = pod_failures.of_pod(pod, datetime.now(UTC))
    assert found is not None
    return found.error.as_dict()


def through_event(text: str) -> Any:
    world = worlds.cluster()
    base = "/api/v1/namespaces/arcway-check"
    world[f"{base}/pods"] = worlds.of()
    world[f"{base}/events"] = worlds.of(worlds.named("e", message=text))
    return outcome_of("poll_network_check", world)


def through_termination(text: str) -> Any:
    world = worlds.cluster()
    status = world["/api/v1/namespaces/arcway-check/pods"]["items"][0]["status"]
    status["containerStatuses"][0]["state"] = {"terminated": {"message": f"ok {text}\nok a:443"}}
    return outcome_of("poll_network_check", world)


def through_azure(text: str) -> Any:
    with pytest.raises(ArcError) as caught, azure_errors():
        raise HttpResponseError(message=text)
    return caught.value.as_dict()


def through_finding(text: str) -> Any:
    return finding(Code.KUBERNETES_CHANGE_REFUSED, text)


def through_node_name(text: str) -> Any:
    world = worlds.cluster()
    for item in world["/api/v1/nodes"]["items"]:
        item["metadata"]["labels"]["kubernetes.io/arch"] = text
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
    text, secret = data.draw(SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))])
    assert secret not in json.dumps(way(f"it said {text} ."))


@pytest.fixture(autouse=True)
def every_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "arcway")
