"""waitForFeatures: wait until the agents report that the features are set up, and hand out the cluster's issuer."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import WAIT_FOR_FEATURES
from arcway.domain.request import UpdateRequest

from orchestrators.run_context import RunContext, Work


def wait_for_features(run: RunContext) -> Work[None]:
    """The connected cluster with what there is to hand out becomes the run's result.

    An update that fails or is canceled here keeps what it changed, and names it in `leftovers`.
    """
    is_changed = isinstance(run.request, UpdateRequest) and bool(run.facts.get("resourceChanges"))
    if is_changed:
        run.set_leftovers([leftover("ConnectedCluster", run.request.name, reason="Changed")])
    outcome = yield from run.poll(steps.WAIT_FOR_FEATURES, WAIT_FOR_FEATURES, timeout_code=Code.FEATURES_NOT_REPORTED)
    if is_changed:
        run.set_leftovers([])
    run.facts["result"] = outcome["resource"]
    issuer = outcome["resource"].get("features", {}).get("oidcIssuer", {}).get("issuerUrl")
    run.set_detail(f"set up; the issuer is {issuer}" if issuer else "set up")
