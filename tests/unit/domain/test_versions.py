"""Which version is the newer one: the order of https://semver.org, rule 11."""

from itertools import combinations

import pytest

from arcway.domain.versions import is_older

IN_ORDER = (
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.9.0",
    "1.35.3-preview",
    "1.35.3",
    "1.36.2",
    "2.0.0",
)


@pytest.mark.parametrize(("first", "second"), [*combinations(IN_ORDER, 2)])
def test_the_order_of_versions(first: str, second: str) -> None:
    assert is_older(first, second)
    assert not is_older(second, first)


def test_what_is_the_same_is_not_older() -> None:
    assert not is_older("v1.36.2+build.5", "1.36.2")
    assert is_older("what", "0.0.1")


@pytest.mark.parametrize(
    "version", ["", "1.2", "1.2.3.4", "v1.2.3\n", "1.2.x", "1.2.3-", "-1.2.3", f"{10**9}.0.0", f"1.2.3-{'a' * 129}"]
)
def test_what_is_not_a_version_comes_before_all_versions(version: str) -> None:
    assert is_older(version, "0.0.0-0")
    assert not is_older("0.0.0-0", version)
    assert not is_older(version, "what")
