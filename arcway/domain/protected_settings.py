"""Which protected settings of an extension or a Flux configuration a request changes.

Azure does not return their values, so one counts as different if its secret is newer than the last change of the
resource that has it.
"""

from collections.abc import Mapping, Set
from datetime import datetime

from arcway.domain.json_values import Json


def protected_changes(
    named: Set[str], existing: Set[str], resource: Json, written: Mapping[str, datetime | None], *, drop: bool
) -> list[str]:
    """The names of those that differ; with `drop` also of those that the request does not name.

    `written` is when the secret of each was last changed, None if that is not known.
    """
    changed_at = _last_change(resource)
    newer = [
        name for name in named & existing if changed_at is None or (at := written.get(name)) is None or at > changed_at
    ]
    return [*(named - existing), *newer, *(existing - named if drop else ())]


def protected_names(resource: Json) -> set[str]:
    """The names of the protected settings; their values are not returned by Azure."""
    protected = resource["properties"].get("configurationProtectedSettings")
    return {*protected} if isinstance(protected, dict) else set()


def _last_change(resource: Json) -> datetime | None:
    changed_at = (resource.get("systemData") or {}).get("lastModifiedAt")
    try:
        time = datetime.fromisoformat(str(changed_at))
    except ValueError:
        return None
    return time if time.tzinfo else None
