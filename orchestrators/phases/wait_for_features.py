"""waitForFeatures: wait until the agents report that the features are set up, and hand out the cluster's issuer."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.phases import WAIT_FOR_FEATURES

from orchestrators.run_context import RunContext, Work


def wait_for_features(run: RunContext) -> Work[None]:
    """The connected cluster with what there is to hand out becomes the run's result."""
    outcome = yield from run.poll(steps.WAIT_FOR_FEATURES, WAIT_FOR_FEATURES, timeout_code=Code.FEATURES_NOT_REPORTED)
    run.facts["result"] = outcome["resource"]
    issuer = outcome["resource"].get("features", {}).get("oidcIssuer", {}).get("issuerUrl")
    run.set_detail(f"set up; the issuer is {issuer}" if issuer else "set up")
