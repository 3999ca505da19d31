"""Who may use a secret whose owners are named: object ids, app roles, or the request queue.

Without owners a secret may be used by every holder of the role for the operation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QUEUE = "queue"
"""Stands for all who may send to the request queue: Service Bus does not say who sent a message."""
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class SecretUser:
    """Who asked for a run, as far as the owners of a secret go by it."""

    object_id: str | None = None
    roles: frozenset[str] = frozenset()

    @classmethod
    def of(cls, started: Mapping[str, Any]) -> "SecretUser":
        """From what an orchestration was started with; empty for runs that were started before owners existed."""
        identity = started.get("startedBy") or {}
        return cls(identity.get("objectId"), frozenset(started.get("roles") or ()))

    def owns(self, owners: str | None) -> bool:
        """Whether `owners` (words separated by commas, semicolons or spaces) names this user; true when there are none.

        Object ids are compared without regard to case, roles exactly.
        """
        words = {word for word in _SEPARATORS.split(owners or "") if word}
        if not words:
            return owners is None
        own_id = (self.object_id or "").lower()
        return bool(words & self.roles) or (bool(own_id) and own_id in {word.lower() for word in words})
