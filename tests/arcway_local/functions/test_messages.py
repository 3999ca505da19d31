"""The worker library's message types refuse what protobuf would refuse."""

import pytest

from arcway_local.functions.http_messages import to_response
from arcway_local.functions.protos import RpcHttp, TypedData


@pytest.mark.parametrize("data", [{"string": 1}, {"json": b""}, {"bytes": "x"}, {"http": "x"}])
def test_a_value_of_the_wrong_type_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="was given for TypedData"):
        TypedData(**data)


def test_header_values_must_be_text() -> None:
    with pytest.raises(TypeError, match="headers"):
        RpcHttp(headers={"X": 1})


def test_an_unset_value_has_no_kind() -> None:
    assert TypedData(string=None).WhichOneof("data") is None
    assert TypedData(json="1").WhichOneof("data") == "json"


async def test_a_function_that_returns_nothing_answers_204() -> None:
    assert to_response(None).status == 204


async def test_text_answers_as_text() -> None:
    response = to_response(TypedData(string="grüezi"))
    assert (response.status, response.text) == (200, "grüezi")
