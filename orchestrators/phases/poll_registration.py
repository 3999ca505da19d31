"""pollRegistration: wait until every provider namespace is registered."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.phases import POLL_REGISTRATION

from orchestrators.run_context import RunContext, Work


def poll_registration(run: RunContext) -> Work[None]:
    """Asks nothing when the phase before saw everything registered."""
    if not run.facts["unregistered"]:
        run.set_detail("registered")
        return
    yield from run.poll(steps.POLL_REGISTRATION, POLL_REGISTRATION, timeout_code=Code.PROVIDER_REGISTRATION_SLOW)
