"""An API server that sends too much, too slowly, without end, or what is not JSON, ends a call with a named error."""

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import arcway.cluster.access.api as product
from arcway.cluster.access.api import ClusterApi, open_cluster
from arcway.cluster.access.kubeconfig import Access
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.security.conftest import Hostile

MiB = 1024 * 1024


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ArcError) as caught:
        call()
    return caught.value.code


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(data: bytes) -> Callable[[str], Iterator[bytes]]:
    return lambda line: iter([data])


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole calls may take a moment only; a byte arrives well within the time that a socket waits for one."""
    for name in ("CALL_SECONDS", "LIST_SECONDS"):
        monkeypatch.setattr(product, name, 0.5, raising=False)


def test_the_api_server_is_asked_not_to_compress(hostile: Hostile, api: ClusterApi) -> None:
    api.get("/version")
    assert "accept-encoding: identity\r\n" in hostile.requests[0].lower()


@pytest.mark.parametrize(
    "coding", ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "gzip, gzip", "unknown"]
)
def test_a_compressed_answer_is_refused(hostile: Hostile, api: ClusterApi, coding: str) -> None:
    body = gzip.compress(json.dumps({"gitVersion": "v1.30.0", "x": "0" * (4 * MiB)}).encode())
    body = zlib.compress(gzip.decompress(body)) if coding == "deflate" else body
    hostile.says = always(answer(body, f"Content-Encoding: {coding}"))
    assert code_of(lambda: api.get("/version")) == Code.KUBERNETES_RESPONSE_INVALID


def chunks(piece: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from itertools.repeat(b"%x\r\n%s\r\n" % (len(piece), piece))


def without_end(head: bytes, piece: bytes) -> Callable[[str], Iterator[bytes]]:
    return lambda line: itertools.chain([head], itertools.repeat(piece))


@pytest.mark.parametrize(
    "says",
    [
        always(answer(b'{"x": "' + b"a" * (5 * MiB) + b'"}')),
        always(answer(b"[" + b"{}," * MiB + b"{}]")),
        lambda line: chunks(b"a" * 65536),
        lambda line: chunks(b"a"),
        without_end(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
        without_end(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"0" * 65536),
        without_end(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"e" * 65536),
    ],
    ids=["large", "many values", "chunks", "tiny chunks", "until closed", "false length", "chunk extension"],
)
def test_an_answer_that_is_too_large_is_not_read(hostile: Hostile, api: ClusterApi, says: Any) -> None:
    hostile.says = says
    assert code_of(lambda: api.get("/version")) in (
        Code.KUBERNETES_RESPONSE_INVALID,
        Code.API_SERVER_UNREACHABLE,
        Code.API_SERVER_TIMEOUT,
    )


def test_a_log_that_is_too_large_is_not_read(hostile: Hostile, api: ClusterApi) -> None:
    hostile.says = always(answer(b"a" * MiB))
    assert code_of(lambda: api.text("/log")) == Code.KUBERNETES_RESPONSE_INVALID


@pytest.mark.parametrize(
    "says",
    [
        without_end(b"HTTP/1.1 200 OK\r\n", b"X-%s: y\r\n" % (b"a" * 60000)),
        without_end(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
        without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        without_end(b"HTTP/1.1 200 ", b"O" * 65536),
    ],
    ids=["huge headers", "many headers", "one header", "informational answers", "status line"],
)
def test_headers_without_end_are_not_read(hostile: Hostile, api: ClusterApi, says: Any) -> None:
    hostile.says = says
    assert code_of(lambda: api.get("/version")) in (Code.KUBERNETES_RESPONSE_INVALID, Code.API_SERVER_UNREACHABLE)


def drips(hostile: Hostile, head: bytes) -> Callable[[str], Iterator[bytes]]:
    """A byte now and then, each long before a socket's own time limit."""

    def says(line: str) -> Iterator[bytes]:
        yield head
        while not hostile.over.wait(0.02):
            yield b"x"

    return says


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Header: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    ],
    ids=["status line", "header", "body", "chunk"],
)
def test_an_answer_that_drips_ends_at_the_deadline_of_the_call(
    hostile: Hostile, api: ClusterApi, hurried: None, head: bytes
) -> None:
    hostile.says = drips(hostile, head)
    assert code_of(lambda: api.get("/version")) == Code.API_SERVER_TIMEOUT


def test_all_calls_of_a_step_together_have_a_deadline(
    hostile: Hostile, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product, "SESSION_SECONDS", 0.5, raising=False)
    access = Access(f"https://127.0.0.1:{hostile.port}", authority.certificate_pem.decode(), token="t0ken")
    with open_cluster(access) as opened:
        assert code_of(lambda: [opened.get("/version") for _ in itertools.count()]) == Code.API_SERVER_TIMEOUT


def page(items: object, token: object) -> bytes:
    return answer(json.dumps({"metadata": {"continue": token}, "items": items}).encode())


ITEM = {"metadata": {"name": "x"}}


@pytest.mark.parametrize("items", [[], [ITEM]])
def test_a_page_that_leads_to_itself_is_not_followed(hostile: Hostile, api: ClusterApi, items: object) -> None:
    tokens = itertools.cycle(["a", "b"])
    hostile.says = lambda line: iter([page(items, next(tokens))])
    assert code_of(lambda: api.items("/api/v1/nodes")) == Code.KUBERNETES_RESPONSE_INVALID
    assert len(hostile.requests) <= 4


def test_pages_without_end_are_not_followed(hostile: Hostile, api: ClusterApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arcway.cluster.access.responses.PAGES", 20, raising=False)
    tokens = itertools.count()
    hostile.says = lambda line: iter([page([], f"t{next(tokens)}")])
    assert code_of(lambda: api.items("/api/v1/nodes")) == Code.KUBERNETES_RESPONSE_INVALID


def test_items_without_number_are_not_kept(hostile: Hostile, api: ClusterApi) -> None:
    tokens = itertools.count()
    hostile.says = lambda line: iter([page([ITEM] * 5000, f"t{next(tokens)}")])
    assert code_of(lambda: api.items("/api/v1/nodes")) == Code.KUBERNETES_RESPONSE_INVALID


def test_a_list_of_large_objects_is_read_in_smaller_pages(hostile: Hostile, api: ClusterApi) -> None:
    def says(line: str) -> Iterator[bytes]:
        limit = int(line.partition("limit=")[2].split("&")[0].split(" ")[0])
        start = int(line.partition("continue=")[2].split("&")[0].split(" ")[0] or 0)
        end = min(30, start + limit)
        large = [{"metadata": {"name": f"n{number}"}, "spec": {"x": "0" * MiB}} for number in range(start, end)]
        yield page(large, str(end) if end < 30 else "")

    hostile.says = says
    assert [item["metadata"]["name"] for item in api.items("/crds")] == [f"n{number}" for number in range(30)]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"metadata": {"generation": ' + b"9" * 100_000 + b"}}",
        b'{"x": NaN}',
        b'{"x": -Infinity}',
        b'{"x": 1e999999}',
        '{"x": "y"}'.encode("utf-16"),
        '{"x": "y"}'.encode("utf-32"),
        b'{"x": "\xff"}',
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"text"',
        b'{"metadata": 5}',
        b'{"metadata": {"labels": ["a"]}}',
        b'{"metadata": {"annotations": {"a": 5}}}',
        b'{"metadata": {"uid": {}}}',
    ],
)
def test_what_is_not_an_object_of_kubernetes_is_a_named_error(hostile: Hostile, api: ClusterApi, body: bytes) -> None:
    hostile.says = always(answer(body))
    assert code_of(lambda: api.get("/version")) in (Code.KUBERNETES_API_ERROR, Code.KUBERNETES_RESPONSE_INVALID)


@pytest.mark.parametrize(
    "items",
    [
        5,
        "items",
        {"a": 1},
        [5],
        [None],
        [[]],
        [{}],
        [{"metadata": None}],
        [{"metadata": {}}],
        [{"metadata": {"name": 5}}],
        [{"metadata": {"name": ""}}],
        [{"metadata": {"name": "../../secrets"}}],
        [{"metadata": {"name": ".."}}],
        [{"metadata": {"name": "a%2fb"}}],
        [{"metadata": {"name": "x" * 5000}}],
        [{"metadata": {"name": "x", "labels": []}}],
    ],
)
def test_what_is_not_a_list_of_objects_is_a_named_error(hostile: Hostile, api: ClusterApi, items: object) -> None:
    hostile.says = always(answer(json.dumps({"items": items}).encode()))
    assert code_of(lambda: api.items("/api/v1/nodes")) == Code.KUBERNETES_RESPONSE_INVALID


@pytest.mark.parametrize(
    "status", ["500 Error", "403 Forbidden", "429 Slow", "404 None", "302 Found", "204 No", "600 X"]
)
def test_an_error_that_says_anything_is_a_named_error(hostile: Hostile, api: ClusterApi, status: str) -> None:
    for body in (b"[" * 20_000, b'{"message": {"a": 1}}', b'{"message": "\\ud800\\u001b[31m"}', b"\xff\x1b[31m"):
        hostile.says = always(answer(body, "Retry-After: 99999999999", status=status))
        with pytest.raises(ArcError) as caught:
            api.create("/api/v1/namespaces", {})
        assert caught.value.message.isprintable()
        caught.value.message.encode()
        assert (caught.value.retry_after or 0) <= 3600


@pytest.mark.parametrize("name", ["a/../../b", "..", ".", "a%2e", ""])
def test_a_name_that_would_lead_elsewhere_is_in_no_path(name: str) -> None:
    assert code_of(lambda: product.at("/api/v1/nodes", name)) == Code.KUBERNETES_RESPONSE_INVALID


def test_a_name_stays_one_part_of_a_path() -> None:
    assert product.at("/apis", "system:node", "a b?c#d\r\né") == "/apis/system:node/a%20b%3Fc%23d%0D%0A%C3%A9"
