"""applyExtension: write the extension in Azure and wait until Azure has installed it."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.gitops_request import EXTENSION_TIMEOUT, ApplyGitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_EXTENSION
from arcway.domain.policy_request import EnablePolicyRequest

from orchestrators.failures import StepFailed
from orchestrators.run_context import RunContext, Work


def apply_extension(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    request = run.request
    run.set_time_limit(
        request.timeout
        if isinstance(request, ApplyExtensionRequest | ApplyGitopsRequest | EnablePolicyRequest)
        else EXTENSION_TIMEOUT
    )
    written = yield from _write(run)
    changes = run.facts["extensionChanges"]
    if written["changed"]:
        run.mark_written()
    if changes or written["changed"]:
        run.mark_changed()
        _remember(run, written)
    polled = yield from _wait(run, written.get("operation"))
    if isinstance(request, ApplyExtensionRequest | EnablePolicyRequest):
        run.facts["result"] = polled.get("resource")
    run.facts["extensionNamespace"] = polled.get("namespace")
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")


def _remember(run: RunContext, written: steps.ExtensionWritten) -> None:
    """What of the extension is left if the run does not succeed, and what a rollback undoes."""
    is_new = not run.facts["extensionExists"]
    if isinstance(run.request, ApplyExtensionRequest | EnablePolicyRequest):
        own_name = run.facts.get("extensionName", run.request.extension.name)
        run.set_leftovers([leftover("Extension", own_name, reason="Kept" if is_new else "Changed")])
        return
    name = run.facts["extensionName"]
    if written["created"] or (is_new and not written["changed"]):
        # An attempt of the step whose response was lost has created it.
        run.created(leftover("Extension", name), steps.DELETE_EXTENSION, extensionName=name)
    else:
        run.set_leftovers([leftover("Extension", name, reason="Changed")])


def _write(run: RunContext) -> Work[steps.ExtensionWritten]:
    """Write it once no other change is in progress."""
    while True:
        named = name_of_extension(run) if isinstance(run.request, EnablePolicyRequest) else {}
        # What a connect has written until now is not the extension: Azure need not be given time to show that.
        written = yield from run.call(steps.APPLY_EXTENSION, writtenAt=None, **named)
        if not isinstance(run.request, ApplyExtensionRequest):
            run.facts["extensionName"] = written["extensionName"]
        if "inProgress" not in written:
            return written
        yield from run.poll(
            steps.POLL_EXTENSION,
            POLL_EXTENSION,
            timeout_code=Code.EXTENSION_NOT_FINISHED,
            settle=True,
            **name_of_extension(run),
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
                **name_of_extension(run),
            )
        )
    except StepFailed as failure:
        error, detail = failure.error, run.detail
        if not detail or detail in error["message"]:
            raise
        raise StepFailed({**error, "message": f"{error['message']} Before that: {detail}."}) from failure


def name_of_extension(run: RunContext) -> Json:
    """The argument of steps about the extension of a request that does not name it."""
    return {"extensionName": run.facts["extensionName"]} if "extensionName" in run.facts else {}
