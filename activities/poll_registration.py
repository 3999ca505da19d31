"""poll_registration: reads the registration of the provider namespaces once."""

from activities.step import Call
from arcway.azure.providers import REGISTERED, UNDER_WAY, ask, needed_namespaces
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Polled


def poll_registration(call: Call[AnyRequest]) -> Polled:
    """Done when every namespace is registered; asks again for one that Azure is not registering any more."""
    subscription, providers = call.request.subscription_id, call.installation.azure.providers
    states = {name: providers.state(subscription, name) for name in needed_namespaces(call.request)}
    for name, state in states.items():
        if state not in UNDER_WAY:
            ask(providers, subscription, name)
    waiting = [f"{name} is {state}" for name, state in states.items() if state != REGISTERED]
    return {"done": not waiting, "detail": ", ".join(waiting) or "registered"}
