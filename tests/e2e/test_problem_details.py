"""Whatever is wrong with a request, its sender gets problem details with a code, and nothing is started."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.e2e.conftest import Arcway, SimulatedCluster

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
FIELDS = {"type", "title", "status", "detail", "code", "remedy", "retryable", "details"}


def is_problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem details, if they are those."""
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json", answer.text
    problem: Json = answer.json()
    assert problem.keys() == FIELDS
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    assert problem["type"] == f"urn:arcway:error:{code}"
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/there", 404, Code.PATH_NOT_FOUND),
        ("POST", "/runs", 405, Code.METHOD_NOT_ALLOWED),
        ("DELETE", "/runs/x", 405, Code.METHOD_NOT_ALLOWED),
        ("OPTIONS", "/onboardings", 405, Code.METHOD_NOT_ALLOWED),
        ("GET", "/runs/x", 404, Code.RUN_NOT_FOUND),
        ("GET", "/runs/" + "x" * 5000, 404, Code.RUN_NOT_FOUND),
        ("POST", "/runs/x/cancel", 404, Code.RUN_NOT_FOUND),
        ("POST", "/runs/x/retry", 404, Code.RUN_NOT_FOUND),
        ("GET", "/runs?top=1001", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?top=1_0", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?top=1&top=2", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?state=Lost", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?createdFrom=0001-01-01T00:00:00%2B23:00", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?continuationToken=WzFd", 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?continuationToken=" + "W1tb" * 1500, 400, Code.INVALID_PARAMETERS),
        ("GET", "/runs?tops=1", 400, Code.INVALID_PARAMETERS),
        ("POST", "/onboardings?dryrun=true", 400, Code.INVALID_PARAMETERS),
        ("POST", "/onboardings?dryRun=yes", 400, Code.INVALID_PARAMETERS),
        ("POST", "/runs/purge?olderThan=%D9%A3d", 400, Code.INVALID_PARAMETERS),
        ("GET", "/health?x=1", 400, Code.INVALID_PARAMETERS),
        ("GET", "/connectedClusters", 400, Code.INVALID_PARAMETERS),
        ("GET", "/connectedClusters?subscription=x", 400, Code.INVALID_PARAMETERS),
        ("GET", "/connectedClusters/x/clusters/shop", 400, Code.INVALID_PARAMETERS),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/-", 400, Code.INVALID_PARAMETERS),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop?name=x", 400, Code.INVALID_PARAMETERS),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop/agents?context=x", 400, Code.INVALID_PARAMETERS),
        (
            "GET",
            f"/connectedClusters/{SUBSCRIPTION}/clusters/shop/agents?kubeconfig=other",
            400,
            Code.INVALID_PARAMETERS,
        ),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop", 404, Code.CONNECTED_CLUSTER_NOT_FOUND),
    ],
)
def test_paths_methods_and_queries(arcway: Arcway, method: str, path: str, status: int, code: str) -> None:
    answer = arcway.http.request(method, path)
    problem = is_problem(answer, status, code)
    assert ("Allow" in answer.headers) == (status == 405)
    assert bool(problem["details"]) == (code == Code.INVALID_PARAMETERS)


# As a client sends them that does not tidy them up.
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/runs/%zz", 404),
        ("/api/runs/%ff%fe", 404),
        ("/api/runs/%00", 404),
        ("/api/runs/a%0Ab", 404),
        ("/api/%0A", 404),
        ("/api/runs/%ed%a0%80", 404),
        ("/api/..%2f..%2fhost.json", 404),
        ("/api/runs?top=%zz", 400),
        ("/api/runs?%00=%00", 400),
        (f"/api/connectedClusters/{SUBSCRIPTION}/a%2Fb/%00", 400),
    ],
)
def test_percent_encoding_that_is_wrong_or_strange(arcway: Arcway, target: str, status: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(arcway.stack.url).netloc, timeout=240)
    connection.request("GET", target)
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    connection.close()
    assert (answer.status, problem["status"]) == (status, status)
    assert problem["code"] in (Code.PATH_NOT_FOUND, Code.INVALID_PARAMETERS, Code.RUN_NOT_FOUND)


BODIES = {
    "a name twice": b'{"name": "a", "name": "b"}',
    "a name twice deep inside": b'{"kubeconfig": {"secret": "arcway-a", "secret": "arcway-b"}}',
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "a number without end": b'{"name": 1e999}',
    "a number of 5,000 digits": b'{"name": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": rb'{"name": "\ud800"}',
    "half a surrogate pair as a name": rb'{"\udfff": 1}',
    "NUL": rb'{"name": "a\u0000b"}',
    "no UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "deep nesting": b'{"name": ' + b"[" * 200_000,
    "deep nesting that ends": b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "more after it": b"{} {}",
    "a form": b"name=shop",
}


@pytest.mark.parametrize("case", sorted(BODIES))
@pytest.mark.parametrize("path", ["/onboardings", "/upgrades"])
def test_bodies_that_parsers_read_differently(arcway: Arcway, path: str, case: str) -> None:
    answer = arcway.http.post(path, content=BODIES[case], headers={"Content-Type": "application/json"})
    is_problem(answer, 400, Code.BODY_NOT_JSON)


def test_nesting_that_can_be_read_is_just_a_wrong_field(arcway: Arcway) -> None:
    deep: object = []
    for _ in range(500):
        deep = {"tags": [deep]}
    answer = arcway.http.post("/onboardings", json=deep)
    assert "tags" in {item["field"] for item in is_problem(answer, 400, Code.INVALID_FIELDS)["details"]}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "nonsense"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_a_body_that_says_that_it_is_something_else(arcway: Arcway, headers: dict[str, str]) -> None:
    is_problem(arcway.http.post("/onboardings", content=b"{}", headers=headers), 415, Code.CONTENT_TYPE_NOT_JSON)


@pytest.mark.parametrize("content_type", [None, "application/json", "Application/JSON; charset=UTF-8"])
def test_a_body_is_taken_for_json_however_that_is_said(arcway: Arcway, content_type: str | None) -> None:
    answer = arcway.http.post(
        "/onboardings", content=b"{}", headers={"Content-Type": content_type} if content_type else {}
    )
    is_problem(answer, 400, Code.INVALID_FIELDS)


def test_a_body_over_one_mebibyte(arcway: Arcway) -> None:
    for path in ("/onboardings", "/offboardings", "/updates", "/upgrades"):
        answer = arcway.http.post(path, content=b'{"name": "' + b"a" * 1024 * 1024 + b'"}')
        is_problem(answer, 413, Code.BODY_TOO_LARGE)


def test_accept_is_ignored_and_head_is_get_without_a_body(arcway: Arcway) -> None:
    assert arcway.http.get("/runs", headers={"Accept": "image/png"}).status_code == 200
    is_problem(arcway.http.get("/runs/x", headers={"Accept": "text/html"}), 404, Code.RUN_NOT_FOUND)
    head = arcway.http.head("/openapi.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"]
    assert arcway.http.head("/onboardings").status_code == 405
    assert arcway.http.options("/runs").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("key", ["", "k" * 129])
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_key_that_is_none(arcway: Arcway, cluster: SimulatedCluster, key: str, dry_run: str) -> None:
    answer = arcway.start(arcway.request(cluster), headers={"Idempotency-Key": key}, params={"dryRun": dry_run})
    assert is_problem(answer, 400, Code.INVALID_PARAMETERS)["details"][0]["field"] == "Idempotency-Key"
    assert arcway.http.get("/runs", params={"subscription": arcway.subscription}).json()["value"] == []


@pytest.mark.parametrize("host", [b"a:b:c", b"[", b"\xff\xfe", b"a b/..?#", b"169.254.169.254"])
def test_a_host_that_is_not_this_one_gets_nothing(arcway: Arcway, host: bytes) -> None:
    parts = urlsplit(arcway.stack.url)
    with socket.create_connection((str(parts.hostname), parts.port or 80), 30) as connection:
        connection.sendall(b"GET /api/runs HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        line = connection.makefile("rb").readline()
    assert line.split()[1] in (b"400", b"403"), line
