"""How many requests Azure Resource Manager takes from one caller for one subscription, by kind: values only, no clock.

Resource Manager keeps a token bucket for each kind
(https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

type Kind = Literal["reads", "writes", "deletes"]
KINDS: tuple[Kind, ...] = get_args(Kind.__value__)


@dataclass(frozen=True, slots=True)
class Limit:
    """One bucket: how many requests it holds, and how many come back in a second."""

    size: float
    per_second: float


AZURE_LIMITS: Mapping[Kind, Limit] = MappingProxyType(
    {"reads": Limit(250, 25), "writes": Limit(200, 10), "deletes": Limit(200, 10)}
)
_WRITTEN = re.compile(r"(?P<kind>reads|writes|deletes)=(?P<size>[0-9]{1,6})\+(?P<rate>[0-9]{1,6}(\.[0-9]{1,3})?)/s")


def parse_limits(text: str) -> Mapping[Kind, Limit]:
    """Azure's limits with those of `text` in their place, such as `reads=250+25/s,writes=200+10/s`.

    Raises ValueError for what is not of that form, and for a limit that nothing ever passes.
    """
    limits = dict(AZURE_LIMITS)
    for part in (part.strip() for part in text.split(",") if part.strip()):
        written = _WRITTEN.fullmatch(part)
        limit = Limit(int(written["size"]), float(written["rate"])) if written else Limit(0, 0)
        if written is None or limit.size < 1 or limit.per_second <= 0:
            raise ValueError(part)
        limits[next(kind for kind in KINDS if kind == written["kind"])] = limit
    return limits
