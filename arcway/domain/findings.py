"""Findings about a cluster or about Azure."""

from collections.abc import Iterable
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE, redact
from arcway.domain.run import Finding
from arcway.domain.text import LONG


def finding(code: str, message: str, level: str = "error") -> dict[str, Any]:
    """A finding with the remedy of its code. Its message may quote what is from outside: it is redacted and cut."""
    return Finding.model_validate(
        {"code": code, "level": level, "message": redact(message, LONG), "remedy": CATALOGUE[Code(code)].remedy}
    ).as_json()


def not_allowed(actions: Iterable[str]) -> list[dict[str, Any]]:
    """A finding for every action that Arcway's identity lacks in the resource group."""
    return [
        finding(Code.AZURE_PERMISSION_MISSING, f"Arcway's identity lacks {action} in the resource group.")
        for action in actions
    ]
