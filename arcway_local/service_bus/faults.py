"""Injected faults: sends that are rejected, delayed or lose their link, connections that are refused.

Plain data.
"""

from dataclasses import dataclass

from arcway_local.orders import Orders

SEND_FAULTS = ("rejectSend", "delaySend", "dropLink")
KINDS = (*SEND_FAULTS, "refuseConnection")


@dataclass(slots=True)
class Fault:
    """A fault of the next `count` events that it matches (None: all).

    `entity` is a queue's or topic's name, empty for all; `condition` and `description` belong to `rejectSend` and
    `dropLink`, `seconds` to `delaySend`, which stores the message and acknowledges it later.
    """

    kind: str
    entity: str = ""
    count: int | None = 1
    condition: str = "com.microsoft:server-busy"
    description: str = "A fault was ordered."
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"The kind of a fault is one of {', '.join(KINDS)}, not {self.kind!r}.")

    def fits(self, kinds: tuple[str, ...], entity: str = "") -> bool:
        """Whether the fault matches an event of one of these kinds at this entity."""
        return self.kind in kinds and self.entity.lower() in ("", entity)


type Faults = Orders[Fault]
