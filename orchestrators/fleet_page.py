"""The orchestrator of a page of a fleet's list: it keeps the page, which is its input, until the fleet is over."""

from typing import Any

import azure.durable_functions as df
from durabletask.task import OrchestrationContext

from orchestrators.run_context import Work

blueprint = df.Blueprint()

OVER = "over"
"""The event to the fleet's pages when it is over."""


@blueprint.function_name("fleet_page")
@blueprint.orchestration_trigger(context_name="context", orchestration="fleet_page")
def keep_page(context: OrchestrationContext, payload: Any) -> Work[None]:
    """Keep a page of a fleet's list, which is the input, until the fleet is over."""
    yield context.wait_for_external_event(OVER)
