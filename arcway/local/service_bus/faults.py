"""Faults on order: sends that are rejected, delayed or lose their link, connections that are refused.

Plain data and its countdown. It must not know AMQP beyond the names of conditions.
"""

from dataclasses import dataclass

SEND_FAULTS = ("rejectSend", "delaySend", "dropLink")
KINDS = (*SEND_FAULTS, "refuseConnection")


@dataclass(slots=True)
class Fault:
    """One order, for the next `count` times (None: always) that it fits.

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

    def takes(self, kinds: tuple[str, ...], entity: str) -> bool:
        """Whether the fault is for this; counts it if so."""
        if self.count == 0 or self.kind not in kinds or self.entity.lower() not in ("", entity):
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Faults:
    """The orders, the oldest first."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Take an order."""
        self._orders.append(fault)

    def clear(self) -> None:
        """Drop all orders."""
        self._orders.clear()

    def listed(self) -> list[Fault]:
        """The orders that still wait."""
        return [fault for fault in self._orders if fault.count != 0]

    def take(self, kinds: tuple[str, ...], entity: str = "") -> Fault | None:
        """The fault for this occasion, or None."""
        return next((fault for fault in self._orders if fault.takes(kinds, entity)), None)
