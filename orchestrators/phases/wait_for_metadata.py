"""waitForMetadata: wait until the cluster is Connected with its metadata and all agents are Ready."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.phases import WAIT_FOR_METADATA

from orchestrators.run_context import RunContext, Work


def wait_for_metadata(run: RunContext) -> Work[None]:
    """The connected cluster as Azure returns it becomes the run's result."""
    if run.facts.get("upgraded") is False:
        run.set_detail("nothing was changed")
        return
    arguments = {"publicKey": run.facts.get("publicKey")}
    if "wanted" in run.facts:
        arguments["agentVersion"] = run.facts["wanted"]
    outcome = yield from run.poll(
        steps.WAIT_FOR_METADATA, WAIT_FOR_METADATA, timeout_code=Code.CLUSTER_NOT_REPORTING, **arguments
    )
    yield from run.poll(steps.POLL_AGENTS, WAIT_FOR_METADATA, timeout_code=Code.AGENTS_NOT_READY, identityIssued=True)
    run.facts["result"] = outcome["resource"]
    run.set_detail("Connected")
