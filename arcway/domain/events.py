"""Result events as CloudEvents 1.0 in structured JSON mode: pure values, the same bytes on every repeat.

Types are `arcway.run.<kind>.v1`; ids, times and order come from the run, so that a repeated delivery can be recognized.
The schema is in docs/service-bus.md.
"""

import json
from typing import Any, Literal

from arcway.domain.json_values import Json

type FleetEventKind = Literal[
    "accepted",
    "progressed",
    "stageChanged",
    "halted",
    "waitingForApproval",
    "decided",
    "paused",
    "resumed",
    "succeeded",
    "incomplete",
    "failed",
    "canceled",
]
type EventKind = Literal["accepted", "phaseChanged", "succeeded", "failed", "canceled", "rejected"]

SIZE_LIMIT = 192 * 1024
"""Bytes of an event: the Standard tier takes messages of 256 KB, properties included."""
_CUTS = ((2000, 100), (500, 50), (100, 10))

CONTENT_TYPE = "application/cloudevents+json"


def run_event(
    kind: EventKind, run: Json, *, source: str, number: int, time: str, trace: str | None, phase: Json | None = None
) -> Json:
    """An event about a run in its outside form; `number` counts the events of one place in the run.

    `trace` is the W3C traceparent of the request for the run (CloudEvents' distributed tracing extension).
    """
    place = phase["name"] if phase else "accepted" if kind == "accepted" else "publishResult"
    data = {"run": run, "phase": phase} if kind == "phaseChanged" else {"run": run}
    event_id = f"{run['id'].rpartition('.')[2]}/{place}/{number}"
    event = _event(kind, event_id, source, run["cluster"]["resourceId"], time, data)
    return {**event, "traceparent": trace} if trace else event


def fleet_event(kind: FleetEventKind, fleet: Json, *, source: str, place: str, time: str, trace: str | None) -> Json:
    """An event about a fleet, without its map; `place` tells the events of one fleet apart."""
    data = {"fleet": {name: value for name, value in fleet.items() if name != "map"}}
    event_id = f"{fleet['id'].rpartition('.')[2]}/{place}"
    event = {**_event("accepted", event_id, source, fleet["id"], time, data), "type": f"arcway.fleet.{kind}.v1"}
    return {**event, "traceparent": trace} if trace else event


def rejected_event(message_id: str, problem: Json, *, key: str, source: str, subject: str | None, time: str) -> Json:
    """An event about a message that cannot become a run; `problem` has code, message, remedy and details.

    `key` stands for the message's id in that of the event.
    """
    data = {"messageId": message_id, "error": problem}
    return _event("rejected", f"rejected/{key}/1", source, subject, time, data)


def properties_of(event: Json) -> dict[str, str]:
    """What subscriptions may filter by: type, state, subscription and resource group, or the fleet's name."""
    run, fleet = event["data"].get("run") or {}, event["data"].get("fleet") or {}
    cluster = run.get("cluster") or {}
    properties = {
        "type": event["type"],
        "state": run.get("state") or fleet.get("state"),
        "fleet": fleet.get("name"),
        "subscriptionId": cluster.get("subscriptionId"),
        "resourceGroup": cluster.get("resourceGroup"),
    }
    return {name: value for name, value in properties.items() if value}


def encode(event: Json) -> bytes:
    """The event's one and only byte form, cut to what the broker takes: the result goes first, then what is long."""
    data = _bytes(event)
    if len(data) > SIZE_LIMIT and "run" in event["data"]:
        event = {**event, "data": {**event["data"], "run": {**event["data"]["run"], "result": None}}}
        data = _bytes(event)
    for string_limit, item_limit in _CUTS:
        if len(data) <= SIZE_LIMIT:
            break
        data = _bytes({**event, "data": _cut(event["data"], string_limit, item_limit)})
    return data


def _bytes(event: Json) -> bytes:
    # Half a surrogate pair, which no UTF-8 has, becomes a question mark.
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def _cut(value: Any, string_limit: int, item_limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= string_limit else value[: string_limit - 1] + "…"
    if isinstance(value, list):
        return [_cut(item, string_limit, item_limit) for item in value[:item_limit]]
    if isinstance(value, dict):
        return {name: _cut(item, string_limit, item_limit) for name, item in value.items()}
    return value


def _event(kind: EventKind, event_id: str, source: str, subject: str | None, time: str, data: Json) -> Json:
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
