"""publish_events: sends result events to the topic. A repeat sends the same bytes with the same ids."""

from activities.step import Call
from arcway.domain.steps import Done


def publish_events(call: Call) -> Done:
    """Send the events in order. Raises `ArcError` ARC-3005 when the broker cannot be reached."""
    call.installation.events.send(call.payload["events"], call.payload["correlationId"])
    return {}
