"""The states of a fleet's members as a short text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.fleets.member_map import MemberState, decode, encode


@given(st.binary(max_size=200).map(lambda data: bytes(value % 8 for value in data)))
def test_what_is_written_is_read(states: bytes) -> None:
    assert decode(encode(states), len(states)) == states


def test_the_first_of_two_members_is_in_the_upper_half() -> None:
    assert encode(bytes([MemberState.SUCCEEDED, MemberState.FAILED, MemberState.PARKED])) == "Uw"


def test_ten_thousand_members_fit_into_a_status() -> None:
    assert len(encode(bytes(10_000))) == 5000


@pytest.mark.parametrize("text", ["", "AAA", "A=", "A+"])
def test_what_is_not_a_map_of_that_many_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a map of 3 members"):
        decode(text, 3)
