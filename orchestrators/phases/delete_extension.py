"""deleteExtension: delete an extension in Azure, and wait until its agents have removed its release."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.policy_request import DisablePolicyRequest

from orchestrators.phases.named_extension import named_extension
from orchestrators.run_context import RunContext, Work


def delete_extension(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no extension: it may have been created since."""
    request = run.request
    if not isinstance(request, DeleteExtensionRequest | DisablePolicyRequest):
        raise TypeError("deleteExtension is a phase of the requests to delete an extension and to disable Azure Policy")
    name = request.extension.name if isinstance(request, DeleteExtensionRequest) else run.facts["extensionName"]
    outcome = yield from run.call(steps.DELETE_EXTENSION, **named_extension(run))
    existed = run.facts["extensionExists"] or not outcome["done"]
    if existed:
        run.mark_changed()
        run.set_leftovers([leftover("Extension", name, reason="NotRemovedYet")])
    if not outcome["done"]:
        yield from run.poll(
            steps.DELETE_EXTENSION,
            POLL_REMOVAL,
            timeout_code=Code.EXTENSION_NOT_REMOVED,
            operation=outcome.get("operation"),
            **named_extension(run),
        )
    run.set_leftovers([])
    result = {
        "id": f"{run.request.cluster.resource_id}/providers/Microsoft.KubernetesConfiguration/extensions/{name}",
        "extension": "deleted" if existed else "absent",
    }
    if isinstance(request, DisablePolicyRequest) and request.assignment is not None:
        result["assignment"] = "deleted" if run.facts.get("assignmentExists") else "absent"
    run.facts["result"] = result
    yield from _release(run, request, name, existed=existed)
    run.set_detail("deleted" if existed else "the extension does not exist")


def _release(
    run: RunContext, request: DeleteExtensionRequest | DisablePolicyRequest, name: str, *, existed: bool
) -> Work[None]:
    """With force the agents may never remove it; without a kubeconfig the cluster cannot be read."""
    if request.force:
        if existed:
            run.set_leftovers([leftover("HelmRelease", name, reason="NotChecked")])
        return
    if request.kubeconfig is not None:
        yield from run.poll(
            steps.POLL_EXTENSION_REMOVAL,
            POLL_REMOVAL,
            timeout_code=Code.EXTENSION_NOT_REMOVED,
            **named_extension(run),
        )
