"""What a run leaves behind, as values that programs can act on, and the words that people read of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from arcway.domain.json_values import Json
from arcway.domain.model import Model

type Reason = Literal[
    "Kept",
    "NotRemovedYet",
    "Terminating",
    "UndoFailed",
    "CleanUpFailed",
    "NotChecked",
    "Changed",
    "Restored",
    "NotPublished",
    "MayExist",
]

# How kinds are called in a sentence; the others are kinds of Kubernetes and called by their names.
_WORDS = {
    "ConnectedCluster": "connected cluster",
    "Extension": "extension",
    "FluxConfiguration": "Flux configuration",
    "PolicyAssignment": "policy assignment",
    "HelmRelease": "release",
    "KeyVaultSecret": "secret",
    "AgentUpgrade": "upgrade of the agents to",
    "Agents": "agents",
    "Event": "event",
    "Namespace": "namespace",
    "Lease": "lease",
    "CustomResourceDefinition": "CRD",
}
_ENDINGS: dict[str | None, str] = {
    "Restored": ", as before",
    "Changed": ", changed",
    "NotChecked": " in the cluster (not checked)",
}
# Where a kind usually is; nothing is said of that.
_USUAL_NAMESPACES = {"HelmRelease": "azure-arc-release"}
# How earlier versions wrote the code of the error behind a text.
_WITH_CODE = re.compile(r"(?P<name>.*) \((?P<code>ARC-\d{4})\)", re.DOTALL)


class Leftover(Model):
    """One thing that a run left behind. A field is null where it is not known."""

    kind: str | None
    """A kind of Kubernetes, or ConnectedCluster, Extension, FluxConfiguration, PolicyAssignment, HelmRelease,
    KeyVaultSecret, AgentUpgrade, Agents, Event, Phase.
    """
    name: str | None
    namespace: str | None = None
    reason: Reason | None = None
    """Why it is there.

    Kept: this run created it. NotRemovedYet, Terminating: this run removes it. UndoFailed: it could not be undone.
    CleanUpFailed: it was made for this run alone and could not be removed. NotChecked: the run did not look. Changed:
    this run changed it. Restored: it is there again, as before. NotPublished: an event that was not sent. MayExist:
    what a phase had begun when the run was ended from outside.
    """
    code: str | None = None
    """The code of the error that kept it from being removed, undone or sent."""


def leftover(
    kind: str, name: str | None, *, namespace: str | None = None, reason: Reason | None = None, code: str | None = None
) -> Json:
    """A leftover in its JSON form."""
    return {"kind": kind, "name": name, "namespace": namespace, "reason": reason, "code": code}


def read_leftovers(stored: Iterable[Any]) -> list[Json]:
    """Leftovers as they were stored; earlier versions stored each as a text."""
    return [_from_text(item) if isinstance(item, str) else dict(item) for item in stored]


def remaining_of(outcome: Mapping[str, Any], before: list[Json]) -> list[Json]:
    """What a removal has not removed yet by the outcome of its step; `before` when that does not say.

    Earlier versions of the step said `left`.
    """
    stored = outcome.get("leftovers", outcome.get("left"))
    return before if stored is None else read_leftovers(stored)


def because(item: Mapping[str, Any], reason: Reason, code: str | None = None) -> Json:
    """The same thing, left for another reason."""
    return {**item, "reason": reason, "code": code}


def describe(item: Mapping[str, Any]) -> str:
    """A leftover in words."""
    kind, name, namespace = item["kind"], item["name"], item["namespace"]
    code = f" ({item['code']})" if item["code"] else ""
    if kind == "Phase":
        return f"resources that {name} may have created{code}"
    text = " ".join(part for part in (_WORDS.get(kind, kind), name) if part)
    place = f" in namespace {namespace}" if namespace and namespace != _USUAL_NAMESPACES.get(kind) else ""
    return f"{text}{place}{_ENDINGS.get(item['reason'], '')}{code}"


def describe_all(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Leftovers in words, one each."""
    return [describe(item) for item in items]


def shortened(items: Sequence[Mapping[str, Any]], count: int, length: int) -> list[Json]:
    """The first `count` of them with names of at most `length` characters; one more says how many are not shown."""
    kept = [
        {
            key: value if not isinstance(value, str) or len(value) <= length else value[: length - 1] + "…"
            for key, value in item.items()
        }
        for item in items[:count]
    ]
    more = len(items) - count
    return [*kept, _from_text(f"{more} more")] if more > 0 else kept


def _from_text(text: str) -> Json:
    match = _WITH_CODE.fullmatch(text)
    name, code = (match["name"], match["code"]) if match else (text, None)
    return {"kind": None, "name": name, "namespace": None, "reason": None, "code": code}
