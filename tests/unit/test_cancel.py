"""A cancel that arrives as the run ends finds it over; only an engine that does not answer is an error."""

import asyncio
from typing import Any

import grpc
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.run import Identity
from arcway.runs.starter import cancel_run

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


def test_a_run_that_goes_on_is_asked_to_stop() -> None:
    assert ask(None) == (True, [("cluster-1", "cancel", "cluster-1.run")])


@pytest.mark.parametrize("code", [grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND])
def test_a_run_that_ended_meanwhile_is_no_error(code: grpc.StatusCode) -> None:
    assert ask(_Refused(code)) == (False, [])


@pytest.mark.parametrize("error", [_Refused(grpc.StatusCode.UNAVAILABLE), grpc.RpcError()])
def test_an_engine_that_does_not_answer_is_named(error: grpc.RpcError) -> None:
    with pytest.raises(ArcError) as caught:
        ask(error)
    assert caught.value.code == Code.ENGINE_UNREACHABLE
