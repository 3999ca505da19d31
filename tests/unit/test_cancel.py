"""A cancel that arrives as the run ends finds it over; only an engine that does not answer is an error."""

import asyncio
from typing import Any

import grpc
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.run import Identity
from arcway.runs.starter import cancel_run
from orchestrators.cancel_requests import CANCEL_EVENT
from tests.unit.orchestrators.in_memory import INSTANCE, RUN, InMemory, ok, orchestrate, payload
from tests.unit.orchestrators.worlds import CONNECT

_BY = Identity(name="somebody", object_id=None)


class _Refused(grpc.RpcError):  # type: ignore[misc]
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


class _Client:
    def __init__(self, error: grpc.RpcError | None) -> None:
        self._error = error
        self.sent: list[tuple[Any, ...]] = []

    async def raise_orchestration_event(self, instance: str, name: str, *, data: Any) -> None:
        if self._error is not None:
            raise self._error
        self.sent.append((instance, name, data["run"]))


def ask(error: grpc.RpcError | None) -> tuple[bool, list[tuple[Any, ...]]]:
    client: Any = _Client(error)
    return asyncio.run(cancel_run(client, "cluster-1.run", _BY)), client.sent


def test_a_run_in_progress_is_asked_to_stop() -> None:
    assert ask(None) == (True, [("cluster-1", "cancel", "cluster-1.run")])


@pytest.mark.parametrize("code", [grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND])
def test_a_run_that_ended_meanwhile_is_not_an_error(code: grpc.StatusCode) -> None:
    assert ask(_Refused(code)) == (False, [])


@pytest.mark.parametrize("error", [_Refused(grpc.StatusCode.UNAVAILABLE), grpc.RpcError()])
def test_an_engine_that_does_not_answer_is_named(error: grpc.RpcError) -> None:
    with pytest.raises(ArcError) as caught:
        ask(error)
    assert caught.value.code == Code.ENGINE_UNREACHABLE


@pytest.mark.parametrize(
    ("run", "state"),
    [(f"{INSTANCE}.{RUN}", "Canceled"), (f"{INSTANCE}.ffffffffffff", "Succeeded")],
    ids=["its", "late"],
)
@pytest.mark.parametrize("seconds", [0, 5, 30])
def test_a_cancel_reaches_the_run_that_it_names_and_never_the_next_one_on_the_cluster(
    run: str, state: str, seconds: float
) -> None:
    sent: list[Any] = []

    class Client:
        async def raise_orchestration_event(self, instance: str, name: str, *, data: Any) -> None:
            assert (instance, name) == (INSTANCE, CANCEL_EVENT)
            sent.append(data)

    client: Any = Client()
    assert asyncio.run(cancel_run(client, run, _BY))
    context = InMemory({**CONNECT, "poll_agents": [ok(done=False)] * 8 + [ok(done=True)]})
    context.cancel(seconds=seconds, data=sent[0])
    assert orchestrate(context, payload())["state"] == state
    assert context.status["canceledBy"] == (_BY.as_json() if state == "Canceled" else None)
