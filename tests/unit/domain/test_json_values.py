"""JSON from outside is read within bounds."""

import json

import pytest

from arcway.domain.json_values import MOST_VALUES, count_of, read_json


@pytest.mark.parametrize("value", [None, True, 5, -1.5, 1e300, "ä\U0001f680", [], {}, {"a": [1, {"b": None}]}])
def test_json_is_read(value: object) -> None:
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"1e999", "the JSON has a number that is not finite"),
        (b"[" * 100_000, "the JSON is nested too deeply"),
        (b"1" * 10_000, "Exceeds the limit"),
        (b'{"a": }', "Expecting value"),
        (b"\xff", "codec can't decode"),
        (b"", "Expecting value"),
    ],
)
def test_what_is_not_json_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{message}$" if message.startswith("the JSON") else message):
        read_json(data)


@pytest.mark.parametrize("data", [b"[1,2,3]", b'{"a":[{}]}', b"[[[]]]"])
def test_json_with_more_values_than_allowed_is_refused_before_it_is_read(data: bytes) -> None:
    assert read_json(data, 4) is not None
    with pytest.raises(ValueError, match=r"^the JSON has too many values$"):
        read_json(data, 3)


@pytest.mark.parametrize(("data", "count"), [(b"5", 1), (b"[1,2]", 3), (b'{"a":1,"b":[]}', 4), (b'"a,b"', 2)])
def test_count_of_values_is_never_too_low(data: bytes, count: int) -> None:
    assert count_of(data) == count


def test_two_hundred_thousand_values_are_read() -> None:
    data = b"[" + b",".join([b"1"] * (MOST_VALUES - 1)) + b"]"
    assert len(read_json(data)) == 199_999  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="too many values"):
        read_json(data[:-1] + b",1]")
