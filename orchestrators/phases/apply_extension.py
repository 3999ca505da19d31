"""applyExtension: write the extension in Azure and wait until Azure has installed it."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_EXTENSION

from orchestrators.failures import StepFailed
from orchestrators.run_context import RunContext, Work


def apply_extension(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    if not isinstance(run.request, ApplyExtensionRequest):
        raise TypeError("applyExtension is a phase of the request to apply an extension")
    run.set_time_limit(run.request.timeout)
    written = yield from _write(run)
    changes = run.facts["extensionChanges"]
    if written["changed"]:
        run.mark_written()
    if changes or written["changed"]:
        run.mark_changed()
        is_new = not run.facts["extensionExists"]
        run.set_leftovers([leftover("Extension", run.request.extension.name, reason="Kept" if is_new else "Changed")])
    polled = yield from _wait(run, written.get("operation"))
    run.facts["result"] = polled.get("resource")
    run.facts["extensionNamespace"] = polled.get("namespace")
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")


def _write(run: RunContext) -> Work[steps.ExtensionWritten]:
    """Write it once no other change is in progress."""
    while True:
        written = yield from run.call(steps.APPLY_EXTENSION)
        if "inProgress" not in written:
            return written
        yield from run.poll(steps.POLL_EXTENSION, POLL_EXTENSION, timeout_code=Code.EXTENSION_NOT_FINISHED, settle=True)


def _wait(run: RunContext, operation: str | None) -> Work[steps.ExtensionPolled]:
    """Wait for Azure; what the pods last waited for is lost with them when Helm gives up, so it is in the error."""
    try:
        return (
            yield from run.poll(
                steps.POLL_EXTENSION, POLL_EXTENSION, timeout_code=Code.EXTENSION_NOT_FINISHED, operation=operation
            )
        )
    except StepFailed as failure:
        error, detail = failure.error, run.detail
        if not detail or detail in error["message"]:
            raise
        raise StepFailed({**error, "message": f"{error['message']} Before that: {detail}."}) from failure
