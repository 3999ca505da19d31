"""Findings as the looks at a cluster make them. Must not know what was looked at."""

from collections.abc import Sequence
from typing import Any

from arcway.cluster.permissions import Permission, in_words
from arcway.domain.errors import CATALOGUE
from arcway.domain.run import Finding


def finding(code: str, message: str, level: str = "error") -> dict[str, Any]:
    """A finding with the remedy of its code."""
    return Finding.model_validate(
        {"code": code, "level": level, "message": message, "remedy": CATALOGUE[code].remedy}
    ).as_json()


def lacking(permissions: Sequence[Permission]) -> list[dict[str, Any]]:
    """One finding for each resource that the credential lacks verbs on."""
    return [finding("ARC-2008", f"The credential may not {text}.") for text in in_words(permissions)]
