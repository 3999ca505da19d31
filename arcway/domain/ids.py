"""Identifiers: ARM ids, orchestration instances, runs."""

import hashlib
import re
import uuid
from dataclasses import dataclass

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
CORRELATION_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
RUN_ID = re.compile(r"(?P<instance>(?:cluster|check)-[0-9a-f]{26})\.(?P<run>[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class ClusterId:
    """Names one connected cluster. Azure compares ids without regard to case, and so do `key` and `==` on it."""

    subscription_id: str
    resource_group: str
    name: str

    @property
    def resource_id(self) -> str:
        """The ARM id as Azure writes it."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Kubernetes/connectedClusters/{self.name}"
        )

    @property
    def key(self) -> str:
        """The ARM id in the form in which two ids may be compared."""
        return self.resource_id.lower()

    def instance(self, prefix: str = "cluster") -> str:
        """The orchestration instance that all operations on this cluster share, so that they exclude one another."""
        return f"{prefix}-{hashlib.sha256(self.key.encode()).hexdigest()[:26]}"


@dataclass(frozen=True, slots=True)
class Origin:
    """By what a caller finds a run's calls, events and log lines again: a correlation id and a W3C traceparent."""

    correlation_id: str
    traceparent: str | None = None
    run: str | None = None
    """The run itself, where one is being worked for; many may share the other two."""

    @classmethod
    def of(cls, correlation_id: object, traceparent: object) -> "Origin":
        """An origin from outside: a new correlation id instead of one that is not valid.

        What is not a traceparent (https://www.w3.org/TR/trace-context) is left out.
        """
        is_valid = isinstance(correlation_id, str) and CORRELATION_ID.fullmatch(correlation_id)
        is_trace = isinstance(traceparent, str) and TRACEPARENT.fullmatch(traceparent)
        return cls(
            str(correlation_id) if is_valid else str(uuid.uuid4()),
            str(traceparent) if is_trace else None,
        )


@dataclass(frozen=True, slots=True)
class RunId:
    """The public id of a run: the cluster's orchestration instance and the run within it."""

    instance: str
    run: str

    def __str__(self) -> str:
        return f"{self.instance}.{self.run}"

    @classmethod
    def parse(cls, value: str) -> "RunId | None":
        """Read a public id; None when `value` is not one."""
        match = RUN_ID.fullmatch(value)
        return cls(match["instance"], match["run"]) if match else None


FLEET_ID = re.compile(r"(?P<instance>fleet-[0-9a-f]{26})\.(?P<run>[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class FleetId:
    """The public id of a fleet: the orchestration instance of its name, and the fleet within it."""

    instance: str
    run: str

    def __str__(self) -> str:
        return f"{self.instance}.{self.run}"

    @classmethod
    def parse(cls, value: str) -> "FleetId | None":
        """Read a public id; None when `value` is not one."""
        match = FLEET_ID.fullmatch(value)
        return cls(match["instance"], match["run"]) if match else None


def fleet_instance(name: str) -> str:
    """The orchestration instance that all fleets of a name share, so that they exclude one another."""
    return f"fleet-{hashlib.sha256(name.encode()).hexdigest()[:26]}"


def page_instance(fleet_list: str, number: int) -> str:
    """The orchestration that keeps a page of a fleet's list; `fleet_list` is the run of the fleet that it came with."""
    return f"page-{fleet_list}-{number}"
