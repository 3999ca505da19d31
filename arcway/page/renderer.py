"""Turns plain values into HTML with Jinja2: every value is escaped, and one that is missing is an error.

Jinja2 is imported when the first page is asked for (cold start).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from arcway.domain.connected_cluster import span
from arcway.domain.leftovers import describe
from arcway.domain.text import counted
from arcway.page.files import PLACE, address_of

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds every page: the viewer, what they may do, and the token that their forms carry."""

    viewer: str | None = None
    csrf: str = ""
    can_connect: bool = False
    can_sign_out: bool = False


def render(template: str, shell: Shell, **values: Any) -> str:
    """The page of this template. Raises what Jinja2 raises when a value is missing."""
    return _environment().get_template(template).render(shell=shell, **values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"PLACE": PLACE, "static": address_of}
    environment.filters |= {"age": age, "clock": clock, "counted": counted, "leftover": describe, "span": span}
    environment.filters["part"] = lambda text: quote(str(text), safe="")
    return environment


def age(timestamp: str, now: datetime) -> str:
    """How long ago an ISO 8601 time was."""
    return span(max(0, int((now - datetime.fromisoformat(timestamp)).total_seconds())))


def clock(timestamp: str) -> str:
    """An ISO 8601 time as people read it, in UTC."""
    return datetime.fromisoformat(timestamp).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
