"""register_providers: ask Azure to register the provider namespaces that are not registered yet."""

from activities.step import Call, Json
from arcway.azure.providers import NAMESPACES, REGISTERED, providers
from arcway.domain.errors import ArcError

_UNDER_WAY = (REGISTERED, "Registering")


def register_providers(call: Call) -> Json:
    """The states seen before asking, and which namespaces were asked to be registered now."""
    subscription = call.request.subscription_id
    states = {name: providers.state(subscription, name) for name in NAMESPACES}
    asked = [name for name, state in states.items() if state not in _UNDER_WAY and _ask(subscription, name)]
    return {"states": states, "asked": asked}


def _ask(subscription: str, namespace: str) -> bool:
    try:
        return providers.register(subscription, namespace)
    except ArcError as error:
        if error.code != "ARC-4002":
            raise
        command = f"az provider register --namespace {namespace} --subscription {subscription}"
        raise ArcError(
            "ARC-4005",
            f"{namespace} is not registered and Arcway's identity may not register it.",
            remedy=f"Ask an administrator of the subscription to run `{command}`, then start a new run.",
        ) from error
