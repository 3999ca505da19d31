"""Faults on order: a list of orders, each for the next occasions that it fits."""

from typing import Any, Protocol


class Order(Protocol):
    """One order, for the next `count` occasions (None: always)."""

    count: int | None

    def fits(self, *occasion: Any) -> bool:
        """Whether the order is meant for this occasion."""


class Orders[O: Order]:
    """The orders, the oldest first."""

    def __init__(self) -> None:
        self._orders: list[O] = []

    def add(self, order: O) -> None:
        """Take an order."""
        self._orders.append(order)

    def clear(self) -> None:
        """Drop all orders."""
        self._orders.clear()

    def listed(self) -> list[O]:
        """The orders that still wait for their occasion."""
        return [order for order in self._orders if order.count != 0]

    def take(self, *occasion: Any) -> O | None:
        """The order for this occasion, counted, or None."""
        for order in self.listed():
            if order.fits(*occasion):
                if order.count is not None:
                    order.count -= 1
                return order
        return None
