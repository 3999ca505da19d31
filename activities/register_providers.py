"""register_providers: ask Azure to register the provider namespaces that are not registered yet."""

from activities.step import Call, Json
from arcway.azure.providers import NAMESPACES, UNDER_WAY, may_not_register, providers
from arcway.domain.errors import ArcError


def register_providers(call: Call) -> Json:
    """The states seen before asking, and which namespaces were asked to be registered now."""
    subscription = call.request.subscription_id
    states = {name: providers.state(subscription, name) for name in NAMESPACES}
    asked = [name for name, state in states.items() if state not in UNDER_WAY and _ask(subscription, name)]
    return {"states": states, "asked": asked}


def _ask(subscription: str, namespace: str) -> bool:
    try:
        return providers.register(subscription, namespace)
    except ArcError as error:
        if error.code != "ARC-4002":
            raise
        raise may_not_register(subscription, namespace) from error
