"""deleteConfiguration: delete a Flux configuration in Azure, and wait until its agents have removed its objects."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.gitops_request import DeleteGitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL

from orchestrators.run_context import RunContext, Work


def delete_configuration(run: RunContext) -> Work[None]:
    """Azure is asked again even if the check saw no configuration: it may have been created since."""
    if not isinstance(run.request, DeleteGitopsRequest):
        raise TypeError("deleteConfiguration is a phase of the request to delete a Flux configuration")
    name = run.request.configuration.name
    outcome = yield from run.call(steps.DELETE_CONFIGURATION)
    existed = run.facts["configurationExists"] or not outcome["done"]
    if existed:
        run.mark_changed()
        run.set_leftovers([leftover("FluxConfiguration", name, reason="NotRemovedYet")])
    if not outcome["done"]:
        yield from run.poll(
            steps.DELETE_CONFIGURATION,
            POLL_REMOVAL,
            timeout_code=Code.GITOPS_NOT_REMOVED,
            operation=outcome.get("operation"),
        )
    run.set_leftovers([])
    if existed and run.request.force:
        run.keep_leftovers([_objects(run, name)])
    parent = f"{run.request.cluster.resource_id}/providers/Microsoft.KubernetesConfiguration"
    run.facts["result"] = {
        "id": f"{parent}/fluxConfigurations/{name}",
        "configuration": "deleted" if existed else "absent",
    }
    run.set_detail("deleted" if existed else "the Flux configuration does not exist")


def _objects(run: RunContext, name: str) -> Json:
    """With force the agents may never remove what they have in the cluster."""
    return leftover("FluxConfig", name, namespace=run.facts.get("configurationNamespace"), reason="NotChecked")
