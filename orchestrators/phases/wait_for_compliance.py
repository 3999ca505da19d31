"""waitForCompliance: wait until Flux has applied the configuration, and say which object is the cause if it has not."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.gitops_request import COMPLIANCE_TIMEOUT, ApplyGitopsRequest
from arcway.domain.phases import POLL_EXTENSION

from orchestrators.run_context import RunContext, Work


def wait_for_compliance(run: RunContext) -> Work[None]:
    """A failing object is waited for, too: Flux tries again, and a deploy key may still be on its way."""
    request = run.request
    run.set_time_limit(request.compliance_timeout if isinstance(request, ApplyGitopsRequest) else COMPLIANCE_TIMEOUT)
    polled = yield from run.poll(steps.POLL_COMPLIANCE, POLL_EXTENSION, timeout_code=Code.GITOPS_NOT_COMPLIANT)
    run.set_leftovers([])
    if isinstance(request, ApplyGitopsRequest):
        run.facts["result"] = polled.get("resource")
