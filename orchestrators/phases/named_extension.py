"""The argument of steps about an extension whose name the check has found out: the one of Azure Policy."""

from arcway.domain.json_values import Json

from orchestrators.run_context import RunContext


def named_extension(run: RunContext) -> Json:
    """Empty for requests that name the extension themselves."""
    return {"extensionName": run.facts["extensionName"]} if "extensionName" in run.facts else {}
