"""Findings as every look at a cluster or at Azure makes them. Must not know what was looked at."""

from typing import Any

from arcway.domain.errors import CATALOGUE
from arcway.domain.run import Finding


def finding(code: str, message: str, level: str = "error") -> dict[str, Any]:
    """A finding with the remedy of its code."""
    return Finding.model_validate(
        {"code": code, "level": level, "message": message, "remedy": CATALOGUE[code].remedy}
    ).as_json()
