"""How requests reach functions and what clients see: the habits of the real host."""

import gzip
import socket
from urllib.parse import urlsplit

import pytest

from tests.contract.functions_host.hosting import Host, eventually


def test_a_request_arrives_complete(host: Host) -> None:
    reply = host.http.request(
        "PATCH", "/api/echo/42/w%20x?q=1&q=2", headers=[("X-Sample", "a"), ("X-Sample", "b")], content=b"\x00\xff"
    )
    assert reply.json() == {
        "method": "PATCH",
        "url": f"{host.url}/api/echo/42/w%20x?q=1&q=2",
        "params": {"number": "42", "word": "w x"},
        "query": {"q": "1,2"},
        "header": "a,b",
        "size": 2,
    }


def test_a_line_break_in_a_path_is_a_character_like_others(host: Host) -> None:
    assert host.http.get("/api/echo/1/a%0Ab").json()["params"]["word"] == "a\nb"


def test_a_compressed_body_is_handed_on_as_it_came(host: Host) -> None:
    packed = gzip.compress(bytes(100_000))
    reply = host.http.post("/api/echo/1", content=packed, headers={"Content-Encoding": "gzip"})
    assert reply.json()["size"] == len(packed)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/facts HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /api/facts HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
        b"GET /api/facts HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"GET /api/facts HTTP/1.1\r\n\r\n",
        b"POST /api/echo/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/echo/1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"\x16\x03\x01\x00 no HTTP\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(host: Host, request_: bytes) -> None:
    where = urlsplit(host.url)
    with socket.create_connection((str(where.hostname), where.port or 80), 30) as connection:
        connection.sendall(request_)
        assert connection.makefile("rb").readline().split()[1] == b"400"


def test_an_optional_route_value_may_be_missing(host: Host) -> None:
    assert host.http.put("/api/ECHO/7/").json()["params"] == {"number": "7"}


def test_a_route_constraint_that_does_not_hold_leads_to_the_next_route(host: Host) -> None:
    assert host.http.get("/api/echo/seven").text == "rest of echo/seven"


def test_overlapping_routes_are_tried_in_the_order_of_function_names(host: Host) -> None:
    assert host.http.get("/api/overlap/special").text == "a_general"


def test_a_wrong_method_is_a_bare_404(host: Host) -> None:
    reply = host.http.delete("/api/overlap/special")
    assert (reply.status_code, reply.content) == (404, b"")


def test_a_path_outside_the_prefix_is_not_found(host: Host) -> None:
    assert host.http.get("/overlap/special").status_code == 404


def test_a_function_that_raises_gives_500_and_the_trace_goes_to_the_log_only(host: Host) -> None:
    reply = host.http.get("/api/broken")
    assert (reply.status_code, reply.content) == (500, b"")
    assert 'raise RuntimeError("the secret of the stack trace")' in host.log()


def test_cookies_are_percent_encoded_and_several_are_kept(host: Host) -> None:
    cookies = host.http.get("/api/cookies").headers.get_list("set-cookie")
    assert cookies == [
        "first=a%2Fb%3D; max-age=60; domain=; path=/; samesite=lax; httponly",
        "second=2; domain=; path=; secure",
    ]


@pytest.mark.timeout(300)
def test_bodies_up_to_100_megabytes_are_taken(host: Host) -> None:
    limit = 100 * 1024 * 1024
    assert host.http.post("/api/echo/1", content=bytes(limit)).json()["size"] == limit
    assert host.http.post("/api/echo/1", content=bytes(limit + 1)).status_code == 413


def test_timer_functions_fire_by_their_schedule(host: Host) -> None:
    facts_before = host.facts()["ticks"]
    assert eventually(lambda: host.facts()["ticks"] >= facts_before + 2 or None)
    assert host.facts()["pastDue"] == [False]


def test_admin_runs_functions_whose_trigger_is_not_served(host: Host, name: str) -> None:
    reply = host.http.post("/admin/functions/on_message", json={"input": name})
    assert reply.status_code == 202
    assert eventually(lambda: name in host.facts()["signals"] or None)


@pytest.mark.parametrize(
    ("function", "body", "status"),
    [("nothing", "{}", 404), ("chain", "{}", 400), ("on_message", "{", 400), ("on_message", "[]", 400)],
)
def test_admin_refuses_what_it_cannot_run(host: Host, function: str, body: str, status: int) -> None:
    assert host.http.post(f"/admin/functions/{function}", content=body).status_code == status


def test_functions_without_a_served_trigger_are_listed_with_a_warning(host: Host) -> None:
    assert "on_message" in host.functions
    assert "Function on_message will not fire: setting Bus has no connection string." in host.log()


def test_settings_come_from_the_file_and_stdout_carries_one_line_only(host: Host) -> None:
    assert host.facts()["setting"] == "from the file"
    assert "printed while the app is imported" in host.log()
    assert "printed by a child process" in host.log()
