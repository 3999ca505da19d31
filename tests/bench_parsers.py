"""Measures every parser and redactor of text from outside at its size limit, with the input that is nastiest for it."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest import mock

import azure.functions as func

from arcway.azure.subscriptions import is_match
from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.access.plain_yaml import read_yaml
from arcway.cluster.access.responses import Pages, object_in
from arcway.cluster.agents.values import from_dotted
from arcway.cluster.checks.internal_ranges import internal_ranges
from arcway.cluster.checks.nodes import quantity
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json
from arcway.domain.proxy import Proxy, no_proxy_list
from arcway.domain.redaction import LIMIT
from arcway.domain.request import parse_request
from arcway.domain.retry_after import retry_after
from arcway.domain.secrets_held import hold, holding, masked_value
from arcway.domain.text import LONG, presentable, visible
from arcway.domain.versions import is_older
from arcway.runs.reader import _read_token
from triggers import http
from triggers.page.responses import FORM_LIMIT, fields_of

type Call = Callable[[Any], object]

MiB = 1024 * 1024
_TIMES = 3

_NASTY_TEXTS = {
    "names of secrets": "password" * 40_000,
    "quotes without end": 'token="\\' * 40_000,
    "escaped quotes": 'secret=\\"' * 40_000,
    "addresses": "://" * 100_000 + "@",
    "tokens": "-eyJ" * 80_000,
    "keys without end": "-----BEGIN A-----" * 20_000,
    "letters and digits": "aB3" * 100_000,
    "slashes": "a/" * 150_000,
    "ids": "/subscriptions/11111111-2222-3333-4444-555555555555" * 6000,
    "blanks": "bearer" + " " * 300_000,
    "escapes": "\x1b\u202e\ud800" * 100_000,
}


def measure() -> Json:
    """The slowest of a few calls, in milliseconds of this thread's work, by what is read and with what."""
    records = {name: _milliseconds(call, value) for name, (call, value) in _cases().items()}
    return {"parsers, ms": dict(sorted(records.items(), key=lambda item: -item[1]))}


def table(report: Json) -> str:
    """The figures as Markdown, for docs/performance.md."""
    rows = [f"| {name} | {taken} |" for name, taken in report["parsers, ms"].items()]
    return "\n".join(["| what is read | ms |", "|---|---|", *rows])


def _milliseconds(call: Call, payload: Any) -> float:
    taken = []
    for _ in range(_TIMES):
        begun = time.thread_time()
        with suppress(ArcError, ValueError):  # a refusal is an answer, too
            call(payload)
        taken.append((time.thread_time() - begun) * 1000)
    return round(max(taken), 1)


def _cases() -> dict[str, tuple[Call, Any]]:
    redacting = {f"redact: {name}": (lambda line: redact(line, LIMIT), line) for name, line in _NASTY_TEXTS.items()}
    long = {f"redact, long: {name}": (lambda line: redact(line, LONG), line) for name, line in _NASTY_TEXTS.items()}
    return {**redacting, **long, **_of_yaml(), **_of_json(), **_of_cluster(), **_of_requests()}


def _of_yaml() -> dict[str, tuple[Call, Any]]:
    nasty = {
        "items": "- a\n" * 250_000,
        "a flow": "[" + "a," * 500_000 + "]",
        "keys": "".join(f"k{number}: v\n" for number in range(90_000)),
        "nesting": "[" * MiB,
        "numbers to the base 60": "a: " + "1:" * 500_000 + "1",
        "a quoted text": '"' + "\n" * (MiB - 10) + '"',
        "escapes": '"' + "\\x41" * (MiB // 4 - 4) + '"',
        "plain words": "a " * (MiB // 2),
        "indentation": "".join(" " * number + "a:\n" for number in range(1400)),
    }
    cases: dict[str, tuple[Call, Any]] = {f"YAML: {name}": (read_yaml, line) for name, line in nasty.items()}
    return cases | {"kubeconfig: authorities": (_kubeconfig, "-----BEGIN CERTIFICATE-----\nAA==\n" * 20_000)}


def _kubeconfig(authorities: str) -> object:
    encoded = base64.b64encode(authorities.encode()).decode()
    server = {"server": "https://127.0.0.1", "certificate-authority-data": encoded}
    document = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": server}],
        "users": [{"name": "x", "user": {"token": "x"}}],
    }
    return read_kubeconfig(json.dumps(document), None, allow_loopback=True)


def _of_json() -> dict[str, tuple[Call, Any]]:
    nasty = {
        "nesting": b'{"a":' * 300_000,
        "empty objects": b'{"a": [' + b"{}," * 99_000 + b"{}]}",
        "numbers": b'{"a": [' + b"1," * 199_000 + b"1]}",
        "a long number": b'{"a": ' + b"9" * (4 * MiB) + b"}",
        "a long text": b'{"a": "' + b"\\u0041" * (4 * MiB // 6) + b'"}',
    }
    cases: dict[str, tuple[Call, Any]] = {
        f"API server's answer: {name}": (lambda data: object_in(data, "/x"), data) for name, data in nasty.items()
    }
    items = b",".join(b'{"metadata": {"name": "n%d", "labels": {"a": "b"}}}' % number for number in range(10_000))
    page = b'{"items": [' + items + b"]}"
    return cases | {"API server's answer: a page of items": (lambda data: Pages("/x", 10**6).add(data), page)}


def _of_cluster() -> dict[str, tuple[Call, Any]]:
    ranges = [f"{number % 223 + 1}.{number // 223 % 256}.{number % 251}.0/24" for number in range(5000)]
    ranges += [f"fd{number % 256:02x}:{number:x}::/{64 + number % 60}" for number in range(5000)]
    api = mock.Mock(server="https://x")
    api.get.return_value = None
    outcome = {"leftovers": [f"x{number}" * 4 for number in range(6000)], "\x1b": "\ud800" * 1000}
    return {
        "quantity: an exponent": (quantity, "1e999999"),
        "quantity: digits": (quantity, "9" * MiB),
        "ranges of a cluster": (lambda texts: internal_ranges(api, [{"spec": {"podCIDRs": texts}}]), ranges),
        "kubeadm's ConfigMap": (lambda line: read_yaml(line, 64 * 1024), "- a\n" * 16_000),
        "an outcome of a step": (lambda value: masked_value(presentable(value), frozenset({"left"})), outcome),
        "an outcome of a step with 60 secrets": (_with_secrets, outcome),
        "a text that is shown": (visible, "\x1b" * 65_536),
        "dotted settings": (from_dotted, {"." * MiB: "x"}),
        "Retry-After: digits": (lambda line: retry_after(line, mock.sentinel.now), "9" * MiB),
        "Retry-After: a date": (lambda line: retry_after(line, mock.sentinel.now), "Sun, 01 Mar " * 5),
        "versions": (lambda line: is_older(line, "1.0.0"), "1.0.0-" + "a." * 60),
        "actions of a role": (lambda pattern: is_match(pattern, "Microsoft.Kubernetes/x/write"), "*e" * 5000 + "*z"),
    }


def _with_secrets(value: Any) -> object:
    with holding():
        for number in range(60):
            hold(f"secret number {number} which is long enough")
        return masked_value(presentable(value), frozenset({"left"}))


def _of_requests() -> dict[str, tuple[Call, Any]]:
    request = {"subscriptionId": "1" * 36, "resourceGroup": "x", "name": "x", "location": "x"}
    return {
        "body: numbers": (_body, b"[" + b"1," * 500_000 + b"1]"),
        "body: objects": (_body, b"[" + b"{}," * 2_400 + b"{}]"),
        "body: nesting": (_body, b'{"a":' * 4_900),
        "body: a long text": (_body, b'"' + b"\\u0041" * 170_000 + b'"'),
        "form: fields": (lambda data: dict(fields_of(_request(data))), b"a=&" * 160_000),
        "form: a long text": (lambda data: dict(fields_of(_request(data))), b"a=" + b"%41" * (FORM_LIMIT // 3 - 2)),
        "request: tags": (parse_request, {**request, "tags": {f"t{number}": "x" * 300 for number in range(20_000)}}),
        "request: unknown fields": (parse_request, {**request, **{f"f{number}": 1 for number in range(4_900)}}),
        "proxy: certificates": (lambda content: Proxy(certificate=content), _CERTIFICATES),
        "proxy: skip range": (lambda content: no_proxy_list(content, [], "com"), "Arc," * 1024),
        "continuation token": (_read_token, base64.urlsafe_b64encode(b"[" * 8192).decode()),
    }


def _request(data: bytes) -> func.HttpRequest:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return func.HttpRequest("POST", "https://x/api/x", headers=headers, body=data)


def _body(data: bytes) -> object:
    return http.json_body(
        func.HttpRequest("POST", "https://x/api/x", headers={"Content-Type": "application/json"}, body=data)
    )


_CERTIFICATES = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" * 500
