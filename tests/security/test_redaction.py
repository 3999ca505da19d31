"""Secrets in text from outside, by their shape."""

import base64
import string
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact

PLAIN = string.ascii_letters + string.digits
# With what no other part of a text has, so that finding it means that it was let through.
RANDOM = st.text(PLAIN, min_size=10, max_size=38).map(lambda content: f"Z{content}9")
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
    "password=": RANDOM.map(lambda first: (f"password={first}", first)),
    "PASSWORD:": RANDOM.map(lambda first: (f"PASSWORD: {first}", first)),
    "quoted": RANDOM.map(lambda first: (f'password="a b, c {first} d"', first)),
    "single quotes": RANDOM.map(lambda first: (f"passwd = 'a {first}'", first)),
    "escaped quote": RANDOM.map(lambda first: (f'"client-secret": "a\\" b {first}"', first)),
    "json in json": RANDOM.map(lambda first: (f'{{\\"clientSecret\\": \\"a b {first}\\"}}', first)),
    "clientSecret": RANDOM.map(lambda first: (f"clientSecret={first}", first)),
    "client-secret": RANDOM.map(lambda first: (f"client-secret: {first}", first)),
    "client secret": RANDOM.map(lambda first: (f"Client Secret = {first}", first)),
    "api_key": RANDOM.map(lambda first: (f"api_key={first}&x=1", first)),
    "X-Api-Key": RANDOM.map(lambda first: (f"X-Api-Key: {first}", first)),
    "accessKey": RANDOM.map(lambda first: (f'{{"accessKey":"{first}"}}', first)),
    "sas": RANDOM.map(lambda first: (f"sas: {first}", first)),
    "sig": RANDOM.map(lambda first: (f"https://x.blob.core/c?sv=1&sig={first}&se=2", first)),
    "xml": RANDOM.map(lambda first: (f"<Password>{first}</Password>", first)),
    "yaml block": RANDOM.map(lambda first: (f"password: |\n  {first}", first)),
    "flag": RANDOM.map(lambda first: (f"helm --password {first} pull", first)),
    "connection string": RANDOM.map(
        lambda first: (f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={first}=;EntityPath=q", first)
    ),
    "account key": RANDOM.map(
        lambda first: (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={first}==", first)
    ),
    "connectionString": RANDOM.map(lambda first: (f'connectionString = "Server=x;Pwd={first};"', first)),
    "basic": RANDOM.map(
        lambda first: (f"Authorization: Basic {base64.b64encode(f'u:{first}'.encode()).decode()}", first)
    ),
    "basic itself": RANDOM.map(lambda first: (f"basic {first}", first)),
    "bearer": RANDOM.map(lambda first: (f"Bearer {first}", first)),
    "BEARER": RANDOM.map(lambda first: (f'"BEARER%20{first}"', first)),
    "user info": RANDOM.map(lambda first: (f"https://user:{first}@proxy.example:3128/", first)),
    "user info with @": RANDOM.map(lambda first: (f"http://user:p@{first}@proxy:3128", first)),
    "user info with /": RANDOM.map(lambda first: (f"http://user:p/?#{first}@proxy:3128", first)),
    "user info, no scheme": RANDOM.map(lambda first: (f"proxy user:{first}@proxy:3128 refused", first)),
    "user info, encoded": RANDOM.map(lambda first: (f"http%3A%2F%2Fuser%3A{first}%40proxy", first)),
    "hex": HEX.map(lambda first: (f"key material {first} was", first)),
    "base64url": BYTES.map(b64url).map(lambda first: (f"value {first} was", first)),
    "base64": BYTES.map(lambda data: base64.b64encode(data).decode()).map(lambda first: (f"value ({first})", first)),
    "jwt": BYTES.map(lambda data: f"eyJhbGciOiJSUzI1NiJ9.{b64url(data)}.{b64url(data)}").map(
        lambda first: (f"token {first}.", first.split(".")[1])
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
    content, secret = data.draw(SHAPES[shape])
    whole = f"{before} {content} {after}"
    for redacted in (
        redact(whole, 5000),
        redact(redact(whole, 5000)),
        ArcError(Code.KUBERNETES_CHANGE_REFUSED, whole).message,
    ):
        assert secret not in redacted


# Each says that a secret follows, and so does most of what is put after it.
INTRODUCTIONS = [
    *("bearer ", "Basic: ", 'negotiate "', "auth: bearer ", "token: ", "'token': ", "token=> ", "password=", "pwd:"),
    *('secret: "', "cookie: ", "authorization: ", "sig=", "--password ", "password: secret: bearer "),
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
@given(data=st.data(), shape=st.sampled_from(sorted(SHAPES)))
@settings(max_examples=60, deadline=None)
def test_a_secret_that_is_introduced_twice_is_taken_out(introduction: str, data: st.DataObject, shape: str) -> None:
    content, secret = data.draw(SHAPES[shape])
    assert secret not in redact(f"refused {introduction}{content} by it", 5000)


@pytest.mark.parametrize("word", ["token: ", "bearer ", "'password': "])
def test_a_secret_that_is_introduced_however_often_is_taken_out(word: str) -> None:
    for times in range(1, 60):
        assert "hunter2hunter2" not in redact(f"refused {word * times}hunter2hunter2", 5000)


@pytest.mark.parametrize(
    "message",
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
def test_what_people_need_to_read_stays(message: str) -> None:
    assert redact(message, 2000) == message


def test_a_secret_at_the_place_of_the_cut_is_not_half_shown() -> None:
    for length in range(0, 700, 7):
        redacted = redact("a " * (length // 2) + f"password={'S3cr3t' * 400}")
        assert "S3cr3t" not in redacted
