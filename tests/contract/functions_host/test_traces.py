"""Trace contexts reach functions, and spans of orchestrations and activities reach the app's tracer provider."""

from typing import Any

from tests.contract.functions_host.hosting import Host, eventually

_TRACE, _CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def spans_of(host: Host, trace: str) -> list[dict[str, Any]]:
    return [span for span in host.http.get("/api/spans").json() if span["trace"] == trace]


def test_a_request_an_orchestration_and_its_activities_are_one_trace(host: Host, name: str) -> None:
    parent = f"00-{_TRACE}-{_CALLER}-01"
    response = host.http.get("/api/traced", params={"id": name}, headers={"traceparent": parent}).json()
    assert response == {"traceparent": parent}
    host.until(name, "Completed")
    # The span ends when the outcome is kept, which is a moment after it can be seen.
    eventually(lambda: (spans_of(host, _TRACE)[-1:] and spans_of(host, _TRACE)[-1]["parent"] == _CALLER) or None)
    *activities, orchestration = spans_of(host, _TRACE)
    assert orchestration["name"] == "orchestration:chain"
    assert orchestration["parent"] == _CALLER
    assert [span["name"] for span in activities] == ["activity:shout", "activity:shout_sync"]
    assert {span["parent"] for span in activities} == {orchestration["id"]}


def test_an_orchestration_without_a_parent_has_a_trace_of_its_own(host: Host, name: str) -> None:
    host.run("raises", name)

    def look() -> list[dict[str, Any]] | None:
        # Other orchestrations of this host may have had it as a child, which has a parent.
        return [span for span in host.http.get("/api/spans").json() if span["instance"] == name] or None

    (span,) = eventually(look)
    assert (span["name"], span["parent"], span["ok"]) == ("orchestration:raises", None, False)


def test_a_traceparent_that_is_none_is_not_passed_on(host: Host, name: str) -> None:
    for wrong in ("nonsense", f"00-{'0' * 32}-{_CALLER}-01"):
        response = host.http.get(
            "/api/traced", params={"id": f"{name}{wrong[:2]}"}, headers={"traceparent": wrong}
        ).json()
        assert response == {"traceparent": ""}
