"""Small rules of Azure's texts that several parts need: patterns of actions, the way a distribution is written."""

import re
from collections.abc import Iterable

# Sent `aks`, the service keeps AKS (recorded); the other abbreviations are written alike.
_DISTRIBUTIONS = {name.lower(): name for name in ("AKS", "EKS", "GKE", "TKG")}


def matches(patterns: Iterable[str], action: str) -> bool:
    """Whether an action is among patterns with `*`, without regard to case."""
    expressions = (re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(pattern, action, re.IGNORECASE) for pattern in expressions)


def written_distribution(name: str) -> str:
    """A distribution in the service's own spelling."""
    return _DISTRIBUTIONS.get(name.lower(), name)
