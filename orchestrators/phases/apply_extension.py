"""applyExtension: write the extension in Azure and wait until Azure has installed it."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_EXTENSION
from arcway.domain.policy_request import EnablePolicyRequest

from orchestrators.failures import StepFailed
from orchestrators.phases.named_extension import named_extension
from orchestrators.run_context import RunContext, Work


def apply_extension(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    if not isinstance(run.request, ApplyExtensionRequest | EnablePolicyRequest):
        raise TypeError("applyExtension is a phase of the requests to apply an extension and to enable Azure Policy")
    run.set_time_limit(run.request.timeout)
    written = yield from _write(run)
    changes = run.facts["extensionChanges"]
    if written["changed"]:
        run.mark_written()
    if changes or written["changed"]:
        run.mark_changed()
        is_new = not run.facts["extensionExists"]
        name = run.facts.get("extensionName", run.request.extension.name)
        run.set_leftovers([leftover("Extension", name, reason="Kept" if is_new else "Changed")])
    polled = yield from _wait(run, written.get("operation"))
    run.facts["result"] = polled.get("resource")
    run.facts["extensionNamespace"] = polled.get("namespace")
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")


def _write(run: RunContext) -> Work[steps.ExtensionWritten]:
    """Write it once no other change is in progress."""
    while True:
        written = yield from run.call(steps.APPLY_EXTENSION, **named_extension(run))
        if "inProgress" not in written:
            return written
        yield from run.poll(
            steps.POLL_EXTENSION,
            POLL_EXTENSION,
            timeout_code=Code.EXTENSION_NOT_FINISHED,
            settle=True,
            **named_extension(run),
        )


def _wait(run: RunContext, operation: str | None) -> Work[steps.ExtensionPolled]:
    """Wait for Azure; what the pods last waited for is lost with them when Helm gives up, so it is in the error."""
    try:
        return (
            yield from run.poll(
                steps.POLL_EXTENSION,
                POLL_EXTENSION,
                timeout_code=Code.EXTENSION_NOT_FINISHED,
                operation=operation,
                **named_extension(run),
            )
        )
    except StepFailed as failure:
        error, detail = failure.error, run.detail
        if not detail or detail in error["message"]:
            raise
        raise StepFailed({**error, "message": f"{error['message']} Before that: {detail}."}) from failure
