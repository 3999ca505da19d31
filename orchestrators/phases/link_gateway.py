"""The part of createResource and updateResource that links the connected cluster to its gateway."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.features import GATEWAY, GATEWAY_LINK
from arcway.domain.phases import POLL_RESOURCE
from arcway.domain.request import features_of

from orchestrators.run_context import RunContext, Work


def link_gateway(run: RunContext) -> Work[bool]:
    """Link and enable the gateway that the request names, if it names one; returns whether that was a change.

    The connected cluster must be there: the link is a child of it. What was seen to differ counts as changed,
    whichever attempt of the step changed it.
    """
    features = features_of(run.request)
    if features is None or features.gateway_id is None:
        return False
    outcome = yield from run.call(steps.LINK_GATEWAY)
    if outcome["changed"]:
        run.mark_written()
    is_changed = outcome["changed"] or not {GATEWAY, GATEWAY_LINK}.isdisjoint(run.facts.get("resourceChanges", []))
    if is_changed:
        run.mark_changed()
        yield from run.poll(
            steps.POLL_RESOURCE, POLL_RESOURCE, timeout_code=Code.PROVISIONING_FAILED, operation=outcome["operation"]
        )
    return is_changed
