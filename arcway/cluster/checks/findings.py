"""What a credential lacks, as findings."""

from collections.abc import Sequence
from typing import Any

from arcway.cluster.checks.permissions import Permission, in_words
from arcway.domain.codes import Code
from arcway.domain.findings import finding


def lacking(permissions: Sequence[Permission]) -> list[dict[str, Any]]:
    """One finding for each resource that the credential lacks verbs on."""
    return [
        finding(Code.CLUSTER_PERMISSION_MISSING, f"The credential lacks the permission to {permission}.")
        for permission in in_words(permissions)
    ]
