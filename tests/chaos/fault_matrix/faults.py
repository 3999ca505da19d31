"""Brings a fault about: around the first attempt of a step, in the words of the part that it hits.

`invariants.py` says what has to hold afterwards.
"""

from collections.abc import Callable

from arcway.domain.json_values import Json
from tests.chaos.fault_matrix.driver import Killed
from tests.chaos.fault_matrix.rows import AZURE, BUS, EXISTS, FAULTS, KILLS, Row
from tests.chaos.fault_matrix.world import Case


class Hit:
    """Goes around every step and disturbs the first attempt of one."""

    def __init__(self, case: Case, row: Row, fault: str) -> None:
        self._case = case
        self._row = row
        self._fault = fault
        self.done = False

    def __call__(self, step: str, payload: Json, perform: Callable[[], Json]) -> Json:
        if step != self._row.step or self.done:
            return perform()
        self.done = True
        order = FAULTS[self._fault]
        if order is not None:
            return self._with_fault(order, perform)
        if self._fault == KILLS[0]:
            raise Killed
        outcome = perform()
        if self._fault == KILLS[1]:
            raise Killed
        assert self._fault == EXISTS
        assert "ok" in outcome
        return perform()

    def _with_fault(self, order: Json, perform: Callable[[], Json]) -> Json:
        row, case = self._row, self._case
        if row.system == AZURE:
            case.control_azure("faults", [azure_fault(row, order)])
        elif row.system == BUS:
            case.control_bus("POST", bus_fault(order))
        else:
            case.control_cluster("POST", "faults", cluster_fault(row, order))
        try:
            return perform()
        finally:
            if row.system == AZURE:
                case.control_azure("faults", [])
            elif row.system == BUS:
                case.control_bus("DELETE")
            else:
                case.control_cluster("DELETE", "faults")


def azure_fault(row: Row, order: Json) -> Json:
    """The order in the words of the simulated Azure; a time-out strikes after the effect, which is the nastier half."""
    fault: Json = {"path": row.path, "method": row.method}
    fault |= {name: order[name] for name in ("status", "delay", "drop", "text") if name in order}
    if "retryAfter" in order:
        fault["headers"] = {"Retry-After": str(order["retryAfter"])}
    return {**fault, "after": "delay" in order}


def bus_fault(order: Json) -> Json:
    """The order in the words of the Service Bus."""
    fault: Json = {"entity": "onboarding-events", "count": 1}
    if "delay" in order:
        return {**fault, "kind": "delaySend", "seconds": 1.0}
    if "drop" in order or "text" in order:
        return {**fault, "kind": "dropLink"}
    conditions = {403: "amqp:unauthorized-access", 404: "amqp:not-found", 500: "amqp:internal-error"}
    condition = conditions.get(order["status"], "com.microsoft:server-busy")
    return {**fault, "kind": "rejectSend", "condition": condition, "description": "on purpose"}


def cluster_fault(row: Row, order: Json) -> Json:
    """The order in the words of the simulated cluster."""
    fault: Json = {"method": row.method, "path": row.path, "count": 1}
    if "delay" in order:
        return {**fault, "kind": "silent"}
    if "drop" in order or "text" in order:
        # Helm and the client both take a broken answer for a broken connection.
        return {**fault, "kind": "disconnect"}
    fault |= {"kind": "status", "status": order["status"]}
    return {**fault, "retryAfterSeconds": order["retryAfter"]} if "retryAfter" in order else fault
