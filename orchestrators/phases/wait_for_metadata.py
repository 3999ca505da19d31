"""waitForMetadata: wait until the cluster is Connected with its metadata and all agents are Ready."""

from arcway.domain.codes import Code
from arcway.domain.phases import WAIT_FOR_METADATA

from orchestrators.run_context import RunContext, Work


def wait_for_metadata(run: RunContext) -> Work[None]:
    """The connected cluster as Azure returns it becomes the run's result."""
    if run.facts.get("upgraded") is False:
        run.set_detail("nothing was changed")
        return
    given = {"publicKey": run.facts.get("publicKey")}
    if "wanted" in run.facts:
        given["agentVersion"] = run.facts["wanted"]
    seen = yield from run.poll("wait_for_metadata", WAIT_FOR_METADATA, timeout_code=Code.CLUSTER_NOT_REPORTING, **given)
    yield from run.poll("poll_agents", WAIT_FOR_METADATA, timeout_code=Code.AGENTS_NOT_READY, identityIssued=True)
    run.facts["result"] = seen["resource"]
    run.set_detail("Connected")
