"""A stage of a fleet in progress, and a gate that waits: what `rollout` decides by."""

import math
from dataclasses import asdict, dataclass, field
from typing import Literal

from arcway.domain.json_values import Json


@dataclass(slots=True)
class Stage:
    """A range of the fleet's members, what may happen in it, and what has."""

    name: str
    end: int
    """The index behind its last member; it begins where the stage before it ends."""
    window: int
    max_failures: int | None = None
    """None: any number."""
    strict: bool = False
    """Whether so few are in progress that no more than one above `max_failures` can ever fail."""
    soak: float = 0.0
    approve: Literal["before", "after"] | None = None
    another: bool = False
    """Whether the user who started the fleet may not approve it."""
    started: float | None = None
    completed: float | None = None
    failed: int = 0
    """How many of its members have failed and count."""
    first: list[str] = field(default_factory=list)
    """The codes of the first members that ended; empty for a success."""
    resumed: bool = False
    """Whether a user resumed the fleet in this stage: it is not halted for a cause that was known then."""

    @property
    def is_over_budget(self) -> bool:
        """Whether more members have failed than the budget allows."""
        return self.max_failures is not None and self.failed > self.max_failures

    @property
    def most_at_once(self) -> float:
        """How many members a strict budget allows in progress before any has failed."""
        return self.max_failures + 1 if self.strict and self.max_failures is not None else math.inf

    def as_json(self) -> Json:
        """The stage as inputs have it."""
        return asdict(self)


@dataclass(slots=True)
class Gate:
    """A gate that waits for an approval. `check` is what the check of the members behind the gate has shown."""

    stage: int
    when: Literal["before", "after"]
    asked: float
    checks: int = 1
    """The number of its check, of all in the fleet: one that is too old, or of another gate, does not count."""
    check: Json | None = None
    checked: float | None = None
