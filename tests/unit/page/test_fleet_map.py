"""The members of a fleet as squares."""

import pytest

from arcway.domain.fleets.member_map import MemberState
from arcway.page.fleet_map import LABELS, Squares


def test_labels_are_the_states_of_members() -> None:
    assert tuple(state.label for state in MemberState) == LABELS


def test_each_state_that_occurs_has_one_path_with_a_square_for_each_member() -> None:
    drawn = Squares.of([MemberState.SUCCEEDED] * 5 + [MemberState.FAILED] * 2 + [MemberState.SUCCEEDED])
    assert [(label, count, share) for label, count, share, _ in drawn.states] == [
        ("succeeded", 6, 75.0),
        ("failed", 2, 25.0),
    ]
    paths = {label: path for label, _, _, path in drawn.states}
    assert (paths["succeeded"].count("M"), paths["failed"].count("M")) == (6, 2)
    assert paths["succeeded"].startswith("M0 0h9v9h-9z")


@pytest.mark.parametrize(("size", "columns"), [(1, 2), (4, 4), (100, 20), (10_000, 100)])
def test_the_grid_is_wider_than_high_and_no_square_leaves_it(size: int, columns: int) -> None:
    drawn = Squares.of([0] * size)
    assert drawn.width == columns * 11 - 2
    assert drawn.height == -(-size // columns) * 11 - 2
