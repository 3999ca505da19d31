"""What every route does with a request before its handler, and what every answer has."""

import json
from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE, ArcError
from arcway.domain.ids import CORRELATION_ID
from tests.installations import invocation
from tests.unit.triggers.task_hub import Known
from triggers import http
from triggers.access.callers import CHANGE, OPEN, READ, Caller, Role

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def sent(method: str = "POST", body: bytes = b"{}", **headers: str) -> func.HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, "http://127.0.0.1/api/x", headers=named, body=body)


def document(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


async def well(request: func.HttpRequest, _: object, caller: Caller) -> func.HttpResponse:
    return http.respond({"caller": caller.name, "method": request.method}, 201, Location="/x")


async def broken(*_: object) -> func.HttpResponse:
    raise RuntimeError("key password=hunter2hunter2")


async def test_the_handler_of_the_method_answers_and_head_is_get() -> None:
    own = invocation(authentication=Known(Role.READ))
    for method in ("GET", "HEAD"):
        response = await http.dispatch(sent(method), own, {"GET": (READ, well)})
        assert (response.status_code, document(response)) == (201, {"caller": "Rita", "method": method})
        assert response.headers["Location"] == "/x"
        assert (response.headers["X-Content-Type-Options"], response.mimetype) == ("nosniff", "application/json")


async def test_a_method_without_handler_is_405_with_those_that_have_one() -> None:
    response = await http.dispatch(sent("X" * 30), invocation(), {"GET": (READ, well), "PATCH": (READ, well)})
    assert (response.status_code, document(response)["code"]) == (405, Code.METHOD_NOT_ALLOWED)
    assert response.headers["Allow"] == "GET, HEAD, PATCH"
    assert document(response)["detail"].startswith("XXXXXXXXXXXXXXXXXXX")
    assert "X" * 21 not in document(response)["detail"]
    response = await http.dispatch(sent("GET"), invocation(), {"POST": (READ, well)})
    assert response.headers["Allow"] == "POST"


async def test_a_role_that_is_missing_is_403_and_no_identity_401() -> None:
    response = await http.dispatch(sent(), invocation(authentication=Known(Role.READ)), {"POST": (CHANGE, well)})
    assert (response.status_code, document(response)["code"]) == (403, Code.ROLE_MISSING)
    assert "WWW-Authenticate" not in response.headers
    assert "Allow" not in response.headers
    response = await http.dispatch(sent(), invocation(authentication=Known()), {"POST": (READ, well)})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    response = await http.dispatch(sent(), invocation(authentication=Known()), {"POST": (OPEN, well)})
    assert (response.status_code, document(response)["caller"]) == (201, "nobody")


async def test_an_unexpected_error_is_logged_without_secrets_and_tells_callers_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = await http.dispatch(sent(), invocation(), {"POST": (OPEN, broken)})
    assert (response.status_code, document(response)["code"]) == (500, Code.INTERNAL_ERROR)
    assert "hunter2" not in str(document(response)) + caplog.text
    assert "POST failed: RuntimeError: key [redacted]" in caplog.text


def test_an_error_as_problem_details() -> None:
    details = [{"field": "a", "message": "is wrong"}]
    error = ArcError(Code.INVALID_FIELDS, "Wrong.", details=details, remedy="Mend it.")
    response = http.problem(error)
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Retry-After" not in response.headers
    assert document(response) == {
        "type": f"urn:arcway:error:{Code.INVALID_FIELDS}",
        "title": CATALOGUE[Code.INVALID_FIELDS].title,
        "status": 400,
        "detail": "Wrong.",
        "code": Code.INVALID_FIELDS,
        "remedy": "Mend it.",
        "retryable": False,
        "details": details,
    }


@pytest.mark.parametrize(
    ("code", "retry_after", "header"),
    [
        (Code.ENGINE_UNREACHABLE, None, "5"),
        (Code.ENGINE_UNREACHABLE, 2.1, "3"),
        (Code.AZURE_SERVER_ERROR, 7.0, "7"),
        (Code.AZURE_SERVER_ERROR, None, None),
    ],
)
def test_retry_after_is_whole_seconds(code: Code, retry_after: float | None, header: str | None) -> None:
    response = http.problem(ArcError(code, retry_after=retry_after))
    assert response.headers.get("Retry-After") == header


def test_headers_of_the_caller_of_problem_are_sent_too() -> None:
    assert http.problem(ArcError(Code.METHOD_NOT_ALLOWED), {"Allow": "GET"}).headers["Allow"] == "GET"


def test_each_code_has_a_status_and_only_an_unknown_family_is_500() -> None:
    for code in Code:
        status = http.status_of_code(code)
        assert 400 <= status < 600
        assert http.status_of(ArcError(code)) == status
    assert http.status_of_code(Code.RUN_TERMINATED) == 500
    assert http.status_of_code(Code.API_SERVER_UNREACHABLE) == 502


@pytest.mark.parametrize(
    "header",
    [None, "", " ", "application/json", "Application/JSON; charset=UTF-8", "application/json; charset=us-ascii"],
)
def test_a_body_in_json_is_read(header: str | None) -> None:
    headers = {} if header is None else {"Content_Type": header}
    assert http.json_body(sent(body=b'{"a": 1}', **headers)) == {"a": 1}
    assert http.json_body(sent(body=b'{"a": 1}', Content_Encoding="identity", **headers)) == {"a": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Encoding": "gzip"},
    ],
    ids=["text", "charset", "form", "encoding"],
)
def test_a_body_that_says_it_is_something_else_is_refused(headers: Any) -> None:
    with pytest.raises(ArcError) as caught:
        http.json_body(sent(**headers))
    assert (caught.value.code, http.status_of(caught.value)) == (Code.CONTENT_TYPE_NOT_JSON, 415)
    assert next(iter(headers.values())) in caught.value.message


def test_long_headers_are_cut_in_messages() -> None:
    text = "x" + "a, " * 100
    sets: list[Any] = [{"Content_Type": text}, {"Content_Encoding": text}]
    for headers in sets:
        with pytest.raises(ArcError) as caught:
            http.json_body(sent(**headers))
        assert text[:80] in caught.value.message
        assert text[:81] not in caught.value.message


def test_a_body_has_a_limit_of_bytes_and_of_values() -> None:
    assert http.json_body(sent(body=b"[1, 2]"), 6, 3) == [1, 2]
    with pytest.raises(ArcError, match=Code.BODY_TOO_LARGE):
        http.json_body(sent(body=b"[1, 2]"), 5)
    with pytest.raises(ArcError, match=r"ARC-1002: The body has more than 1 values"):
        http.json_body(sent(body=b"[1, 2, 3]"), values=1)
    one_mib = b'"' + b"x" * (1024 * 1024 - 2) + b'"'
    assert http.json_body(sent(body=one_mib)) == "x" * (1024 * 1024 - 2)
    with pytest.raises(ArcError, match=Code.BODY_TOO_LARGE):
        http.json_body(sent(body=one_mib + b" "))


def test_the_origin_of_a_request() -> None:
    origin = http.origin_of(sent(x_ms_correlation_request_id="correlation-1", traceparent=TRACE))
    assert (origin.correlation_id, origin.traceparent) == ("correlation-1", TRACE)
    origin = http.origin_of(sent())
    assert CORRELATION_ID.fullmatch(origin.correlation_id)
    assert origin.traceparent is None
