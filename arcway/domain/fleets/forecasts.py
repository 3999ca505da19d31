"""The forecasts of a check fleet's members as they are kept: each different one once, and a number for each member.

A fleet carries them from generation to generation: three letters a member are 30 kB for 10,000 members.
"""

from collections.abc import Iterator

from arcway.domain.fleets.member_map import ALPHABET
from arcway.domain.fleets.plan import Forecast
from arcway.domain.json_values import Json

_WIDTH, _BASE = 3, 64
_NONE = ALPHABET[0].encode() * _WIDTH


class Forecasts:
    """The forecasts by the index of their member.

    The letters stay letters: an orchestration reads its state with every turn, and needs the forecasts at its end.
    """

    def __init__(self) -> None:
        self._letters: dict[Forecast, bytes] = {}
        self._map = bytearray()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forecasts) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment] # forecasts are added

    def put(self, index: int, forecast: Forecast) -> None:
        """Keep the member's forecast, in place of an earlier one."""
        letters = self._letters.setdefault(forecast, _letters_of(len(self._letters) + 1))
        begin = index * _WIDTH
        self._map += _NONE * (index + 1 - len(self._map) // _WIDTH)
        self._map[begin : begin + _WIDTH] = letters

    def items(self) -> Iterator[tuple[int, Forecast]]:
        """The members with their forecasts, in order."""
        forecasts = {letters: forecast for forecast, letters in self._letters.items()}
        kept = bytes(self._map)
        members = ((begin // _WIDTH, kept[begin : begin + _WIDTH]) for begin in range(0, len(kept), _WIDTH))
        return ((index, forecasts[letters]) for index, letters in members if letters != _NONE)

    def as_json(self) -> Json:
        """The JSON form; empty without any."""
        if not self._map:
            return {}
        return {"forecasts": [forecast.as_json() for forecast in self._letters], "map": self._map.decode()}

    @classmethod
    def read(cls, document: Json | None) -> "Forecasts":
        """What `as_json` wrote; none of what was written before there were forecasts."""
        result = cls()
        if document:
            for number, item in enumerate(document["forecasts"], 1):
                result._letters[Forecast.read(item)] = _letters_of(number)
            result._map = bytearray(document["map"].encode())
        return result


def _letters_of(number: int) -> bytes:
    return "".join(ALPHABET[number // _BASE**power % _BASE] for power in reversed(range(_WIDTH))).encode()
