"""deleteExtension: delete an extension in Azure, and wait until its agents have removed its release."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL

from orchestrators.run_context import RunContext, Work


def delete_extension(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no extension: it may have been created since."""
    if not isinstance(run.request, DeleteExtensionRequest):
        raise TypeError("deleteExtension is a phase of the request to delete an extension")
    name = run.request.extension.name
    outcome = yield from run.call(steps.DELETE_EXTENSION)
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
        )
    run.set_leftovers([])
    run.facts["result"] = {
        "id": f"{run.request.cluster.resource_id}/providers/Microsoft.KubernetesConfiguration/extensions/{name}",
        "extension": "deleted" if existed else "absent",
    }
    yield from _release(run, run.request, existed=existed)
    run.set_detail("deleted" if existed else "the extension does not exist")


def _release(run: RunContext, request: DeleteExtensionRequest, *, existed: bool) -> Work[None]:
    """With force the agents may never remove it; without a kubeconfig the cluster cannot be read."""
    if request.force:
        if existed:
            run.set_leftovers([leftover("HelmRelease", request.extension.name, reason="NotChecked")])
        return
    if request.kubeconfig is not None:
        yield from run.poll(steps.POLL_EXTENSION_REMOVAL, POLL_REMOVAL, timeout_code=Code.EXTENSION_NOT_REMOVED)
