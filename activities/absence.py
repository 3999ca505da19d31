"""When a step may believe that something is not in Azure: Resource Manager does not show a write everywhere at once."""

from datetime import UTC, datetime
from typing import Any

from activities.step import Call
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

REPLICATION_SECONDS = 60.0
"""A write of this run may be missing from an answer for so long."""
READ_AGAIN_SECONDS = 5.0
"""Nothing is undone, deleted or taken over because of one read."""


def believe_absent(call: Call[Any], item: str) -> None:
    """Return if the item was absent twice, long enough after this run wrote it. Otherwise the step is repeated later.

    Raises `ArcError` ARC-4018, after which the step is done again.
    """
    if _age(call.payload.get("writtenAt"), REPLICATION_SECONDS) < REPLICATION_SECONDS:
        raise ArcError(
            Code.AZURE_REPLICATION_PENDING, f"Azure does not show {item} yet.", retry_after=REPLICATION_SECONDS / 4
        )
    if _age(call.payload.get("missedAt"), -1.0) < READ_AGAIN_SECONDS:
        raise ArcError(
            Code.AZURE_REPLICATION_PENDING,
            f"Azure does not show {item}; Arcway will ask again.",
            retry_after=READ_AGAIN_SECONDS,
        )


def _age(time: str | None, default: float) -> float:
    """Seconds since then; `default` if there is no time."""
    return default if time is None else (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
