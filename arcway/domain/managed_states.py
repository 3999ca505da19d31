"""What the provisioning state of an extension or a Flux configuration means."""

from arcway.domain.json_values import Json

_IN_PROGRESS = frozenset({"creating", "updating", "deleting"})
_ENDED_BADLY = frozenset({"failed", "canceled"})


def state_of(resource: Json) -> str:
    """The provisioning state in lower case; empty if Azure returns none."""
    return str(resource["properties"].get("provisioningState") or "").lower()


def is_in_progress(resource: Json) -> bool:
    """Whether Azure has not finished what was last asked of it."""
    return state_of(resource) in _IN_PROGRESS


def ended_badly(resource: Json) -> bool:
    """Whether what was last asked of it failed or was canceled."""
    return state_of(resource) in _ENDED_BADLY
