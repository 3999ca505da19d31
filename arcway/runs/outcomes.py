"""How a run of a fleet's member ended, read from the engine instead of its report."""

import azure.durable_functions as df

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.run import ended_as
from arcway.runs.reader import get_run


async def outcome_of(client: df.DurableFunctionsClient, run_id: str) -> Json | None:
    """As the run would have reported it; None while it is in progress. Raises `ArcError` ARC-6007.

    A run that is not there any more was purged: how it ended is not known, as of one that a later run superseded.
    """
    try:
        run = await get_run(client, run_id)
    except ArcError as error:
        if error.code not in (Code.RUN_NOT_FOUND, Code.RUN_SUPERSEDED):
            raise
        return {"outcome": "Superseded", "changed": None, "code": None, "phase": None}
    return ended_as(run) if run["finishedAt"] else None
