"""poll_registration: one look at the registration of the provider namespaces."""

from activities.step import Call, Json
from arcway.azure.providers import NAMESPACES, REGISTERED, providers


def poll_registration(call: Call) -> Json:
    """Done when every namespace is registered."""
    states = {name: providers.state(call.request.subscription_id, name) for name in NAMESPACES}
    waiting = [f"{name} is {state}" for name, state in states.items() if state != REGISTERED]
    return {"done": not waiting, "detail": ", ".join(waiting) or "registered"}
