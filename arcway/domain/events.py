"""Result events as CloudEvents 1.0 in structured JSON mode: pure values, the same bytes on every repeat.

Types are `arcway.run.<kind>.v1`; ids, times and order come from the run, so that at-least-once delivery can be told
apart from news. Must not know who sends them. The schema is in docs/service-bus.md.
"""

import json
from typing import Any, Literal

from arcway.domain.text import presentable

type Json = dict[str, Any]
type Kind = Literal["accepted", "phaseChanged", "succeeded", "failed", "canceled", "rejected"]

CONTENT_TYPE = "application/cloudevents+json"


def run_event(
    kind: Kind, run: Json, *, source: str, number: int, time: str, trace: str | None, phase: Json | None = None
) -> Json:
    """An event about a run in its outside form; `number` counts the events of one place in the run.

    `trace` is the W3C traceparent of whoever asked for the run (CloudEvents' distributed tracing extension).
    """
    place = phase["name"] if phase else "accepted" if kind == "accepted" else "publishResult"
    data = {"run": run, "phase": phase} if kind == "phaseChanged" else {"run": run}
    event_id = f"{run['id'].rpartition('.')[2]}/{place}/{number}"
    event = _event(kind, event_id, source, run["cluster"]["resourceId"], time, data)
    return {**event, "traceparent": trace} if trace else event


def rejected_event(message_id: str, problem: Json, *, source: str, subject: str | None, time: str) -> Json:
    """An event about a message that cannot become a run; `problem` has code, message, remedy and details."""
    data = {"messageId": message_id, "error": problem}
    return _event("rejected", f"rejected/{message_id}/1", source, subject, time, data)


def properties_of(event: Json) -> dict[str, str]:
    """What subscriptions may filter by: type, state, subscription and resource group."""
    run = event["data"].get("run") or {}
    cluster = run.get("cluster") or {}
    found = {
        "type": event["type"],
        "state": run.get("state"),
        "subscriptionId": cluster.get("subscriptionId"),
        "resourceGroup": cluster.get("resourceGroup"),
    }
    return {name: value for name, value in found.items() if value}


def encode(event: Json) -> bytes:
    """The event's one and only byte form."""
    try:
        return _encode(event)
    except UnicodeEncodeError:  # half a surrogate pair, which no other text can have
        return _encode(presentable(event))


def _encode(event: Json) -> bytes:
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _event(kind: Kind, event_id: str, source: str, subject: str | None, time: str, data: Json) -> Json:
    event = {
        "specversion": "1.0",
        "type": f"arcway.run.{kind}.v1",
        "id": event_id,
        "source": source,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    }
    return {**event, "subject": subject} if subject else event
