"""register_providers: ask Azure to register the provider namespaces that are not registered yet."""

from activities.shared_reads import is_member
from activities.step import Call
from arcway.azure.providers import UNDER_WAY, ask, needed_namespaces
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Registered


def register_providers(call: Call[AnyRequest]) -> Registered:
    """Returns the registration states before the request, and the namespaces whose registration was requested now."""
    subscription, providers = call.request.subscription_id, call.installation.azure.providers
    names, shared = needed_namespaces(call.request), is_member(call)
    states = {name: providers.state(subscription, name, shared=shared) for name in names}
    requested = [
        name for name, state in states.items() if state not in UNDER_WAY and ask(providers, subscription, name)
    ]
    return {"states": states, "asked": requested}
