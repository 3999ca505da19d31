"""The members of a fleet as squares: one path of an SVG for each state, in the order of the request."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LABELS = ("waiting", "running", "succeeded", "unchanged", "failed", "canceled", "parked", "skipped")
_SIDE, _GAP = 9, 2
_MOST_COLUMNS = 100
_RATIO = 4
"""How much wider than high the grid is."""


@dataclass(frozen=True, slots=True)
class Squares:
    """A drawing: its size, and for each state that occurs its number, its share in percent and its path."""

    width: int
    height: int
    states: tuple[tuple[str, int, float, str], ...]

    @classmethod
    def of(cls, states: Sequence[int]) -> "Squares":
        """The drawing of members in these states (indices of `LABELS`)."""
        columns = max(1, min(_MOST_COLUMNS, math.ceil(math.sqrt(_RATIO * len(states)))))
        step, paths = _SIDE + _GAP, [list[str]() for _ in LABELS]
        for index, state in enumerate(states):
            row, column = divmod(index, columns)
            paths[state].append(f"M{column * step} {row * step}h{_SIDE}v{_SIDE}h-{_SIDE}z")
        rows = math.ceil(len(states) / columns)
        drawn = tuple(
            (label, len(path), 100 * len(path) / len(states), "".join(path))
            for label, path in zip(LABELS, paths, strict=True)
            if path
        )
        return cls(columns * step - _GAP, rows * step - _GAP, drawn)
