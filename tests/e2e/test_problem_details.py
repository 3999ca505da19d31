"""Whatever is wrong with a request, its sender gets problem details with a code, and nothing is started."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import Arcway, Json, SimulatedCluster

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
        ("GET", "/nothing/there", 404, "ARC-1004"),
        ("POST", "/runs", 405, "ARC-1005"),
        ("DELETE", "/runs/x", 405, "ARC-1005"),
        ("OPTIONS", "/onboardings", 405, "ARC-1005"),
        ("GET", "/runs/x", 404, "ARC-6001"),
        ("GET", "/runs/" + "x" * 5000, 404, "ARC-6001"),
        ("POST", "/runs/x/cancel", 404, "ARC-6001"),
        ("POST", "/runs/x/retry", 404, "ARC-6001"),
        ("GET", "/runs?top=1001", 400, "ARC-1006"),
        ("GET", "/runs?top=1_0", 400, "ARC-1006"),
        ("GET", "/runs?top=1&top=2", 400, "ARC-1006"),
        ("GET", "/runs?state=Lost", 400, "ARC-1006"),
        ("GET", "/runs?createdFrom=0001-01-01T00:00:00%2B23:00", 400, "ARC-1006"),
        ("GET", "/runs?continuationToken=WzFd", 400, "ARC-1006"),
        ("GET", "/runs?continuationToken=" + "W1tb" * 1500, 400, "ARC-1006"),
        ("GET", "/runs?tops=1", 400, "ARC-1006"),
        ("POST", "/onboardings?dryrun=true", 400, "ARC-1006"),
        ("POST", "/onboardings?dryRun=yes", 400, "ARC-1006"),
        ("POST", "/runs/purge?olderThan=%D9%A3d", 400, "ARC-1006"),
        ("GET", "/health?x=1", 400, "ARC-1006"),
        ("GET", "/connectedClusters", 400, "ARC-1006"),
        ("GET", "/connectedClusters?subscription=x", 400, "ARC-1006"),
        ("GET", "/connectedClusters/x/clusters/shop", 400, "ARC-1006"),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/-", 400, "ARC-1006"),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop?name=x", 400, "ARC-1006"),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop/agents?context=x", 400, "ARC-1006"),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop/agents?kubeconfig=other", 400, "ARC-1006"),
        ("GET", f"/connectedClusters/{SUBSCRIPTION}/clusters/shop", 404, "ARC-4012"),
    ],
)
def test_paths_methods_and_queries(arcway: Arcway, method: str, path: str, status: int, code: str) -> None:
    answer = arcway.http.request(method, path)
    problem = is_problem(answer, status, code)
    assert ("Allow" in answer.headers) == (status == 405)
    assert bool(problem["details"]) == (code == "ARC-1006")


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
    assert problem["code"] in ("ARC-1004", "ARC-1006", "ARC-6001")


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
def test_bodies_that_not_everybody_would_read_alike(arcway: Arcway, path: str, case: str) -> None:
    answer = arcway.http.post(path, content=BODIES[case], headers={"Content-Type": "application/json"})
    is_problem(answer, 400, "ARC-1002")


def test_nesting_that_can_be_read_is_just_a_wrong_field(arcway: Arcway) -> None:
    deep: object = []
    for _ in range(500):
        deep = {"tags": [deep]}
    answer = arcway.http.post("/onboardings", json=deep)
    assert "tags" in {item["field"] for item in is_problem(answer, 400, "ARC-1001")["details"]}


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
    is_problem(arcway.http.post("/onboardings", content=b"{}", headers=headers), 415, "ARC-1011")


@pytest.mark.parametrize("given", [None, "application/json", "Application/JSON; charset=UTF-8"])
def test_a_body_is_taken_for_json_however_that_is_said(arcway: Arcway, given: str | None) -> None:
    answer = arcway.http.post("/onboardings", content=b"{}", headers={"Content-Type": given} if given else {})
    is_problem(answer, 400, "ARC-1001")


def test_a_body_over_one_mebibyte(arcway: Arcway) -> None:
    for path in ("/onboardings", "/offboardings", "/updates", "/upgrades"):
        answer = arcway.http.post(path, content=b'{"name": "' + b"a" * 1024 * 1024 + b'"}')
        is_problem(answer, 413, "ARC-1003")


def test_accept_is_ignored_and_head_is_get_without_a_body(arcway: Arcway) -> None:
    assert arcway.http.get("/runs", headers={"Accept": "image/png"}).status_code == 200
    is_problem(arcway.http.get("/runs/x", headers={"Accept": "text/html"}), 404, "ARC-6001")
    head = arcway.http.head("/openapi.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"]
    assert arcway.http.head("/onboardings").status_code == 405
    assert arcway.http.options("/runs").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("key", ["", "k" * 129])
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_key_that_is_none(arcway: Arcway, cluster: SimulatedCluster, key: str, dry_run: str) -> None:
    answer = arcway.start(arcway.request(cluster), headers={"Idempotency-Key": key}, params={"dryRun": dry_run})
    assert is_problem(answer, 400, "ARC-1006")["details"][0]["field"] == "Idempotency-Key"
    assert arcway.http.get("/runs", params={"subscription": arcway.subscription}).json()["value"] == []


@pytest.mark.parametrize("host", [b"a:b:c", b"[", b"\xff\xfe", b"a b/..?#", b"169.254.169.254"])
def test_a_host_that_is_not_this_one_gets_nothing(arcway: Arcway, host: bytes) -> None:
    parts = urlsplit(arcway.stack.url)
    with socket.create_connection((str(parts.hostname), parts.port or 80), 30) as connection:
        connection.sendall(b"GET /api/runs HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        line = connection.makefile("rb").readline()
    assert line.split()[1] in (b"400", b"403"), line
