"""The forecasts of a check fleet's members as they are kept: each different one once, and a number for each member.

A fleet carries them from generation to generation: three letters a member are 30 kB for 10,000 members.
"""

from collections.abc import Iterator

from arcway.domain.fleets.member_map import ALPHABET, VALUES
from arcway.domain.fleets.plan import Forecast
from arcway.domain.json_values import Json

_WIDTH, _BASE = 3, 64


class Forecasts:
    """The forecasts by the index of their member."""

    def __init__(self) -> None:
        self._numbers: dict[Forecast, int] = {}
        self._of: dict[int, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forecasts) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment] # forecasts are added

    def __len__(self) -> int:
        return len(self._of)

    def put(self, index: int, forecast: Forecast) -> None:
        """Keep the member's forecast, in place of an earlier one."""
        self._of[index] = self._numbers.setdefault(forecast, len(self._numbers) + 1)

    def items(self) -> Iterator[tuple[int, Forecast]]:
        """The members with their forecasts, in order."""
        forecasts = {number: forecast for forecast, number in self._numbers.items()}
        return ((index, forecasts[number]) for index, number in sorted(self._of.items()))

    def as_json(self) -> Json:
        """The JSON form; empty without any."""
        if not self._of:
            return {}
        numbers = (self._of.get(index, 0) for index in range(max(self._of) + 1))
        return {"forecasts": [forecast.as_json() for forecast in self._numbers], "map": "".join(map(_text, numbers))}

    @classmethod
    def read(cls, document: Json | None) -> "Forecasts":
        """What `as_json` wrote; none of what was written before there were forecasts."""
        result = cls()
        if document:
            forecasts = [Forecast.read(item) for item in document["forecasts"]]
            for forecast in forecasts:
                result._numbers.setdefault(forecast, len(result._numbers) + 1)
            letters = document["map"]
            for index in range(len(letters) // _WIDTH):
                if number := _number(letters[index * _WIDTH : (index + 1) * _WIDTH]):
                    result.put(index, forecasts[number - 1])
        return result


def _text(number: int) -> str:
    return ALPHABET[number // _BASE**2] + ALPHABET[number // _BASE % _BASE] + ALPHABET[number % _BASE]


def _number(letters: str) -> int:
    return sum(VALUES[letter] * _BASE**power for power, letter in enumerate(reversed(letters)))
