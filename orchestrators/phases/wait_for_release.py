"""waitForRelease: wait until the Deployments of an extension's release are Ready, where the cluster can be read."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.phases import POLL_EXTENSION

from orchestrators.phases.named_extension import named_extension
from orchestrators.run_context import RunContext, Work


def wait_for_release(run: RunContext) -> Work[None]:
    """Azure calls an extension Succeeded when Helm does, which does not wait for every chart."""
    if run.request.kubeconfig is None:
        run.set_detail("not checked: the request names no kubeconfig")
        run.set_leftovers([])
        return
    namespace = run.facts.get("extensionNamespace")
    yield from run.poll(
        steps.POLL_EXTENSION_RELEASE,
        POLL_EXTENSION,
        timeout_code=Code.EXTENSION_PODS_NOT_READY,
        namespace=namespace,
        **named_extension(run),
    )
    run.set_leftovers([])
