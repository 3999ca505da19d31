"""Injected faults: a list of orders, each for the next events that it matches."""

from typing import Any, Protocol


class Order(Protocol):
    """One order, for the next `count` events (None: all)."""

    count: int | None

    def fits(self, *occasion: Any) -> bool:
        """Whether the order matches this event."""


class Orders[O: Order]:
    """The orders, the oldest first."""

    def __init__(self) -> None:
        self._orders: list[O] = []

    def add(self, order: O) -> None:
        """Append an order."""
        self._orders.append(order)

    def clear(self) -> None:
        """Drop all orders."""
        self._orders.clear()

    def listed(self) -> list[O]:
        """The orders that are not used up."""
        return [order for order in self._orders if order.count != 0]

    def take(self, *occasion: Any) -> O | None:
        """The first order that matches this event, or None; counts the event against it."""
        for order in self.listed():
            if order.fits(*occasion):
                if order.count is not None:
                    order.count -= 1
                return order
        return None
