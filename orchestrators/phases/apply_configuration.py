"""applyConfiguration: write the Flux configuration in Azure and wait until the agents have taken it."""

from arcway.domain import steps
from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code
from arcway.domain.gitops_request import ApplyGitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_EXTENSION
from arcway.domain.request import OnboardRequest

from orchestrators.run_context import RunContext, Work


def apply_configuration(run: RunContext) -> Work[None]:
    """What was seen to differ counts as changed, whichever attempt of the step changed it."""
    if not isinstance(run.request, ApplyGitopsRequest | OnboardRequest):
        raise TypeError("applyConfiguration is a phase of requests that have a Flux configuration")
    name = run.request.configuration.name
    written = yield from _write(run)
    changes = run.facts["configurationChanges"]
    if written["changed"]:
        run.mark_written()
    if changes or written["changed"]:
        run.mark_changed()
        _remember(run, name, written)
    polled = yield from run.poll(
        steps.POLL_CONFIGURATION,
        POLL_EXTENSION,
        timeout_code=Code.GITOPS_NOT_FINISHED,
        operation=written.get("operation"),
    )
    if key := polled.get("publicKey"):
        run.add_findings([_public_key(name, key)])
    if isinstance(run.request, ApplyGitopsRequest):
        run.facts["result"] = polled.get("resource")
    run.set_detail(f"changed {', '.join(changes)}" if changes else "already as requested")


def _write(run: RunContext) -> Work[steps.ConfigurationWritten]:
    """Write it once no change of another client is in progress."""
    while True:
        written = yield from run.call(steps.APPLY_CONFIGURATION)
        if "inProgress" not in written:
            return written
        yield from run.poll(
            steps.POLL_CONFIGURATION, POLL_EXTENSION, timeout_code=Code.GITOPS_NOT_FINISHED, settle=True
        )


def _remember(run: RunContext, name: str, written: steps.ConfigurationWritten) -> None:
    """What of the configuration is left if the run does not succeed, and what a rollback undoes."""
    is_new = not run.facts["configurationExists"]
    if written["created"] or (is_new and not written["changed"]):
        # An attempt of the step whose response was lost has created it.
        run.created(leftover("FluxConfiguration", name), steps.DELETE_CONFIGURATION)
    else:
        run.set_leftovers([leftover("FluxConfiguration", name, reason="Changed")])


def _public_key(name: str, key: str) -> Json:
    """The key is public: it is shown as it is, where other texts are searched for what looks like a secret."""
    code = Code.GITOPS_PUBLIC_KEY
    message = f"The public key of Flux configuration {name} is: {key}"
    return {"code": code, "level": "info", "message": message, "remedy": CATALOGUE[code].remedy}
