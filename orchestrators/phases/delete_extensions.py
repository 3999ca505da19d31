"""deleteExtensions: delete what a connected cluster has of Flux configurations and extensions, and wait for each."""

from arcway.domain import steps
from arcway.domain.codes import Code
from arcway.domain.leftovers import leftover
from arcway.domain.phases import POLL_REMOVAL
from arcway.domain.request import OffboardRequest

from orchestrators.run_context import RunContext, Work


def delete_extensions(run: RunContext) -> Work[None]:
    """Their agents remove the releases: where those do not work or are not asked, the releases stay and are named."""
    names = run.facts.get("extensions", [])
    if not names:
        run.set_detail("the connected cluster has no extensions")
        return
    request = run.request
    is_skipped = isinstance(request, OffboardRequest) and (request.azure_only or request.force)
    if is_skipped or not run.facts.get("isConnected"):
        run.keep_leftovers([leftover("HelmRelease", name, reason="NotChecked") for name in names])
        run.set_detail("left in the cluster: its agents are not asked to remove them")
        return
    run.mark_changed()
    yield from run.poll(
        steps.DELETE_EXTENSIONS, POLL_REMOVAL, timeout_code=Code.EXTENSION_NOT_REMOVED, extensions=names
    )
    run.set_detail(f"deleted {', '.join(names)}")
