"""Ranges made few: what the standard library makes of them, and no more than are wanted."""

from ipaddress import collapse_addresses, ip_network
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from arcway.cluster.checks.cidr_ranges import merge_ranges

V4 = st.ip_addresses(v=4, network="10.0.0.0/20").flatmap(
    lambda address: st.integers(16, 32).map(lambda length: f"{address}/{length}")
)
V6 = st.ip_addresses(v=6, network="fd00::/116").flatmap(
    lambda address: st.integers(110, 128).map(lambda length: f"{address}/{length}")
)


@given(st.lists(V4), st.lists(V6))
def test_few_ranges_are_those_of_the_standard_library(four: list[str], six: list[str]) -> None:
    expected = chain.from_iterable(
        collapse_addresses([ip_network(line, strict=False) for line in texts])  # type: ignore[type-var]
        for texts in (four, six)
    )
    assert merge_ranges([*six, *four], 1000) == [str(network) for network in expected]


@given(st.lists(V4, min_size=1), st.lists(V6, min_size=1), st.integers(1, 6))
def test_many_ranges_become_few_that_cover_them(four: list[str], six: list[str], most: int) -> None:
    networks = [ip_network(line) for line in merge_ranges([*four, *six], most)]
    assert len([network for network in networks if network.version == 4]) <= most
    for line in (*four, *six):
        first = ip_network(line, strict=False)
        assert any(first.version == counterpart.version and first.subnet_of(counterpart) for counterpart in networks)  # type: ignore[arg-type]


def test_what_is_not_a_range_is_left_out() -> None:
    odd = ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/0008", "::/129", "\ud800", "1" * 100, "a\0b"]
    assert merge_ranges([*odd, "10.0.0.1", "::1/0"], 8) == ["10.0.0.1/32", "::/0"]
