"""The ordered behaviour of a cluster's kubelets: when pods become ready, and which pods fail and how.

Plain data set through the control API and read by the pod controller.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from arcway_local.cluster.values import name_of, namespace_of
from arcway_local.json_documents import Json

type Outcome = Literal["imagePull", "crashLoop"]

_ADDRESS = re.compile(r"([0-9A-Za-z.-]+):\d+")


@dataclass(frozen=True, slots=True)
class Readiness:
    """When a started pod becomes ready: at once, after N reads of pods or workloads in its namespace, or N seconds."""

    mode: Literal["immediate", "reads", "seconds"] = "immediate"
    value: float = 0


@dataclass(frozen=True, slots=True)
class PodRule:
    """Pods that fail: those with all the labels and the name prefix."""

    outcome: Outcome
    labels: tuple[tuple[str, str], ...] = ()
    name_prefix: str = ""
    restarts: int = 1
    log: str = ""

    def matches(self, pod: Json) -> bool:
        """Whether the rule is about this pod."""
        labels = pod["metadata"].get("labels", {})
        return name_of(pod).startswith(self.name_prefix) and all(labels.get(key) == value for key, value in self.labels)


@dataclass(slots=True)
class Behaviour:
    """The current orders of one cluster."""

    readiness: Readiness = Readiness()
    rules: tuple[PodRule, ...] = ()
    unreachable: tuple[str, ...] = ()
    """Patterns of hosts that no pod can connect to."""
    _reads: Counter[str] = field(default_factory=Counter)
    _started: dict[str, tuple[float, int]] = field(default_factory=dict)

    def rule(self, pod: Json) -> PodRule | None:
        """How the pod fails, or None when it works."""
        return next((rule for rule in self.rules if rule.matches(pod)), None)

    def last_words(self, container: Json) -> str:
        """What a container that runs to its end writes into its termination message.

        One whose arguments are addresses is taken for a program that tries to connect to each.
        """
        matches = [(argument, _ADDRESS.fullmatch(argument)) for argument in container.get("args") or []]
        return "".join(
            f"{'unreachable' if self._is_unreachable(match[1]) else 'ok'} {argument}\n"
            for argument, match in matches
            if match
        )

    def _is_unreachable(self, address: str) -> bool:
        return any(fnmatchcase(address, pattern) for pattern in self.unreachable)

    def note_read(self, namespace: str) -> bool:
        """Count a read of pods or workloads (empty namespace: of all); returns whether it can make a pod ready."""
        if self.readiness.mode != "reads":
            return False
        self._reads[namespace] += 1
        return True

    def seconds_until_ready(self, pod: Json, now: float) -> float | None:
        """How long (seconds, 0: ready now) a started pod still takes; None while it waits for reads."""
        uid, namespace = pod["metadata"]["uid"], namespace_of(pod)
        reads = self._reads[namespace] + self._reads[""]
        started, first = self._started.setdefault(uid, (now, reads))
        if self.readiness.mode == "reads":
            return 0 if reads - first >= self.readiness.value else None
        return max(0.0, started + self.readiness.value - now) if self.readiness.mode == "seconds" else 0

    def forget(self, uid: str) -> None:
        """Drop the state of a deleted pod."""
        self._started.pop(uid, None)
