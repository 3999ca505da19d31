"""How fast simulated things change: at once, after a number of reads, or after some seconds.

Every asynchronous change in the simulated Azure goes through here, so that a test decides when it happens.
"""

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Pace:
    """When a change is complete: both conditions must hold."""

    reads: int = 0
    seconds: float = 0.0

    @classmethod
    def parse(cls, data: dict[str, Any]) -> "Pace":
        """Read `{"reads": N, "seconds": T}`; either may be left out. Raises TypeError or ValueError."""
        return cls(reads=int(data.get("reads", 0)), seconds=float(data.get("seconds", 0.0)))


@dataclass(slots=True)
class Change:
    """One change under way."""

    pace: Pace
    started: float = field(default_factory=time.monotonic)
    reads: int = 0

    def look(self) -> bool:
        """Count a read; returns whether the change is complete."""
        complete = self.reads >= self.pace.reads and time.monotonic() - self.started >= self.pace.seconds
        self.reads += 1
        return complete


@dataclass(slots=True)
class Paces:
    """The pace of every kind of change."""

    registration: Pace = Pace()
    provisioning: Pace = Pace()
    deletion: Pace = Pace()
    connection: Pace = Pace()
    heartbeat: Pace = Pace(seconds=30.0)
    extension: Pace = Pace()
    flux: Pace = Pace()
    # Counted from the provisioning of a Flux configuration on.
    compliance: Pace = Pace()
    features: Pace = Pace()
    # Only its seconds count: how long Helm waits in the cluster for an extension's pods.
    release: Pace = Pace(seconds=600.0)

    def update(self, data: dict[str, Any]) -> None:
        """Set the paces named. Raises KeyError for a kind that does not exist, TypeError or ValueError for a value."""
        for name, value in data.items():
            if name not in self.__slots__:
                raise KeyError(name)
            setattr(self, name, Pace.parse(value))
