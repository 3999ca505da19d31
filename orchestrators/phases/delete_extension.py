"""deleteExtension: delete an extension in Azure, and wait until its agents have removed its release."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.extension_request import DeleteExtensionRequest
from arcway.domain.gitops_request import DeleteGitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.policy_request import DisablePolicyRequest

from orchestrators.phases.apply_extension import name_of_extension
from orchestrators.run_context import RunContext, Work


def delete_extension(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no extension: it may have been created since."""
    if not isinstance(run.request, DeleteExtensionRequest | DeleteGitopsRequest | DisablePolicyRequest):
        raise TypeError("deleteExtension is a phase of requests that delete an extension")
    name = _name(run)
    outcome = yield from run.call(steps.DELETE_EXTENSION, **name_of_extension(run))
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
            **name_of_extension(run),
        )
    run.set_leftovers([])
    earlier = run.facts.get("result") or {
        "id": f"{run.request.cluster.resource_id}/providers/Microsoft.KubernetesConfiguration/extensions/{name}"
    }
    run.facts["result"] = {**earlier, "extension": "deleted" if existed else "absent", **_assignment(run)}
    yield from _release(run, name, existed=existed)
    run.set_detail("deleted" if existed else "the extension does not exist")


def _assignment(run: RunContext) -> Json:
    """What came of the policy assignment, if the request names one."""
    if not isinstance(run.request, DisablePolicyRequest) or run.request.assignment is None:
        return {}
    return {"assignment": "deleted" if run.facts.get("assignmentExists") else "absent"}


def _name(run: RunContext) -> str:
    request = run.request
    return request.extension.name if isinstance(request, DeleteExtensionRequest) else run.facts["extensionName"]


def _release(run: RunContext, name: str, *, existed: bool) -> Work[None]:
    """With force the agents may never remove it; without a kubeconfig the cluster cannot be read."""
    deletes = DeleteExtensionRequest | DeleteGitopsRequest | DisablePolicyRequest
    if isinstance(run.request, deletes) and run.request.force:
        if existed:
            run.add_leftovers([leftover("HelmRelease", name, reason="NotChecked")])
        return
    if run.request.kubeconfig is not None:
        yield from run.poll(
            steps.POLL_EXTENSION_REMOVAL,
            POLL_REMOVAL,
            timeout_code=Code.EXTENSION_NOT_REMOVED,
            **name_of_extension(run),
        )
